"""One service along one clinic's ledger: every decision it made is asked again where it was made, every reaction it owed.

The shadows stand exactly behind the entry before a decision when it is rehearsed, the clock at its `recorded_at`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.answer import command_event_id
from events.catalog import PUBLISHERS
from events.catalog.booking import AnswerRepeated, CommandRejected
from events.catalog.compliance import ClientErased
from events.chain import genesis
from events.checking.answers import rejection_id
from events.checking.authority import Authority
from events.checking.comparing import difference, speaks_only_of
from events.checking.private import PrivateRows
from events.checking.rehearsal import cause_of
from events.checking.replays import Asked, Past, replays_of
from events.checking.report import Report
from events.checking.shadows import Shadows
from events.checking.trials import Rehearsed, Trials, apply_to, expect
from events.clock import service_actor
from events.envelope import Entry, event_classes, knows, versioned_type
from events.ledger import Head
from events.streams import reactions_of

GRANTING = "compliance"


@dataclass(slots=True)
class Owed:
    """An entry whose reaction has not been met in the ledger, and when to look again whether it still is owed."""

    entry: Entry[Any]
    next_at: int
    distance: int = 1


@dataclass
class Line:
    """How far one service was followed in one clinic. `reacted` is its own bookmark, `skipped` what two persons let it pass."""

    shadows: Shadows
    clinic_id: UUID
    epoch: int
    report: Report
    reacted: int = 0
    skipped: frozenset[tuple[str, int]] = frozenset()
    at: Head = field(init=False)
    erased: set[UUID] = field(default_factory=set)
    owed: dict[UUID, Owed] = field(default_factory=dict)
    _unreacted: list[Entry[Any]] = field(default_factory=list)
    _unprojected: list[Entry[Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        service = self.shadows.service
        self.at = Head(self.epoch, 0, genesis(self.clinic_id, self.epoch), None, datetime.max)  # noqa: DTZ901 - nobody looks at it
        self.replays = replays_of(service)
        # Every service's decisions, asked once: where grants are decided.
        self._authority = Authority() if service == GRANTING else None
        self.trials = Trials(self.shadows, self.clinic_id)
        self.private = PrivateRows(self.replays.private, self.report)
        self._own = {versioned_type(event) for event in event_classes().values() if event.__module__ == PUBLISHERS[service].__name__}
        self._hears = reactions_of(service).hears
        self._actor = service_actor(service)

    async def follow(self, rows: AsyncSession, entries: Sequence[Entry[Any]]) -> None:
        """Work entries in order, beginning behind the last one. They end where a decision ends."""
        answered = {entry.causation for entry in entries if entry.type in self._own and entry.actor == self._actor}
        await self._ripen(rows)
        for group in self._groups(entries):
            if group[0].type in self._own:
                await self._project(rows)
                await self._replay(rows, group)
            await self._pass(rows, group, answered)
        await self._project(rows)
        rows.expunge_all()

    def _groups(self, entries: Sequence[Entry[Any]]) -> Iterator[list[Entry[Any]]]:
        """Entries of one commit together; what others said, each alone."""
        group: list[Entry[Any]] = []
        for entry in entries:
            if group and not (entry.type in self._own and self._is_of(group[0], entry)):
                yield group
                group = []
            group.append(entry)
        if group:
            yield group

    def _is_of(self, first: Entry[Any], entry: Entry[Any]) -> bool:
        """A clock's job and the repetition of an answer are one entry each, and may follow their like in the same instant."""
        alone = (*self.replays.subjects, versioned_type(AnswerRepeated))
        return (
            first.type in self._own
            and not {first.type, entry.type} & set(alone)
            and (first.recorded_at, first.causation, first.actor) == (entry.recorded_at, entry.causation, entry.actor)
        )

    async def _pass(self, rows: AsyncSession, group: Sequence[Entry[Any]], answered: set[str]) -> None:
        against = self._authority.against(group[0]) if self._authority is not None else None
        if against is not None:
            self.report.wrong(1, f"{_named(group[0])} was decided without right: {against}")
        for entry in group:
            if self._authority is not None:
                self._authority.follow(entry)
            self._unprojected.append(entry)
            self.at = Head(entry.epoch, entry.size, entry.chain, entry.recorded_at, entry.recorded_at)
            if entry.type == versioned_type(ClientErased):
                self.erased.add(entry.event.client_id)
            if entry.type in self.private.types:
                await self._project(rows)
                await self.private.copy(rows, entry)
        for entry in group:
            if entry.type in self._hears and str(entry.event_id) not in answered:
                await self._owe(rows, entry)
        for owed in [one for one in self.owed.values() if one.next_at <= self.at.size]:
            await self._look_again(rows, owed)

    async def _project(self, rows: AsyncSession) -> None:
        """Let the shadows catch up. An entry that its projector cannot work is named, unless it was passed over."""
        page = [entry for entry in self._unprojected if ("projected", entry.index) not in self.skipped and knows(entry.type)]
        self._unprojected.clear()
        for _, failure in await apply_to(rows, self.shadows.service, page):
            self.report.wrong(5, f"{self.shadows.service}: {failure}")

    async def _replay(self, rows: AsyncSession, group: Sequence[Entry[Any]]) -> None:
        first = group[0]
        if isinstance(first.event, AnswerRepeated):
            repeated = await ledger.entry_by_id(rows, self.clinic_id, first.event.event_id)
            if repeated is None or repeated.index >= first.index:
                self.report.wrong(2, f"{_named(first)} repeats {first.event.event_id}, which does not stand before it")
            return
        if first.actor == self._actor:
            await self._replay_own(rows, group)
        else:
            await self._replay_command(rows, group)

    async def _replay_own(self, rows: AsyncSession, group: Sequence[Entry[Any]]) -> None:
        """What the service did by itself: by its clock, or because of an entry."""
        first, service = group[0], self.shadows.service
        job = self.replays.subjects.get(first.type)
        if job is not None and first.causation == f"{service}.{job[0]}":
            found = await self.trials.job(rows, job[0], getattr(first.event, job[1]), first, self.at)
            await self._compare(rows, group, found, frozenset({"event_id"}))
            return
        cause = await cause_of(rows, first)
        if cause is None:
            self.report.wrong(6, f"{_named(first)} names a cause that does not stand before it")
            return
        self.owed.pop(cause.event_id, None)
        self._unreacted = [entry for entry in self._unreacted if entry.event_id != cause.event_id]
        found = await self.trials.reaction(rows, cause, self.at, first.recorded_at)
        await self._compare(rows, group, found, frozenset())

    async def _replay_command(self, rows: AsyncSession, group: Sequence[Entry[Any]]) -> None:
        first = group[0]
        event_id = command_event_id(self.clinic_id, first.actor.identity_id, first.causation)
        answer = next((entry for entry in group if entry.event_id == event_id), None)
        if answer is None:
            said = first.event
            if not isinstance(said, CommandRejected) or first.event_id != rejection_id(self.clinic_id, said.system, said.inbox_entry):
                self.report.wrong(1, f"{_named(first)} is not under the id of the command that it names")
            return
        replay = self.replays.replay_of(answer)
        if replay is None:
            if answer.type not in self.replays.unanswered:
                self.report.looked_at(f"not replayed: {answer.type}")
            return
        candidates = await replay(Past(rows, answer, group))
        if not candidates:
            self.report.looked_at("decisions whose private rows are gone" if candidates is None else f"not replayed: {answer.type}")
            return
        await self._ask_again(rows, group, answer, candidates)

    async def _ask_again(self, rows: AsyncSession, group: Sequence[Entry[Any]], answer: Entry[Any], candidates: Sequence[Asked]) -> None:
        """One of the ways in which it may have been asked for must give what was recorded."""
        first: str | None = None
        for asked in candidates:
            found = await self.trials.command(rows, asked, answer, self.at)
            unlike = found.failure or difference(found.entries, group, asked.without)
            if unlike is None or (found.failure is None and self._cannot_be_told(found, answer, asked)):
                self.report.looked_at("decisions replayed")
                return
            first = first or unlike
        self.report.looked_at("decisions replayed")
        self.report.wrong(1, f"{_named(answer)} was not decided so: {first}")

    @staticmethod
    def _cannot_be_told(found: Rehearsed, answer: Entry[Any], asked: Asked) -> bool:
        """Refused then for what cannot be asked again, and granted in the rehearsal, where that was left out."""
        return bool(answer.event.refusal) and not found.entries[-1].event.refusal and speaks_only_of(answer.event, asked.without)

    async def _compare(self, rows: AsyncSession, group: Sequence[Entry[Any]], found: Rehearsed, without: frozenset[str]) -> None:
        self.report.looked_at("reactions replayed")
        unlike = found.failure or difference(found.entries, group, without)
        if unlike is not None:
            self.report.wrong(1, f"{_named(group[0])} was not decided so: {unlike}")
        await expect(rows, found)

    async def _owe(self, rows: AsyncSession, entry: Entry[Any]) -> None:
        """A reaction whose entries were not met: is there anything to record at all?"""
        if ("reacted", entry.index) in self.skipped:
            return
        if entry.index >= self.reacted:
            self._unreacted.append(entry)
            return
        await self._project(rows)
        found = await self._react_now(rows, entry, entry.recorded_at)
        self.report.looked_at("reactions replayed")
        if found.entries:
            self.owed[entry.event_id] = Owed(entry, self.at.size + 1)
        await expect(rows, found)

    async def _react_now(self, rows: AsyncSession, entry: Entry[Any], now: datetime) -> Rehearsed:
        found = await self.trials.reaction(rows, entry, self.at, now)
        if found.failure:
            self.report.wrong(6, f"{self.shadows.service} cannot react to {_named(entry)}: {found.failure}")
        return found

    async def _look_again(self, rows: AsyncSession, owed: Owed) -> None:
        """It may have been worked where nothing was left to say; further and further apart, so that a long gap stays cheap."""
        await self._project(rows)
        if not (await self._react_now(rows, owed.entry, self.at.clock)).entries:
            self.owed.pop(owed.entry.event_id, None)
        owed.next_at, owed.distance = self.at.size + owed.distance, owed.distance * 4

    async def _ripen(self, rows: AsyncSession) -> None:
        """Entries that were not reacted to when they came by, and are now."""
        ripe = [entry for entry in self._unreacted if entry.index < self.reacted]
        self._unreacted = [entry for entry in self._unreacted if entry.index >= self.reacted]
        for entry in ripe:
            await self._owe(rows, entry)

    async def settle(self, rows: AsyncSession, now: datetime) -> None:
        """At the end: what is still owed though the bookmark says that it was done, and rows that are gone."""
        for owed in list(self.owed.values()):
            if (await self._react_now(rows, owed.entry, now)).entries:
                self.report.wrong(6, f"{self.shadows.service} has passed {_named(owed.entry)} without what follows from it")
        self.owed.clear()
        self.private.settle(self.erased)

    async def compare_private(self, rows: AsyncSession, found: Report) -> None:
        """Rows beside the ledger that no event speaks of, or that were touched since."""
        await self.private.compare(rows, self.clinic_id, self.erased, found)


def _named(entry: Entry[Any]) -> str:
    return f"entry {entry.index} ({entry.type})"
