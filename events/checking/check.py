"""All seven checkers over a clinic, page by page: nothing is locked, and nothing real can be written.

A `Checker` keeps its shadows, so that the next check costs what has been recorded since; a new one begins at the beginning.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.checking.answers import look_at_answers
from events.checking.decisions import Line
from events.checking.messages import look_at_messages
from events.checking.report import Report
from events.checking.shadows import Shadows
from events.checking.standing import Chain, look_at_bookmarks, look_at_stream
from events.checking.tables import Compared, compare, missing
from events.database import Base, Database, tables_of
from events.epochs import epochs_of, read_line
from events.projection import RecordUnreadableError

PAGE = 50
"""Every rehearsal is a savepoint, and PostgreSQL tells others of the first 64 of a transaction at no cost to them."""

CHAIN_PAGE = 1000
GRANTS = ("access.grants", "machinery.systems")
"""What compliance's projectors write beside their own tables."""


@dataclass
class Pace:
    """How long a check may take, how long it rests after each page for each second it worked, and who may end it."""

    seconds: float = float("inf")
    rest: float = 0.0
    ended: Callable[[], bool] = bool
    _until: float | None = None
    _page_began: float = 0.0

    def begin(self) -> None:
        """The clock runs from here."""
        self._page_began = time.monotonic()
        self._until = self._page_began + self.seconds

    async def breathe(self) -> bool:
        """After a page: rest, and say whether there is time for another."""
        if self.rest and not self.ended():
            await asyncio.sleep((time.monotonic() - self._page_began) * self.rest)
        self._page_began = time.monotonic()
        return not self.ended() and (self._until is None or self._page_began < self._until)


@dataclass(frozen=True, slots=True)
class Checked:
    """What is known of a clinic now. `whole`: everything up to the end of the ledger was looked at."""

    report: Report
    whole: bool
    epoch: int
    size: int


@dataclass
class _Clinic:
    chain: Chain
    lines: dict[str, Line] = field(default_factory=dict)


