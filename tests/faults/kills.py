"""Random `kill -9`, of the program's processes, Valkey and PostgreSQL, while a crowd of writers gives commands at twenty clinics."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import asyncpg
import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.embedded import Servers
from tests.faults.afterwards import wrongs
from tests.faults.crowd import Crowd
from tests.faults.evidence import patience
from tests.faults.process import Order, Program
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

FURNISHED = 3
PLAIN = 17
WRITERS = 8
PER_ROUND = 60
"""Kills in one database; then everything is checked, and the next round begins in a new one."""
PARTS = (("booking", "consent", "hygiene", "relay"), ("treatment", "recovery", "compliance", "hygiene", "relay"))
"""Two processes. Hygiene's door and the relay are in both."""
LOG_CHARACTERS = 20_000
GONE_SECONDS = 5.0
BACK_SECONDS = 30.0


@dataclass(frozen=True)
class Pace:
    """What lies between two bursts: so many acknowledged commands for each kill, or so many seconds if they take longer."""

    commands: int
    seconds: float


CAMPAIGN = Pace(250, 20.0)
"""500,000 acknowledged commands in all."""
SHARE = Pace(3, 1.2)


@dataclass(frozen=True)
class Target:
    """Something to kill: its kind, and its process as it is now, if it runs."""

    kind: str
    find: Callable[[], Awaitable[int | None]]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def kill(target: Target, tally: Tally) -> bool:
    """Kill it now, if it lives; whether it really died."""
    pid = await target.find()
    if pid is None or not _alive(pid):
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    deadline = time.monotonic() + GONE_SECONDS
    while _alive(pid):
        if time.monotonic() > deadline:
            tally.wrong(f"{target.kind} {pid} survived SIGKILL")
            return False
        await asyncio.sleep(0.005)
    tally.injected(target.kind)
    return True


def targets(servers: Servers, programs: list[Program]) -> list[Target]:
    """Services half of the time, the servers the other half."""

    async def valkey() -> int | None:
        client = Redis.from_url(servers.redis_url, socket_timeout=0.5)
        try:
            return int((await client.info("server"))["process_id"])
        except (RedisError, OSError):
            return None
        finally:
            await client.aclose()

    async def postgresql() -> int | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int((servers.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        return None

    async def backend() -> int | None:
        """One connection's process: PostgreSQL then ends all of them and recovers."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, TimeoutError):
            connection = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""), timeout=1)
            try:
                query = "select pid from pg_stat_activity where usename = 'asepsis_app' order by random() limit 1"
                pid: int | None = await connection.fetchval(query)
            finally:
                connection.terminate()
            return pid
        return None

    def of(program: Program) -> Callable[[], Awaitable[int | None]]:
        async def service() -> int | None:
            return program.pid

        return service

    services = [Target("service", of(program)) for program in programs]
    return [
        *services,
        *services,
        Target("valkey", valkey),
        Target("valkey", valkey),
        Target("postgresql", postgresql),
        Target("postgresql", backend),
    ]


async def back(servers: Servers, programs: list[Program]) -> None:
    """Wait until everything runs again."""
    async with asyncio.timeout(BACK_SECONDS):
        while True:
            with contextlib.suppress(OSError, RedisError, asyncpg.PostgresError, TimeoutError):
                connection = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""), timeout=2)
                await connection.close()
                client = Redis.from_url(servers.redis_url, socket_timeout=2)
                try:
                    await client.ping()
                finally:
                    await client.aclose()
                break
            await asyncio.sleep(0.05)
    for program in programs:
        await program.ready()


@asynccontextmanager
async def running(stage: Stage, directory: Path) -> AsyncIterator[list[Program]]:
    """The processes, each with a door of its own."""
    async with AsyncExitStack() as stack:
        programs: list[Program] = []
        for number, parts in enumerate(PARTS):
            settings = replace(stage.order.settings, parts=parts)
            order = Order(settings, directory / f"http{number}.sock", directory / f"log{number}")
            programs.append(await stack.enter_async_context(Program(order)))
        yield programs


@asynccontextmanager
async def doors(programs: list[Program]) -> AsyncIterator[list[httpx.AsyncClient]]:
    """A client for each process."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.AsyncHTTPTransport(uds=str(program.order.door), verify=False), base_url="http://asepsis", timeout=8
                )
            )
            for program in programs
        ]


async def _strike(crowd: Crowd, found: list[Target], rng: Random, times: int, tally: Tally, pace: Pace) -> None:
    """So many kills in bursts of one to three; between them commands are answered, so that each burst meets work under way."""
    done = 0
    while done < times:
        before, burst = crowd.acknowledged, min(rng.randint(1, 3), times - done)
        struck = 0
        while struck < burst:
            await asyncio.sleep(rng.uniform(0.0, 0.2))
            struck += await kill(rng.choice(found), tally)
        done += burst
        until = time.monotonic() + pace.seconds
        while crowd.acknowledged < before + burst * pace.commands and time.monotonic() < until:  # noqa: ASYNC110 - a tally tells nobody
            await asyncio.sleep(0.02)


async def _outlast(crowd: Crowd, commands: int) -> None:
    """A slow machine answers little between two bursts: the writers go on until what was killed has been put to use again."""
    until = time.monotonic() + patience(BACK_SECONDS)
    while crowd.acknowledged < commands and time.monotonic() < until:  # noqa: ASYNC110 - a tally tells nobody
        await asyncio.sleep(0.05)


async def play(stage: Stage, servers: Servers, directory: Path, rng: Random, times: int, tally: Tally, pace: Pace) -> None:
    """One round: a crowd, so many kills, and what is left behind."""
    own = Tally()
    crowd = Crowd(stage, FURNISHED, rng, own)
    async with running(stage, directory) as programs:

        def ask_why() -> None:
            for program in programs:
                program.tell_what_goes_on()

        crowd.asks_why = ask_why
        async with doors(programs) as clients, crowd.at_work(WRITERS, clients):
            await _strike(crowd, targets(servers, programs), rng, times, own, pace)
            await back(servers, programs)
            await _outlast(crowd, times)
            owner = await asyncpg.connect(stage.owner_url.replace("+asyncpg", ""))
            stage = replace(stage, owner=owner)
            await stage.leases_end()
        try:
            for sentence in await wrongs(stage, crowd.memories):
                own.wrong(sentence)
        finally:
            await owner.close()
    own.counted("restarts of services", sum(len(program.deaths) for program in programs))
    died = [code for program in programs for code in program.deaths if code != -signal.SIGKILL]
    if died:
        own.wrong(f"processes ended by themselves: {died}")
    if own.wrongs:
        own.wrongs += [program.order.log.read_text(errors="replace")[-LOG_CHARACTERS:] for program in programs]
    tally.faults.update(own.faults)
    tally.counts.update(own.counts)
    tally.wrongs += own.wrongs


async def _run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    with start(directory) as servers:
        async with furnished_once(servers, clinics=FURNISHED, plain=PLAIN) as (name, examples):
            left, number = times, 0
            while left:
                number, kills = number + 1, min(left, PER_ROUND)
                place = directory / str(number)
                place.mkdir()
                async with set_up(place, servers, name, examples) as stage:
                    await play(stage, servers, place, rng, kills, tally, CAMPAIGN if times > ROW.share else SHARE)
                left -= kills


ROW = Row(
    "kills",
    f"kill -9 under {WRITERS} writers and 2 tablets on {FURNISHED + PLAIN} clinics",
    ("service", "valkey", "postgresql"),
    60,
    2_000,
    _run,
    brief=15,
)
