"""Row: the program ends by `os._exit` at every named point, one life after the other, while the morning is played.

A life is armed with all points at which none has ended yet: whichever it comes to first ends it, and its exit code
says which. So all of them fit into one morning, in an order that chance decides.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from uuid import uuid4

import asyncpg

from events.faults import arm
from tests.faults.morning import Morning
from tests.faults.process import Order, Program
from tests.faults.row import Row
from tests.faults.stage import Stage, staged
from tests.faults.tally import Tally
from tests.servers import start

ROOT = Path(__file__).parent.parent.parent
CRASHED = 100
"""Exit codes from here on are the place of a point in `POINTS`."""

FUTURE_MS = 4_000_000_000_000
FORGERY_SECONDS = 2.5
"""In which what was forged is read and waits for the clinic, and the keeper has noticed and waits behind it."""

MOST_FORGERIES = 6
PATIENCE_SECONDS = 200.0
"""One command may be in the way of many deaths, and a busy machine is slow to start again."""
OFTEN = re.compile(r"^(transaction|attempt|aside|follower|sweep|relay|door)\.|^inbox_keeper\.(read|worked|acknowledged)$")
"""Points that a morning comes to many times: a life need not end at the first."""

GIVEN_UP = "select count(*) from ledger.entries where type = 'command.rejected.v1' and position('\"gave_up\"'::bytea in body) > 0"


def named_points() -> tuple[str, ...]:
    """Every `reach("...")` of the program, so that none can be forgotten."""
    source = [path.read_text() for folder in ("events", "services") for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(sorted({found for text in source for found in re.findall(r"\breach\(\"([\w.]+)\"\)", text)}))


POINTS = named_points()


def _end(code: int, reach: int) -> Callable[[], None]:
    left = reach

    def end_at_the_last() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(code)

    return end_at_the_last


def arm_all(reaches: Mapping[str, int]) -> None:
    """In the new process: end at any of these points, when it is come to for the n-th time."""
    for point, reach in reaches.items():
        arm(point, _end(CRASHED + POINTS.index(point), reach))


class Mortal(Program):
    """A program each of whose lives ends at a point where none has ended before."""

    def __init__(self, order: Order, rng: Random, on_death: Callable[[], Awaitable[None]]) -> None:
        super().__init__(order, on_death=on_death)
        self._rng = rng
        self.hurried = False

    @property
    def ended_at(self) -> list[str]:
        """Where its lives ended, in order."""
        return [POINTS[code - CRASHED] for code in self.deaths if code is not None and CRASHED <= code < CRASHED + len(POINTS)]

    @property
    def owed(self) -> list[str]:
        """The points at which none has."""
        return sorted(set(POINTS) - set(self.ended_at))

    def _start(self) -> None:
        reaches = {point: self._rng.randint(1, 4) if OFTEN.match(point) and not self.hurried else 1 for point in self.owed}
        self.order = replace(self.order, mischief=partial(arm_all, reaches))
        super()._start()


async def _ask_for_more(morning: Morning) -> int:
    """What a morning does not come to by itself; returns how many dead letters that makes."""
    name = {"identity_id": str(uuid4()), "role": "technician", "display_name": "Tea"}
    await morning.tablet.granted("admin", "POST", "/identities", name)
    registration = {"client_id": str(uuid4()), **morning.later.identity, "phone": "+31201234567"}
    for _ in range(2):
        await morning.desk.ask("client.register", registration, "client.registered", command="fd-asked-twice")
    await morning.desk.raw(b'{"broken": ')
    return 1


@asynccontextmanager
async def _connection(stage: Stage) -> AsyncIterator[asyncpg.Connection]:
    """One of our own: the stage's is in use whenever a life ends."""
    owner = await asyncpg.connect(stage.owner_url.replace("+asyncpg", ""))
    try:
        yield owner
    finally:
        await owner.close()


async def _forge_the_future(stage: Stage, morning: Morning, number: int) -> int:
    """An id from the future, with entries behind it that the reader has not seen when the inbox is set aside."""
    lock, clinic = "hashtextextended($1::text, 0)", str(stage.example.clinic_id)
    async with _connection(stage) as owner:
        await owner.execute(f"select pg_advisory_lock({lock})", clinic)
        await stage.valkey.xadd(morning.desk.inbox, {"event": b"from the future"}, id=f"{FUTURE_MS + number}-0")
        await asyncio.sleep(FORGERY_SECONDS)
        for _ in range(2):
            await morning.desk.raw(b"behind it")
    return 3


async def _until_none_is_owed(program: Mortal, seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        if not program.owed or time.monotonic() > until:
            return
        await asyncio.sleep(0.05)


async def one_round(stage: Stage, rng: Random, tally: Tally) -> None:
    """One morning, in which a life ends at every point."""
    async with Mortal(stage.order, rng, stage.leases_end) as program, stage.morning(clients=rng.choice((1, 2))) as morning:
        # Nothing is sent again: what was written into the inbox once must be answered once the program is back.
        morning.desk.again_seconds = morning.desk.patience_seconds = morning.tablet.patience_seconds = PATIENCE_SECONDS
        _, letters = await asyncio.gather(morning.play(), _ask_for_more(morning))
        program.hurried = True
        for number in range(MOST_FORGERIES):
            await _until_none_is_owed(program, 0.5)
            if not program.owed:
                break
            letters += await _forge_the_future(stage, morning, number)
            await _until_none_is_owed(program, FORGERY_SECONDS)
        deaths = list(program.deaths)
        for point in program.ended_at:
            tally.injected(point)
        case = f"after {' '.join(program.ended_at)}"
        if len(program.ended_at) != len(deaths):
            tally.wrong(f"{case}: the program died where nobody asked it to: {deaths}")
        if program.owed:
            tally.wrong(f"{case}: never came to {program.owed}")
        # A command that five lives had in hand is given up, and was sent again.
        async with _connection(stage) as owner:
            letters += await owner.fetchval(GIVEN_UP)
        found = await stage.problems(dead_letters=letters)
        if found:
            tally.wrong("\n".join([case, *found]))
    tally.counted("mornings")
    tally.counted("lives", len(deaths) + 1)
    tally.counted("acknowledged", len(stage.journal.acknowledged))


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """Every point once, for as many mornings as `times` deaths take."""
    with start(directory / "servers") as servers:
        for number in range(max(1, times // len(POINTS))):
            place = directory / str(number)
            place.mkdir()
            async with staged(place, servers) as stage:
                await one_round(stage, rng, tally)


ROW = Row("crash_points", "the program ends at each of its named points", POINTS, len(POINTS), 100 * len(POINTS), run)
