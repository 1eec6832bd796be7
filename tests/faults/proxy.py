"""What may happen on the way to PostgreSQL and to Valkey, while a crowd of writers gives commands."""

import asyncio
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import get_args

import httpx

from events.embedded import Servers
from tests.faults.afterwards import wrongs
from tests.faults.crowd import Crowd
from tests.faults.cuts import Cut, Fate, Moment, Proxy
from tests.faults.process import Order
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

FURNISHED = 2
PLAIN = 4
WRITERS = 6
PER_ROUND = 100
"""Cuts in one database; then everything is checked, and the next round begins in a new one."""
SECONDS = (0.1, 0.5)
LONG_SECONDS = (6.0, 12.0)
"""Longer than what anybody waits for a connection or a statement. One cut of the campaign in twenty."""
COMMIT_SECONDS = 5.0
POSTGRES_SOCKET = ".s.PGSQL.5432"


def _drawn(rng: Random, fate: Fate) -> Cut:
    return Cut(fate, pause=rng.uniform(0.02, 0.2), upward=rng.random() < 0.5, moment=rng.choice(get_args(Moment)))


async def _cut_again_and_again(proxies: dict[str, Proxy], rng: Random, times: int, tally: Tally, *, long: bool) -> None:
    """So many cuts that were seen to happen. Commits are cut at PostgreSQL twice as often: there they matter."""
    done = 0
    fates: list[Fate] = []
    while done < times:
        await asyncio.sleep(rng.uniform(0.0, 0.1))
        if not fates:
            fates = [*get_args(Fate)]
            rng.shuffle(fates)
        fate = fates.pop()
        server = rng.choice(("postgresql", "postgresql", "valkey"))
        seconds = rng.uniform(*(LONG_SECONDS if long and rng.random() < 0.05 else SECONDS))
        cut = _drawn(rng, fate)
        if not await proxies[server].suffer(cut, COMMIT_SECONDS if fate == "commit_reset" else seconds):
            fates.append(fate)
            continue
        tally.injected(fate)
        tally.counted(f"cuts before {server}")
        if fate == "commit_reset":
            tally.counted(f"commits cut {cut.moment}")
        done += 1


def _through(order: Order, proxies: dict[str, Proxy]) -> Order:
    """The same program, whose ways to both servers lead through the proxies."""
    name = order.settings.database_url.partition("@/")[2].partition("?")[0]
    settings = replace(
        order.settings,
        database_url=f"postgresql+asyncpg://asepsis_app@127.0.0.1:{proxies['postgresql'].port}/{name}",
        redis_url=f"redis://127.0.0.1:{proxies['valkey'].port}",
    )
    return replace(order, settings=settings)


async def play(stage: Stage, servers: Servers, rng: Random, times: int, tally: Tally, *, long: bool) -> None:
    """One round: a crowd, so many cuts, and what is left behind."""
    own = Tally()
    crowd = Crowd(stage, FURNISHED, rng, own)
    transport = httpx.AsyncHTTPTransport(uds=str(stage.order.door))
    async with (
        Proxy(servers.sockets / POSTGRES_SOCKET).listening() as postgresql,
        Proxy(servers.sockets / "valkey.sock").listening() as valkey,
    ):
        proxies = {"postgresql": postgresql, "valkey": valkey}
        async with stage.program(order=_through(stage.order, proxies)) as program:
            async with (
                httpx.AsyncClient(transport=transport, base_url="http://asepsis", timeout=20) as door,
                crowd.at_work(WRITERS, [door]),
            ):
                await _cut_again_and_again(proxies, rng, times, own, long=long)
            await stage.leases_end()
            for sentence in await wrongs(stage, crowd.memories):
                own.wrong(sentence)
            if program.deaths:
                own.wrong(f"the program ended by itself: {program.deaths}")
    tally.faults.update(own.faults)
    tally.counts.update(own.counts)
    tally.wrongs += own.wrongs


async def _run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    with start(directory) as servers:
        async with furnished_once(servers, clinics=FURNISHED, plain=PLAIN) as (name, examples):
            left, number = times, 0
            while left:
                number, cuts = number + 1, min(left, PER_ROUND)
                place = directory / str(number)
                place.mkdir()
                async with set_up(place, servers, name, examples) as stage:
                    await play(stage, servers, rng, cuts, tally, long=times > ROW.share)
                left -= cuts


ROW = Row(
    "proxy",
    "a proxy before PostgreSQL and Valkey: delay, one-way cut, reset in a commit, half-open, slow",
    get_args(Fate),
    40,
    2_000,
    _run,
)
