"""One round of one peer: `python -m tests.benchmarks.peers arq '{"sockets": …}'` prints a line of JSON."""

import asyncio
import json
import logging
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import cast

import asyncpg

from tests.benchmarks.peers.place import Ask, Peer, Place
from tests.benchmarks.peers.usage import processor_seconds

WARM = 64
PATIENCE_SECONDS = 90
LOOK_SECONDS = 0.002


def peer_of(name: str) -> Peer:
    return cast("Peer", import_module(f"tests.benchmarks.peers.{name}"))


@asynccontextmanager
async def _working(name: str, peer: Peer, place: Place) -> AsyncIterator[None]:
    """The process that works, as long as this lasts."""
    if peer.work is None:
        yield
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.benchmarks.peers", name, place.write(), "work"), stdout=sys.stderr
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _done(watch: asyncpg.Connection, effects: str, wanted: int) -> None:
    """Wait until so many effects can be read."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await watch.fetchval(f"select count(*) from ({effects}) e") < wanted:  # noqa: ASYNC110 - it happens in the database
            await asyncio.sleep(0.01)


async def _rush(place: Place, ask: Ask, first: int, tasks: int) -> None:
    """So many tasks, by all clients, as fast as they are accepted."""
    numbers = iter(range(first, first + tasks))

    async def client() -> None:
        for number in numbers:
            await ask(f"task-{number}")

    await asyncio.gather(*(client() for _ in range(place.clients)))


async def _paced(place: Place, watch: asyncpg.Connection, ask: Ask, effects: str | None, first: int) -> list[float]:
    """Seconds from asking until the effect can be read, at a given rate."""
    begun = time.perf_counter() + 0.05
    asked: dict[str, float] = {}
    late: dict[str, float] = {}
    total = place.rate * place.seconds

    async def one(number: int) -> None:
        await asyncio.sleep(max(0.0, begun + number / place.rate - time.perf_counter()))
        name = f"task-{first + number}"
        asked[name] = time.perf_counter()
        await ask(name)
        if effects is None:
            late[name] = time.perf_counter() - asked[name]

    async def look() -> None:
        while len(late) < total:
            if effects is not None:
                found = await watch.fetch(effects)
                now = time.perf_counter()
                for row in found:
                    if row[0] in asked:
                        late.setdefault(row[0], now - asked[row[0]])
            await asyncio.sleep(LOOK_SECONDS)

    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(look(), *(one(number) for number in range(total)))
    return list(late.values())


async def one_round(name: str, place: Place) -> dict[str, float]:
    """Tasks a second, milliseconds at fifty a second, and milliseconds of the processor for each."""
    peer = peer_of(name)
    watch = await asyncpg.connect(place.dsn)
    await watch.execute("create table effects (id text primary key)")
    await peer.prepare(place)
    async with _working(name, peer, place), peer.asking(place) as ask:
        await _rush(place, ask, 0, WARM)
        if peer.EFFECTS is not None:
            await _done(watch, peer.EFFECTS, WARM)
        # First what is late, while few effects are there to be looked through.
        late = await _paced(place, watch, ask, peer.EFFECTS, WARM)
        first = WARM + len(late)
        begun, busy = time.perf_counter(), processor_seconds(place)
        await _rush(place, ask, first, place.tasks)
        if peer.EFFECTS is not None:
            await _done(watch, peer.EFFECTS, first + place.tasks)
        rate = place.tasks / (time.perf_counter() - begun)
        busy = processor_seconds(place) - busy
    await watch.close()
    return {"rate": rate, "p50": 1000 * statistics.median(late), "busy": 1000 * busy / place.tasks}


def _run(name: str, place: Place, *, working: bool) -> None:
    logging.disable(logging.WARNING)
    from uvloop import new_event_loop

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        if not working:
            sys.stdout.write(json.dumps(runner.run(one_round(name, place))) + "\n")
            sys.stdout.flush()
            return
        work = peer_of(name).work
        assert work is not None
        runner.run(_forever(work(place)))


async def _forever(work: object) -> None:
    await cast("asyncio.Future[None]", work)


if __name__ == "__main__":
    _run(sys.argv[1], Place.read(sys.argv[2]), working=sys.argv[3:] == ["work"])
