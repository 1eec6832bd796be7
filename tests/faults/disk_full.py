"""Row: the disk under PostgreSQL and Valkey is full while a crowd is at work, until somebody makes room."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from uuid import uuid4

import asyncpg
import httpx

from events.embedded import Servers
from tests.faults.afterwards import wrongs
from tests.faults.crowd import Crowd
from tests.faults.kills import back
from tests.faults.neighbors import door_at, reprocess
from tests.faults.process import Program
from tests.faults.row import Row
from tests.faults.small_disk import SmallDisk, small_disk
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

KINDS = ("tables", "log")
"""PostgreSQL cannot lengthen a table; it cannot begin a new file of its log, which ends it."""

MEGABYTES = 400
FURNISHED, PLAIN, WRITERS = 2, 2, 4
PER_DATABASE = 10
FULL_SECONDS = 1.5
NOTICED_SECONDS = 30.0
AGAIN_SECONDS = 20.0
MOST_SEGMENTS = 60
REST_SECONDS = 15.0
"""The last commands are given again after two, four and eight seconds."""


@dataclass
class Scene:
    """The disk, the servers on it, the program, and the crowd."""

    stage: Stage
    servers: Servers
    disk: SmallDisk
    program: Program
    crowd: Crowd
    door: httpx.AsyncClient
    tally: Tally

    async def owner(self) -> asyncpg.Connection:
        """Somebody with every right, on a connection of their own."""
        return await asyncpg.connect(self.stage.owner_url.replace("+asyncpg", ""), timeout=5)

    async def answered(self, more: int, seconds: float) -> bool:
        """Whether so many more commands are answered in that time."""
        goal, deadline = self.crowd.acknowledged + more, time.monotonic() + seconds
        while self.crowd.acknowledged < goal:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True


async def tables_are_full(scene: Scene) -> bool:
    """Whether PostgreSQL says that it has no room."""
    owner = await scene.owner()
    try:
        await owner.execute("create table public.one_more as select repeat('x', 2000) from generate_series(1, 5000)")
    except asyncpg.DiskFullError:
        return True
    finally:
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await owner.execute("drop table if exists public.one_more")
        await owner.close()
    return False


async def log_is_full(scene: Scene) -> bool:
    """Use up the files of the log that are there already, as a long day would; whether PostgreSQL ended of it."""
    try:
        owner = await scene.owner()
        for _ in range(MOST_SEGMENTS):
            await owner.execute("select pg_switch_wal(), pg_current_xact_id()")
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return not await _accepts(scene)
    await owner.close()
    return False


async def _accepts(scene: Scene) -> bool:
    try:
        await (await scene.owner()).close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True


async def _press(scene: Scene, case: str, *, away: bool) -> None:
    """What the door says meanwhile: granted and kept, or 503."""
    until = time.monotonic() + FULL_SECONDS
    while time.monotonic() < until:
        reply = await reprocess(scene.door, scene.crowd.memories[0], uuid4())
        scene.tally.counted(f"answers {reply.status_code} while full")
        if reply.status_code not in {200, 201, 503} or (away and reply.status_code != httpx.codes.SERVICE_UNAVAILABLE):
            scene.tally.wrong(f"{case}: answered {reply.status_code}: {reply.text[:400]}")
        scene.disk.fill()
        await asyncio.sleep(0.05)


async def run_full(scene: Scene, kind: str) -> None:
    """Full for a while, in the middle of the work; then there is room again, and nobody else does anything."""
    if not await scene.answered(10, AGAIN_SECONDS):
        scene.tally.wrong(f"{kind}: nothing is answered before the disk is full")
    scene.disk.fill()
    try:
        noticed, deadline = False, time.monotonic() + NOTICED_SECONDS
        while not noticed and time.monotonic() < deadline:
            noticed = await (tables_are_full(scene) if kind == "tables" else log_is_full(scene))
            scene.disk.fill()
        if noticed:
            scene.tally.injected(kind)
        else:
            scene.tally.wrong(f"{kind}: PostgreSQL does not notice that the disk is full, {scene.disk.free_bytes} bytes are free")
        await _press(scene, kind, away=kind == "log")
    finally:
        scene.disk.release()
    began = time.monotonic()
    await back(scene.servers, [scene.program])
    if not await scene.answered(10, AGAIN_SECONDS):
        scene.tally.wrong(f"{kind}: {time.monotonic() - began:.0f} s after there is room again nothing goes on")


@asynccontextmanager
async def _anew(stage: Stage) -> AsyncIterator[Stage]:
    """With a connection that has not been through it."""
    owner = await asyncpg.connect(stage.owner_url.replace("+asyncpg", ""))
    try:
        yield replace(stage, owner=owner)
    finally:
        await owner.close()


async def play(stage: Stage, servers: Servers, disk: SmallDisk, kinds: list[str], rng: Random, tally: Tally) -> None:
    """One database: a crowd, the disk full a few times, and what is left behind."""
    crowd = Crowd(stage, FURNISHED, rng, tally, batch=3)
    async with stage.program() as program, door_at(stage.order.door) as door:
        async with crowd.at_work(WRITERS, [door]):
            for kind in kinds:
                await run_full(Scene(stage, servers, disk, program, crowd, door, tally), kind)
        async with _anew(stage) as seen:
            await seen.leases_end()
            for sentence in await wrongs(seen, crowd.memories, seconds=REST_SECONDS):
                tally.wrong(f"after {kinds}: {sentence}")
        if program.deaths:
            tally.wrong(f"after {kinds}: the program ended: {program.deaths}")


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """Each kind in turn."""
    kinds = [KINDS[number % len(KINDS)] for number in range(times)]
    with small_disk(directory / "disk", MEGABYTES) as disk, start(disk.path / "servers") as servers:
        async with furnished_once(servers, clinics=FURNISHED, plain=PLAIN) as (name, examples):
            for begun in range(0, times, PER_DATABASE):
                place = directory / str(begun)
                place.mkdir()
                async with set_up(place, servers, name, examples) as stage:
                    await play(stage, servers, disk, kinds[begun : begun + PER_DATABASE], rng, tally)


ROW = Row("disk_full", "the disk full under PostgreSQL and Valkey, with a crowd at work", KINDS, len(KINDS), 50, run)
