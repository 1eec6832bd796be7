"""Row: who holds a clinic's lock is frozen or cut off without a word, or a crowd is at one clinic: its neighbors hardly notice."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx

from events.transaction import Transaction
from tests.faults.afterwards import wrongs
from tests.faults.crowd import Memory
from tests.faults.neighbors import CROWD, Crowd, Neighbor, asked_meanwhile, door_at, hammer, p99, reprocess
from tests.faults.process import FORKS, Program
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.outage import Wire, wire
from tests.servers import start

KINDS = ("frozen", "half_open", "hot")
POSTGRES_SOCKET = ".s.PGSQL.5432"
PER_DATABASE = 12
QUIET_SECONDS = 1.0
THAW_SECONDS = 1.0
LOCK_SECONDS = 2.0
IDLE_SECONDS = 5.0
SLACK_SECONDS = 4.0
"""For a machine that is busy with other tests."""
OTHERS = 8
HOT_SECONDS = 2.0
TWICE = 2.0
NOISE_SECONDS = 0.1
NOISE_OF_FEW_SECONDS = 1.0
"""The neighbors' p99 may be twice that of quiet times in the same run, and this much more. Of a few dozen answers on a busy
machine it is nearly the longest: there, what is seen is that no neighbor waits as long as the clinic's own people do."""


def _stop_if_asked(asked: Path) -> None:
    if asked.exists():
        asked.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


def freeze_when_asked(clinic_id: UUID, asked: Path) -> None:
    """In the new process: stop in the middle of this clinic's next decision once the file is there."""
    answer = Transaction.answer

    async def answer_late(self: Transaction, *args: Any, **more: Any) -> Any:
        if self.clinic_id == clinic_id:
            _stop_if_asked(asked)
        return await answer(self, *args, **more)

    Transaction.answer = answer_late  # type: ignore[method-assign]