class Checker:
    """Checks for these services. Use as a context; its temporary tables end with it."""

    def __init__(self, database: Database, services: Sequence[str], client: "Redis | None" = None) -> None:
        self.database = database
        self.services = services
        self.client = client
        self._shadows: dict[str, Shadows] = {}
        self._clinics: dict[UUID, _Clinic] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            for service in self.services:
                self._shadows[service] = await self._stack.enter_async_context(Shadows(self.database, service))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()

    @property
    def _any(self) -> Shadows:
        return next(iter(self._shadows.values()))

    async def alone(self) -> bool:
        """Whether no other checker of these services is at work: a lock as long as this one's connection."""
        async with self._any.looking(None) as rows:
            query = text("select pg_try_advisory_lock(hashtextextended('asepsis check ' || :part, 0))")
            return bool((await rows.execute(query, {"part": ",".join(self.services)})).scalar_one())

    async def clinics(self) -> Sequence[UUID]:
        """Every clinic there is."""
        async with self._any.looking(None) as rows:
            return await ledger.clinics(rows)

    async def check(self, clinic_id: UUID, pace: Pace | None = None) -> Checked:
        """Check one clinic, from where the last check of it ended."""
        pace = pace or Pace()
        pace.begin()
        found = Report(clinic_id)
        known = self._clinics.setdefault(clinic_id, _Clinic(Chain(clinic_id)))
        whole, epoch = await self._walk(known.chain, pace)
        reached: list[int] = []
        for service in self.services:
            line = known.lines.get(service)
            if line is None or line.epoch != epoch:
                if line is not None:
                    await self._shadows[service].empty(clinic_id)
                line = known.lines[service] = Line(self._shadows[service], clinic_id, epoch, Report(clinic_id))
            whole = await self._follow(line, found, pace) and whole
            reached.append(line.at.size)
        await self._look(clinic_id, found)
        for part in [known.chain.report, *(line.report for line in known.lines.values())]:
            found.counted += part.counted
            for wrong in part.wrongs:
                found.wrong(wrong.checker, wrong.sentence)
        return Checked(found, whole, epoch, min(reached, default=0))

    async def _walk(self, chain: Chain, pace: Pace) -> tuple[bool, int]:
        """The chains of all epochs; returns whether their ends were reached, and the newest epoch."""
        async with self._any.looking(chain.report.clinic_id) as rows:
            epochs = await chain.epochs(rows)
        if not epochs:
            message = f"there is no clinic {chain.report.clinic_id}"
            raise LookupError(message)
        for epoch in epochs:
            more = CHAIN_PAGE
            while more == CHAIN_PAGE:
                async with self._any.looking(chain.report.clinic_id) as rows:
                    more = await chain.walk(rows, epoch, CHAIN_PAGE)
                if not await pace.breathe() and more == CHAIN_PAGE:
                    return False, epochs[-1]
        return True, epochs[-1]

    async def _follow(self, line: Line, found: Report, pace: Pace) -> bool:
        """Follow a service to its bookmark, page by page; then compare its tables in one moment."""
        while True:
            async with line.shadows.looking(line.clinic_id) as rows:
                projected = await self._stand(rows, line)
                left = await self._page(rows, line, projected)
                if not left:
                    await self._compare(rows, line, projected, found)
            if not left:
                return True
            if not await pace.breathe():
                return False

    async def _stand(self, rows: AsyncSession, line: Line) -> int:
        """Read the service's bookmarks; returns how far its tables have followed."""
        query = text("select stage, size from ledger.bookmarks where clinic_id = :clinic and service = :service and epoch = :epoch")
        values = {"clinic": line.clinic_id, "service": line.shadows.service, "epoch": line.epoch}
        # Who stands at the beginning of an epoch has worked all of those before it.
        first = (await epochs_of(rows, line.clinic_id))[-1].first
        marks = {row.stage: max(row.size, first) for row in await rows.execute(query, values)}
        line.reacted = marks.get("reacted", 0)
        if not line.at.size:
            line.skipped = await _skipped(rows, line)
        return int(marks.get("projected", 0))

    async def _page(self, rows: AsyncSession, line: Line, projected: int) -> bool:
        """Follow some entries; whether there are more. A page ends where a commit does, as the bookmark itself does."""
        most = PAGE
        while line.at.size < projected:
            page = await read_line(rows, line.clinic_id, line.at.size, min(most, projected - line.at.size))
            if not page:
                return False
            if page[-1].size < projected:
                last = page[-1]
                while page and (page[-1].recorded_at, page[-1].causation) == (last.recorded_at, last.causation):
                    page.pop()
            if page:
                await line.follow(rows, page)
                return line.at.size < projected
            most *= 2  # one commit of that many entries
        return False

    async def _compare(self, rows: AsyncSession, line: Line, projected: int, found: Report) -> None:
        at = await ledger.head(rows, line.clinic_id)
        if at is None or line.at.size != projected:
            return
        await line.settle(rows, at.clock)
        service = line.shadows.service
        names = [*tables_of(service, "projection"), *(GRANTS if service == "compliance" else ())]
        for name in names:
            table, compared = Base.metadata.tables[name], Compared(name)
            lacking = await compare(rows, table, line.clinic_id, compared)
            found.looked_at("rows of tables", compared.rows)
            for sentence in [*compared.differences, *missing(table, line.clinic_id, lacking)]:
                found.wrong(5, f"{name}: {sentence.replace(f' of clinic {line.clinic_id}', '')}")
        await line.compare_private(rows, found)
        if line.replays.writes_messages:
            await look_at_messages(rows, line.clinic_id, line.erased, found)

    async def _look(self, clinic_id: UUID, found: Report) -> None:
        async with self._any.looking(clinic_id) as rows:
            at = await ledger.head(rows, clinic_id)
            if at is None:
                return
            await look_at_answers(rows, found)
            await look_at_bookmarks(rows, at, found)
            try:
                if self.client is not None:
                    await look_at_stream(rows, self.client, at, found)
            except RecordUnreadableError as unreadable:
                found.wrong(7, f"what leaves the house cannot be told: {unreadable}")


async def _skipped(rows: AsyncSession, line: Line) -> frozenset[tuple[str, int]]:
    """What two persons let this service pass."""
    query = text(
        "select convert_from(body, 'UTF8')::jsonb -> 'data' as data from ledger.entries"
        " where clinic_id = :clinic and type = 'entry.skipped.v1'"
    )
    said = (await rows.execute(query, {"clinic": line.clinic_id})).scalars()
    return frozenset((one["stage"], one["skipped_index"]) for one in said if one["service"] == line.shadows.service)
