"""Row 3: the gate. Every decision loads the whole case and asks every rule; it is refused for one indicator, and recorded."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from uuid import UUID, uuid4

from events.database import Database
from events.transaction import project
from tests.benchmarks.ground import Ground, grow, open_clinic
from tests.benchmarks.history import SPARSE, past
from tests.benchmarks.measure import Curve, Row, at, crowd
from tests.conftest import House
from tests.services.treatment_room import Room, a_room

RATE = 50
LATE_MS = 30
FLAT = 1.25


async def _room(database: Database, clinic_id: UUID) -> Room:
    return await (await a_room(House(database, clinic_id))).ready()


async def _decide(room: Room) -> float:
    """One decision; returns the seconds it took."""
    packs = tuple(pack.model_copy(update={"indicator_changed": False}) for pack in room.request().packs)
    begun = time.perf_counter()
    answer = await room.start(str(uuid4()), packs=packs)
    took = time.perf_counter() - begun
    assert answer.event.refusal
    assert sum(finding.verdict == "unmet" for finding in answer.event.findings) == 1, answer.event.findings
    return took


async def rates(ground: Ground, clinics: int, rounds: int, seconds: int) -> list[Row]:
    """Decisions a second on one clinic and on many, and how late the latest of a hundred is at a given rate."""
    database = ground.open(16)
    try:
        rooms = [await _room(database, await open_clinic(database)) for _ in range(clinics)]
        found = []
        turns = count()

        async def next_room(of: list[Room]) -> None:
            await _decide(of[next(turns) % len(of)])

        for many in sorted({1, min(100, clinics), clinics}):
            some = partial(_ignoring, partial(next_room, rooms[:many]))
            rate = [await crowd(8, seconds, some) for _ in range(rounds)]
            found.append(Row(f"gate, {many} clinic{'s' * (many > 1)}, one process", "decisions/s", rate))
        late, middle = [], []
        for _ in range(rounds):
            took = await _paced(rooms[0], seconds)
            late.append(1000 * at(took, 0.99))
            middle.append(1000 * at(took, 0.5))
        found.append(Row(f"gate, one clinic at {RATE}/s, p50", "ms", middle))
        found.append(Row(f"gate, one clinic at {RATE}/s, p99", "ms", late, "at most", LATE_MS))
        return found
    finally:
        await database.close()


async def _ignoring(work: Callable[[], Awaitable[None]], _: int) -> None:
    await work()


async def _paced(room: Room, seconds: int) -> list[float]:
    """Decisions that are asked for at a given rate, however long the earlier ones take."""

    async def one(number: int) -> float:
        due = begun + number / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        with contextlib.suppress(TimeoutError):  # not let in for so long is late too, and no reason to stop measuring
            await _decide(room)
        return time.perf_counter() - due

    begun = time.perf_counter() + 0.05
    return await asyncio.gather(*(one(number) for number in range(RATE * seconds)))


async def history(ground: Ground, sizes: list[int], rounds: int) -> tuple[Row, Curve]:
    """The same decision in clinics with ever more history, taking turns."""
    database, owner = ground.open(), await ground.owner()
    try:
        now = await owner.fetchval("select clock_timestamp()")
        rooms: list[Room] = []
        for size in sizes:
            clinic_id = await open_clinic(database)
            await grow(owner, clinic_id, past(now, SPARSE), size)
            for service in ("treatment", "booking", "hygiene", "consent", "compliance"):
                while await project(database, clinic_id, service):
                    pass
            rooms.append(await _room(database, clinic_id))
        await owner.execute("vacuum analyze")
        await owner.execute("checkpoint")  # what is still being written of so much at once is no part of a decision
        ratios: list[float] = []
        medians: list[list[float]] = [[] for _ in sizes]
        for _ in range(rounds):
            took: list[list[float]] = [[] for _ in sizes]
            for _ in range(100):  # in turns, so that whatever else the machine does falls on all alike
                for which, room in enumerate(rooms):
                    took[which].append(await _decide(room))
            for which, times in enumerate(took):
                medians[which].append(statistics.median(times))
            ratios.append(medians[-1][-1] / medians[0][-1])
        row = Row(f"gate, median at {sizes[-1]:,} entries against {sizes[0]:,}", "×", ratios, "at most", FLAT)
        points = [(size, 1000 * statistics.median(found)) for size, found in zip(sizes, medians, strict=True)]
        return row, Curve("gate decision", "ms", points)
    finally:
        await database.close()
        await owner.close()