@dataclass
class Scene:
    """One clinic in trouble with two neighbors, and two processes: the holder of the lock, and the one that everybody else asks."""

    stage: Stage
    holder: Program
    wire: Wire
    asked: Path
    doors: tuple[httpx.AsyncClient, httpx.AsyncClient]
    memory: Memory
    neighbors: tuple[Neighbor, Neighbor]
    tally: Tally
    answers: dict[str, list[float]] = field(default_factory=dict)
    """The neighbors' seconds, in quiet times and in trouble."""

    async def is_held(self) -> bool:
        """Whether somebody holds the clinic's lock and says nothing."""
        query = """
            select count(*) from pg_locks l join pg_stat_activity a using (pid)
             where l.locktype = 'advisory' and l.granted and a.state = 'idle in transaction' and l.database = (
                     select oid from pg_database where datname = current_database())
               and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1::text, 0)
            """
        return bool(await self.stage.owner.fetchval(query, str(self.memory.example.clinic_id)))

    def stands_still(self) -> bool:
        """Whether the holder's process is stopped."""
        return Path(f"/proc/{self.holder.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def note(self, kind: str, began: float) -> None:
        """What neighbors asked since then was asked in such a time."""
        for neighbor in self.neighbors:
            self.answers.setdefault(kind, []).extend(neighbor.between(began, time.monotonic()))

    async def told(self, times: int) -> list[tuple[int, float]]:
        """So many at once ask at the clinic, each once: what they are told, and after how long."""

        async def one() -> tuple[int, float]:
            began = time.monotonic()
            reply = await reprocess(self.doors[1], self.memory, uuid4())
            return reply.status_code, time.monotonic() - began

        return await asyncio.gather(*(one() for _ in range(times)))


async def until(met: Callable[[], Awaitable[bool]], seconds: float) -> bool:
    """Whether it came true in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if await met():
            return True
        await asyncio.sleep(0.02)
    return False


async def freeze(scene: Scene, kind: str) -> "asyncio.Task[httpx.Response]":
    """Ask the holder something; in the middle of it, it stops."""
    scene.asked.touch()
    subject = uuid4()

    async def persist() -> httpx.Response:
        while True:
            try:
                reply = await reprocess(scene.doors[0], scene.memory, subject)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return reply
            scene.tally.counted("holders told 503")

    asking = asyncio.create_task(persist())

    async def stopped_with_the_lock() -> bool:
        return scene.stands_still() and await scene.is_held()

    if await until(stopped_with_the_lock, 10):
        scene.tally.injected(kind)
    else:
        scene.tally.wrong(f"{kind}: nobody stopped with the clinic's lock")
    return asking


async def thaw_soon(scene: Scene) -> None:
    """The holder goes on after a second: everybody waits for it, and nobody is refused."""
    asking = await freeze(scene, "frozen")
    waiting = asyncio.create_task(scene.told(OTHERS))
    await asyncio.sleep(THAW_SECONDS)
    os.kill(scene.holder.pid or 0, signal.SIGCONT)
    _granted(scene, "frozen for a second", [*[status for status, _ in await waiting], (await asking).status_code])


def _granted(scene: Scene, case: str, statuses: Sequence[int]) -> None:
    if any(status not in {200, 201} for status in statuses):
        scene.tally.wrong(f"{case}: answered {list(statuses)}")


async def _refused_and_freed(scene: Scene, case: str) -> None:
    """Nobody at the clinic waits longer than the limits; then the lock is taken from its holder, and all goes on."""
    began = time.monotonic()
    for status, seconds in await scene.told(OTHERS):
        if status not in {200, 201, 503} or seconds > LOCK_SECONDS + SLACK_SECONDS:
            scene.tally.wrong(f"{case}: answered {status} after {seconds:.1f} s")
        scene.tally.counted("others told 503" if status == httpx.codes.SERVICE_UNAVAILABLE else "others granted")

    async def goes_on() -> bool:
        return (await scene.told(1))[0][0] in {200, 201}

    if not await until(goes_on, IDLE_SECONDS + SLACK_SECONDS - (time.monotonic() - began)):
        scene.tally.wrong(f"{case}: {time.monotonic() - began:.1f} s later nothing goes on")


async def stay_frozen(scene: Scene) -> None:
    """The holder goes on when it has lost the lock: what it decided did not happen, and it is decided again, once."""
    asking = await freeze(scene, "frozen")
    await _refused_and_freed(scene, "frozen")
    if not scene.stands_still():
        scene.tally.wrong("frozen: the holder went on by itself")
    os.kill(scene.holder.pid or 0, signal.SIGCONT)
    _granted(scene, "thawed", [(await asking).status_code])


async def cut_off(scene: Scene) -> None:
    """The holder's machine is gone, and PostgreSQL was not told."""
    asking = await freeze(scene, "half_open")
    scene.wire.fall_silent()
    os.kill(scene.holder.pid or 0, signal.SIGKILL)
    await _refused_and_freed(scene, "half-open")
    _granted(scene, "after the holder's end", [(await asking).status_code])
    await scene.wire.forget_the_silent()


async def crowded(scene: Scene) -> None:
    """A crowd at the clinic, in a process of its own: what is timed is the program."""
    here, there = FORKS.Pipe(duplex=False)
    order = (scene.stage.order.door, scene.memory.example, HOT_SECONDS, there)
    process = FORKS.Process(target=hammer, args=order, daemon=True)
    await asyncio.to_thread(process.start)
    there.close()
    crowd: Crowd = await asyncio.to_thread(here.recv)
    await asyncio.to_thread(process.join)
    scene.memory.given.update(crowd.memory.given)
    scene.tally.counted("answers to crowds", len(crowd.memory.given))
    scene.tally.counted("crowds told 503", crowd.refused)
    for sentence in crowd.wrong[:3]:
        scene.tally.wrong(sentence)
    if len(crowd.memory.given) + crowd.refused >= CROWD:
        scene.tally.injected("hot")


@asynccontextmanager
async def scene_on(stage: Stage, sockets: Path, place: Path, tally: Tally) -> AsyncIterator[Scene]:
    """Two processes; between the first one and PostgreSQL there is a wire."""
    asked, memory = place / "freeze", Memory(stage.example)
    neighbors = (Neighbor(Memory(stage.others[0].example)), Neighbor(Memory(stage.others[1].example)))
    async with AsyncExitStack() as stack:
        cable = await stack.enter_async_context(wire(place / POSTGRES_SOCKET, sockets / POSTGRES_SOCKET))
        url = stage.order.settings.database_url.replace(quote(str(sockets), safe=""), quote(str(place), safe=""))
        order = replace(
            stage.redirected(database_url=url),
            door=place / "holder.sock",
            log=place / "holder.log",
            mischief=partial(freeze_when_asked, stage.example.clinic_id, asked),
        )
        holder = await stack.enter_async_context(stage.program(order=order))
        await stack.enter_async_context(stage.program())
        doors = (
            await stack.enter_async_context(door_at(order.door)),
            await stack.enter_async_context(door_at(stage.order.door)),
        )
        yield Scene(stage, holder, cable, asked, doors, memory, neighbors, tally)


async def play(scene: Scene, kinds: Sequence[str], rng: Random) -> None:
    """Quiet and trouble in turns, and quiet at the end."""
    for kind in kinds:
        await _calm(scene)
        began = time.monotonic()
        if kind == "frozen":
            await rng.choice((thaw_soon, stay_frozen))(scene)
        else:
            await {"half_open": cut_off, "hot": crowded}[kind](scene)
        scene.note("hot" if kind == "hot" else "held", began)
    await _calm(scene)


async def _calm(scene: Scene) -> None:
    began = time.monotonic()
    await asyncio.sleep(QUIET_SECONDS)
    scene.note("quiet", began)


def compare(answers: dict[str, list[float]], tally: Tally, noise_seconds: float) -> None:
    """The neighbors' p99 in trouble beside that of quiet times."""
    usual = p99(answers["quiet"])
    for kind, found in answers.items():
        seconds = p99(found)
        tally.counted(f"neighbors' p99 while {kind}, ms", round(seconds * 1000))
        if seconds > TWICE * usual + noise_seconds:
            tally.wrong(f"while {kind} the neighbors' p99 is {seconds * 1000:.0f} ms, {usual * 1000:.0f} ms in quiet times")


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """Each kind in turn, in an order that chance decides."""
    kinds = [KINDS[number % len(KINDS)] for number in range(times)]
    rng.shuffle(kinds)
    answers = dict[str, list[float]]()
    with start(directory / "servers") as servers:
        async with furnished_once(servers, clinics=3) as (name, examples):
            for begun in range(0, times, PER_DATABASE):
                place = directory / str(begun)
                place.mkdir()
                async with set_up(place, servers, name, examples) as stage:
                    async with scene_on(stage, servers.sockets, place, tally) as scene:
                        async with asked_meanwhile(*scene.neighbors, stage, scene.doors[1]):
                            await play(scene, kinds[begun : begun + PER_DATABASE], rng)
                        for neighbor in scene.neighbors:
                            tally.counted("answers to neighbors", len(neighbor.answers))
                            for refused in neighbor.refused[:3]:
                                tally.wrong(f"a neighbor was refused: {refused}")
                        for sentence in await wrongs(stage, [scene.memory, *(neighbor.memory for neighbor in scene.neighbors)]):
                            tally.wrong(sentence)
                    for kind, found in scene.answers.items():
                        answers.setdefault(kind, []).extend(found)
    compare(answers, tally, NOISE_SECONDS if times > ROW.share else NOISE_OF_FEW_SECONDS)


ROW = Row(
    "frozen", f"the holder of a clinic's lock frozen or half-open; a clinic with {CROWD} clients at once", KINDS, 4, 100, run, brief=0
)
