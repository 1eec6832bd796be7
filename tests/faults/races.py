"""Starts against whatever may come in between, and starts against starts: histories of twelve clients in several processes.

Only PostgreSQL's lock orders what different processes ask. Each history is checked against the ledger it left behind.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random
from uuid import uuid4

from events import ledger
from events.database import SERVICES, Database
from events.embedded import Servers
from events.envelope import Entry, Event
from events.rebuild import rebuild_service
from events.transaction import aside
from services.example import database_now
from services.installation import migrate
from tests.conftest import SECRET, House, administer, load_services, owner_url
from tests.faults.process import FORKS
from tests.faults.race_check import meetings, wrongs_of
from tests.faults.race_client import Asked, Job, serve
from tests.faults.race_ground import Ground, cleansings, facts, lay_out
from tests.faults.race_plan import CLIENTS, Planner
from tests.faults.row import Row
from tests.faults.tally import Tally
from tests.servers import start

PROCESSES = 3
MOST_CLINICS = 4
DECISIONS, LONG = 200, 1_000
SHARE, FULL = 50, 1_000
SEATS_PERCENT = 12
"""Bookings for a hundred decisions. A start that was refused is asked again with other things, and laying a place costs time."""

MOST_SECONDS = 180.0
"""A history that takes longer hangs."""


@dataclass
class Races:
    """A database, and the processes that the clients live in."""

    database: Database
    url: str
    owner_url: str
    wires: Sequence[Connection]
    every_ns: int = 60_000_000
    """Between two rounds: about what a round takes, so that its moves meet and do not pile up."""

    async def history(self, rng: Random, decisions: int) -> tuple[Sequence[Ground], list[Asked]]:
        """Lay out one to four clinics, and let everybody ask."""
        clinics = rng.randint(1, MOST_CLINICS)
        now = await database_now(self.database)
        grounds = tuple(lay_out(rng, now, max(decisions * SEATS_PERCENT // 100 // clinics, 8)) for _ in range(clinics))
        for ground in grounds:
            await furnish(self.database, ground)
        rounds = tuple(Planner(rng, grounds).rounds(decisions))
        begins_at = time.monotonic_ns() + 20_000_000
        job = Job(grounds, rounds, begins_at, self.every_ns)
        for wire in self.wires:
            wire.send(job)
        async with asyncio.timeout(MOST_SECONDS):
            played = [await asyncio.to_thread(wire.recv) for wire in self.wires]
        took = time.monotonic_ns() - begins_at
        # A tenth faster each time, until the clients are late and it grows again.
        self.every_ns = took * 9 // (10 * len(rounds))
        return grounds, [asked for asks in played for asked in asks]

    async def entries(self, ground: Ground) -> list[Entry[Event]]:
        async with aside(self.database, ground.clinic_id, "compliance") as rows:
            return [entry async for entry in ledger.read_all(rows, ground.clinic_id, 1)]


async def furnish(database: Database, ground: Ground) -> None:
    """Record what was there before the doors opened."""
    house = House(database, ground.clinic_id)
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, ground.clinic_id)
    opened_at = await database_now(database)
    for service, said in facts(ground, opened_at):
        await house.given(service, *said)
    await house.given("treatment", *cleansings(ground, await database_now(database)))


@asynccontextmanager
async def races(servers: Servers, plant: Callable[[], None] | None = None) -> AsyncIterator[Races]:
    """A database of their own, and three processes with four clients each."""
    name = f"races_{uuid4().hex}"
    await administer(servers, f'create database "{name}"')
    await migrate(owner_url(servers, name))
    url = servers.login_url("asepsis_app", name)
    load_services()
    database = Database(url, secret=SECRET)
    wires: list[Connection] = []
    processes: list[BaseProcess] = []
    for number in range(PROCESSES):
        here, there = FORKS.Pipe()
        process: BaseProcess = FORKS.Process(target=serve, args=(url, range(number, CLIENTS, PROCESSES), there, plant), daemon=True)
        process.start()
        there.close()
        wires.append(here)
        processes.append(process)
    try:
        yield Races(database, url, owner_url(servers, name), wires)
    finally:
        for wire, process in zip(wires, processes, strict=True):
            wire.send(None)
            await asyncio.to_thread(process.join, 10)
            if process.is_alive():
                process.kill()
            wire.close()
        await database.close()
        await administer(servers, f'drop database "{name}" with (force)')


def judge(entries: Sequence[Entry[Event]], asked: Sequence[Asked], tally: Tally, case: str) -> None:
    """Check one clinic's part of a history, and count it."""
    for sentence in wrongs_of(entries, asked):
        tally.wrong(f"{case}: {sentence}")
    for kind, count in meetings(entries, asked).items():
        tally.injected(kind, count)
    said = Counter(entry.type.removesuffix(".v1") for entry in entries)
    tally.counted("decisions", sum(bool(one.event_ids) for one in asked))
    tally.counted("starts granted", said["treatment.started"])
    tally.counted("starts refused", said["treatment.refused"])
    tally.counted("starts pressed again", sum(one.repeated and one.move.kind == "start" for one in asked))
    tally.counted("not answered", sum(one.failure.startswith("away") for one in asked))


async def unlike_the_ledger(played: Races, ground: Ground) -> list[str]:
    """Every service's projection of one clinic, made again."""
    return [
        difference
        for service in SERVICES
        for compared in await rebuild_service(played.database, service, ground.clinic_id)
        for difference in compared.differences
    ]


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """So many histories; the last one's tables are compared with its ledger."""
    decisions = DECISIONS if times <= SHARE else LONG
    servers = await asyncio.to_thread(start, directory / "servers")
    try:
        async with races(servers) as played:
            grounds: Sequence[Ground] = ()
            for number in range(times):
                seed = rng.getrandbits(32)
                grounds, asked = await played.history(Random(seed), decisions)
                for place, ground in enumerate(grounds):
                    mine = [one for one in asked if one.move.clinic == place]
                    judge(await played.entries(ground), mine, tally, f"history {number} ({seed}), clinic {place}")
                tally.counted("histories")
            for difference in await unlike_the_ledger(played, grounds[-1]):
                tally.wrong(difference)
    finally:
        await asyncio.to_thread(servers.stop)


ROW = Row(
    name="races",
    title="a start against withdrawal, recall, safety hold and expiry; two starts for one handpiece, cartridge, pack",
    kinds=("withdraw", "recall", "hold", "expiry", "handpiece", "cartridge", "pack"),
    share=SHARE,
    full=FULL,
    run=run,
    brief=8,
)
