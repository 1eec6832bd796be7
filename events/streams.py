"""Wake-ups and catch-up: `@when(Event)`, groups, attempts, halting.

The stream `events` only says "clinic C is at (epoch, size)"; entries are read from the ledger. So loss, doubling,
disorder and forged messages are harmless: a bookmark in PostgreSQL says what was done.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID, uuid5

from events import ledger
from events.attempts import begin_attempt, forgive, halt_if_spent, succeeded
from events.clock import service_actor
from events.database import Database
from events.envelope import Entry, Event, UnknownEventError, knows, versioned_type
from events.projection import Place, bookmark_for_update, move_bookmark
from events.transaction import Transaction, aside, project, transaction

log = logging.getLogger(__name__)

STREAM = "events"
STREAM_LENGTH = 10_000
PAGE = 500

E = TypeVar("E", bound=Event)
Reaction = Callable[[Transaction, Entry[E]], Awaitable[None]]

_reactions: dict[str, "Reactions"] = {}


class Reactions:
    """What one service does about events, by type. A reaction records further events and queues messages."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.by_type: defaultdict[str, list[Reaction[Any]]] = defaultdict(list)
        _reactions[service] = self

    def __call__(self, *heard: type[Event]) -> Callable[[Reaction[E]], Reaction[E]]:
        """Register a reaction for one or more event classes."""

        def register(reaction: Reaction[E]) -> Reaction[E]:
            for event in heard:
                self.by_type[versioned_type(event)].append(reaction)
            return reaction

        return register

    @property
    def hears(self) -> frozenset[str]:
        """The types, with version, that any reaction hears."""
        return frozenset(self.by_type)


def reactions_of(service: str) -> Reactions:
    """The service's reactions; none if it has none here."""
    return _reactions[service] if service in _reactions else Reactions(service)


async def react(database: Database, clinic_id: UUID, service: str, limit: int = PAGE) -> int:
    """Pass up to `limit` entries that nobody here hears, then react to one that is heard; returns how many are left.

    The ids of what a reaction records come from the causing entry, so one that runs again records nothing twice.
    """
    reactions = reactions_of(service)
    async with aside(database, clinic_id, service) as rows:
        at = await ledger.head(rows, clinic_id)
        if at is None:
            return 0
        place = await bookmark_for_update(rows, clinic_id, service, "reacted", at)
        page = await ledger.read_after(rows, clinic_id, at.epoch, place.size, limit)
        unheard = 0
        while unheard < len(page) and knows(page[unheard].type) and page[unheard].type not in reactions.hears:
            unheard += 1
        if unheard:
            place = Place.after(page[unheard - 1])
            await move_bookmark(rows, clinic_id, service, "reacted", place)
    if unheard < len(page):
        await _react_to(database, clinic_id, service, page[unheard])
        return at.size - place.size - 1
    return at.size - place.size


async def _react_to(database: Database, clinic_id: UUID, service: str, entry: Entry[Any]) -> None:
    """Clinic lock, then the bookmark, then caught up, then the reaction: one commit."""
    cause = str(entry.event_id)
    event_id = uuid5(clinic_id, f"{service}\x1f{cause}")
    if not knows(entry.type):
        raise UnknownEventError(entry.type)
    async with transaction(database, clinic_id, service, service_actor(service), cause, event_id=event_id) as tx:
        place = await bookmark_for_update(tx.rows, clinic_id, service, "reacted", tx.head)
        if place.size != entry.index:
            return  # another process was here first, or stands before us
        for reaction in reactions_of(service).by_type.get(entry.type, ()):
            await reaction(tx, entry)
        await move_bookmark(tx.rows, clinic_id, service, "reacted", Place.after(entry))


Step = Callable[[Database, UUID, str, int], Awaitable[int]]
"""Works up to so many entries of a clinic for a service, and says how many are left."""


class Follower:
    """Keeps one service up to date in this process: woken by the stream, and by a sweep each second."""

    def __init__(self, database: Database, service: str, stages: Mapping[str, Step] | None = None) -> None:
        self.database = database
        self.service = service
        self.stages = stages or {"projected": project, "reacted": react}
        self._careful_until: dict[tuple[UUID, str], int] = {}
        self._busy: set[UUID] = set()
        self._again: set[UUID] = set()

    async def wake(self, clinics: Iterable[UUID]) -> None:
        """Work these clinics until they are caught up."""
        await asyncio.gather(*(self.follow(clinic_id) for clinic_id in clinics))

    async def sweep(self) -> None:
        """Find clinics that a lost message left behind."""
        async with aside(self.database, None, self.service) as rows:
            behind = {found.clinic_id for stage in self.stages for found in await ledger.clinics_behind(rows, self.service, stage)}
        await self.wake(behind)

    async def follow(self, clinic_id: UUID) -> None:
        """Project, then react, until nothing is left; one task per clinic, woken again if it was busy."""
        if clinic_id in self._busy:
            self._again.add(clinic_id)
            return
        self._busy.add(clinic_id)
        try:
            self._again.add(clinic_id)
            while clinic_id in self._again:
                self._again.discard(clinic_id)
                for stage, step in self.stages.items():
                    await self._work(clinic_id, stage, step)
        finally:
            self._busy.discard(clinic_id)
            self._again.discard(clinic_id)

    async def _work(self, clinic_id: UUID, stage: str, step: Step) -> None:
        key = (clinic_id, stage)
        left = 1
        while left:
            attempt = await begin_attempt(self.database, clinic_id, self.service, stage)
            if attempt is None or attempt.halted:
                return
            careful = attempt.count > 1 or attempt.index < self._careful_until.get(key, 0)
            try:
                left = await step(self.database, clinic_id, self.service, 1 if careful else PAGE)
            except UnknownEventError as unknown:
                await forgive(self.database, clinic_id, self.service, stage, f"unknown type {unknown}")
                return
            except Exception as failure:  # noqa: BLE001 - whatever a projector or reaction raises
                self._careful_until[key] = max(self._careful_until.get(key, 0), attempt.index + PAGE)
                if not await halt_if_spent(self.database, clinic_id, self.service, stage, attempt, failure):
                    return
                continue
            await succeeded(self.database, clinic_id, self.service, stage, attempt)
