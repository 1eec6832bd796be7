"""Row: the program ends by `os._exit` at every named point, one life after the other, while the morning is played.

A life is armed with all points at which none has ended yet: whichever it comes to first ends it, and its exit code
says which. So all of them fit into one morning or two, in an order that chance decides.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from typing import cast
from uuid import uuid4

from events.faults import arm
from tests.faults.morning import Morning
from tests.faults.process import Program
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

SPARED_AFTER, LEFT_ALONE_AFTER = 2, 3
"""Lives that had the same entry in hand. What five lives died of is halted, rightly: so the next life is spared, or left alone."""
SELDOM = re.compile(r"^(consent|treatment|recovery|compliance|messages|clock|outbox|inbox|dead_letters)\.")
"""Points that a morning comes to once or twice: they end a spared life too."""
MOST_MORNINGS = 4
"""A life that is left alone may pass a point for the last time this morning."""

DEATHS_IN_A_ROW = (
    "select coalesce(max(a.count), 0) from ledger.attempts a join ledger.bookmarks b using (clinic_id, service, stage)"
    " where a.halted_at is null and b.size = a.index"
)
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

    def __init__(self, stage: Stage, rng: Random, points: Sequence[str]) -> None:
        super().__init__(stage.order, on_death=self._after_a_death)
        self._stage = stage
        self._rng = rng
        self._points = set(points)
        self._in_a_row = 0
        self._is_spared = False
        self.hurried = False

    async def _after_a_death(self) -> None:
        await self._stage.leases_end()
        self._in_a_row = await self._deaths_in_a_row()

    async def _deaths_in_a_row(self) -> int:
        async with self._stage.aside() as owner:
            return cast("int", await owner.fetchval(DEATHS_IN_A_ROW))

    async def _keep(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end_the_spared())
            await super()._keep()

    async def _end_the_spared(self) -> None:
        """A spared life ends by our hand, as soon as it has worked the entry that the others died of."""
        while True:
            await asyncio.sleep(0.1)
            if self._is_spared and await self._deaths_in_a_row() < SPARED_AFTER and self._process is not None:
                self._is_spared = False
                self._process.kill()

    @property
    def ended_at(self) -> list[str]:
        """Where its lives ended, in order."""
        return [POINTS[code - CRASHED] for code in self.deaths if code is not None and CRASHED <= code < CRASHED + len(POINTS)]

    @property
    def spared(self) -> int:
        """How many lives ended by our hand."""
        return self.deaths.count(-signal.SIGKILL)

    @property
    def owed(self) -> list[str]:
        """The points at which none has."""
        return sorted(self._points - set(self.ended_at))

    def _start(self) -> None:
        owed = [point for point in self.owed if SELDOM.match(point) or self._in_a_row < SPARED_AFTER]
        reaches = {point: self._rng.randint(1, 4) if OFTEN.match(point) and not self.hurried else 1 for point in owed}
        self._is_spared = self._in_a_row >= SPARED_AFTER
        if self._in_a_row >= LEFT_ALONE_AFTER:
            reaches = {}
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


async def _forge_the_future(stage: Stage, morning: Morning, number: int) -> int:
    """An id from the future, with entries behind it that the reader has not seen when the inbox is set aside."""
    lock, clinic = "hashtextextended($1::text, 0)", str(stage.example.clinic_id)
    async with stage.aside() as owner:
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


async def one_round(stage: Stage, rng: Random, points: Sequence[str], tally: Tally) -> list[str]:
    """One morning, in which a life ends at every point, as far as it comes to them; returns those that it did not come to."""
    async with Mortal(stage, rng, points) as program, stage.morning(clients=rng.choice((1, 2))) as morning:
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
        if len(program.ended_at) + program.spared != len(deaths):
            tally.wrong(f"{case}: the program died where nobody asked it to: {deaths}")
        # A command that five lives had in hand is given up, and was sent again.
        async with stage.aside() as owner:
            letters += await owner.fetchval(GIVEN_UP)
        found = await stage.problems(dead_letters=letters)
        if found:
            tally.wrong("\n".join([case, *found]))
    tally.counted("mornings")
    tally.counted("lives", len(deaths) + 1)
    tally.counted("spared", program.spared)
    tally.counted("acknowledged", len(stage.journal.acknowledged))
    return program.owed


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """Every point once, for as many mornings as `times` deaths take."""
    with start(directory / "servers") as servers:
        for number in range(max(1, times // len(POINTS))):
            owed = list(POINTS)
            for morning in range(MOST_MORNINGS):
                place = directory / f"{number}-{morning}"
                place.mkdir()
                async with staged(place, servers) as stage:
                    owed = await one_round(stage, rng, owed, tally)
                if not owed:
                    break
            else:
                tally.wrong(f"{MOST_MORNINGS} mornings never came to {owed}")


ROW = Row("crash_points", "the program ends at each of its named points", POINTS, len(POINTS), 100 * len(POINTS), run)
