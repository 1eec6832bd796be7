"""The stream `events` in bad weather: flushed each second, standing still, half of it lost, half doubled, reordered, forged."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import asyncpg
from redis.exceptions import RedisError

from events.chain import first_break
from events.database import SERVICES
from events.endings import ended
from events.envelope import Entry, versioned_type
from events.projection import projection_of
from events.rebuild import rebuild_service
from tests.faults.afterwards import comes_to_rest, longest_lag, wrongs
from tests.faults.crowd import Crowd
from tests.faults.past import COLUMNS, EPOCH, KINDS_OF_LIFE, Grown
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.faults.weather import Announcer, announcing
from tests.servers import start

GROWN = 4
LIVE = 3
WRITERS = 4
PER_ROUND = 100_000
"""Events in one database; then everything is checked, and the next round begins in a new one."""
AT_ONCE = 500
MOST_BEHIND = 5_000
"""Events come as fast as they are followed."""
STOPPED_SECONDS = 20.0
STOPPED_SECONDS_IN_TESTS = 3.0
FLUSH_SECONDS = 1.0


@asynccontextmanager
async def flushed(stage: Stage, standing_still: asyncio.Event, tally: Tally) -> AsyncIterator[None]:
    """Everything is forgotten each second, except while nobody answers."""

    async def go_on() -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if not standing_still.is_set():
                with contextlib.suppress(RedisError, OSError):
                    await stage.valkey.flushall()
                    tally.injected("flushall")

    going = asyncio.create_task(go_on())
    try:
        yield
    finally:
        await ended(going)


def state_of(pid: int) -> str:
    """As the kernel has it: `T` stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def stand_still(stage: Stage, standing_still: asyncio.Event, seconds: float, tally: Tally) -> None:
    """Valkey neither answers nor refuses."""
    pid = (await stage.valkey.info("server"))["process_id"]
    standing_still.set()
    os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
        if state_of(pid) == "T":
            tally.injected("stopped")
    finally:
        os.kill(pid, signal.SIGCONT)
        standing_still.clear()


class Reader:
    """Announces what the program recorded at the live clinics, in its place: it was told to be silent."""

    def __init__(self, owner: asyncpg.Connection, clinics: list[UUID]) -> None:
        self._owner = owner
        self._sizes = dict.fromkeys(clinics, 0)

    async def news(self) -> list[Entry[Any]]:
        found: list[Entry[Any]] = []
        for clinic_id, size in self._sizes.items():
            query = f"select {', '.join(COLUMNS)} from ledger.entries where clinic_id = $1 and epoch = $2 and index >= $3 order by index"
            entries: list[Entry[Any]] = [Entry(*row) for row in await self._owner.fetch(query, clinic_id, EPOCH, size)]
            self._sizes[clinic_id] = size + len(entries)
            found += entries
        return found


async def _blow(stage: Stage, grown: list[Grown], announcer: Announcer, rng: Random, events: int, tally: Tally, seconds: float) -> None:
    """So many events, and all that may happen to the news of them."""
    reader = Reader(stage.owner, [clinic.example.clinic_id for clinic in stage.clinics if clinic.example.clinic_id not in _ids(grown)])
    standing_still = asyncio.Event()
    pause = asyncio.create_task(asyncio.sleep(rng.uniform(1.0, 3.0)))
    stop: asyncio.Task[None] | None = None
    done = 0
    async with flushed(stage, standing_still, tally):
        while done < events or stop is None or not stop.done():
            if pause.done() and stop is None:
                stop = asyncio.create_task(stand_still(stage, standing_still, seconds, tally))
            ledger = rng.choice(grown)
            if done < events:
                count = min(AT_ONCE, events - done)
                await announcer.announce(await ledger.grow(stage.owner, count))
                tally.counted("events", count)
                done += count
            await announcer.announce(await reader.news())
            await announcer.lie(ledger.clinic_id)
            while await longest_lag(stage) > MOST_BEHIND:  # noqa: ASYNC110 - the servers tell nobody
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.01 if done < events else 0.1)
        await stop


def _ids(grown: list[Grown]) -> set[UUID]:
    return {ledger.clinic_id for ledger in grown}


async def _sound(stage: Stage, grown: list[Grown]) -> list[str]:
    """Of the grown ledgers: chained, whole, and every table as the ledger says."""
    found: list[str] = []
    for ledger in grown:
        query = f"select {', '.join(COLUMNS)} from ledger.entries where clinic_id = $1 order by index"
        entries = [Entry[Any](*row) for row in await stage.owner.fetch(query, ledger.clinic_id)]
        broken = first_break(entries, ledger.clinic_id, EPOCH)
        if broken is not None or len(entries) != ledger.size:
            found.append(f"the grown ledger of {ledger.clinic_id} has {len(entries)} entries, not {ledger.size}, or breaks: {broken}")
    heard = {service for service in SERVICES if projection_of(service).hears & {versioned_type(kind) for kind in KINDS_OF_LIFE}}
    for service in sorted(heard):
        for compared in await rebuild_service(stage.database, service):
            found += [f"rebuild of {service}: {difference}" for difference in compared.differences]
    return found


async def play(stage: Stage, rng: Random, events: int, tally: Tally, seconds: float) -> None:
    """One round: so many events, and what is left behind."""
    own = Tally()
    now = await stage.owner.fetchval("select clock_timestamp()")
    ours = stage.clinics[:GROWN]
    grown = [Grown(clinic.example.clinic_id, Random(rng.random()), now) for clinic in ours]
    for ledger in grown:
        await ledger.continue_behind(stage.owner)
    live = replace(stage.clinics[GROWN], others=stage.clinics[GROWN + 1 :])
    crowd = Crowd(live, 0, rng, own)
    async with stage.program(order=replace(stage.order, gossip="silent")):
        async with (
            announcing(stage.order.settings.redis_url, rng, own) as announcer,
            crowd.at_work(WRITERS),
        ):
            await _blow(stage, grown, announcer, rng, events, own, seconds)
        found = await comes_to_rest(stage)
        found += await wrongs(live, crowd.memories)
        found += await _sound(stage, grown)
    for sentence in found:
        own.wrong(sentence)
    tally.faults.update(own.faults)
    tally.counts.update(own.counts)
    tally.wrongs += own.wrongs


async def _run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    seconds = STOPPED_SECONDS if times > ROW.share else STOPPED_SECONDS_IN_TESTS
    with start(directory) as servers:
        async with furnished_once(servers, clinics=0, plain=GROWN + LIVE) as (name, examples):
            left, number = times, 0
            while left:
                number, events = number + 1, min(left, PER_ROUND)
                place = directory / str(number)
                place.mkdir()
                async with set_up(place, servers, name, examples) as stage:
                    await play(stage, rng, events, tally, seconds)
                left -= events


KINDS = ("flushall", "stopped", "lost", "doubled", "reordered", "forged")
ROW = Row(
    "streams",
    "Valkey flushed each second and standing still, announcements lost, doubled, reordered, forged",
    KINDS,
    50_000,
    2_000_000,
    _run,
    brief=20_000,
)
