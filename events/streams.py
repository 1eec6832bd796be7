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
from events.attempts import Pair, begin_attempt, forgive, halt_if_spent, succeeded
from events.clock import service_actor
from events.database import Database
from events.envelope import Entry, Event, UnknownEventError, knows, versioned_type
from events.faults import reach
from events.projection import Place, bookmark_for_update, move_bookmark
from events.transaction import Transaction, aside, project, transaction

log = logging.getLogger(__name__)

STREAM = "events"
STREAM_LENGTH = 10_000
PAGE = 500
CLINICS_AT_ONCE = 3
"""Per service: all of them together must leave the pool's connections to the doors."""

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
    """React to up to `limit` entries, one commit each, and pass those that nobody here hears; returns how many are left.

    The ids of what a reaction records come from the causing entry, so one that runs again records nothing twice.
    """
    async with aside(database, clinic_id, service) as rows:
        at = await ledger.head(rows, clinic_id)
        if at is None:
            return 0
        place = await bookmark_for_update(rows, clinic_id, service, "reacted", at)
        page = await ledger.read_after(rows, clinic_id, at.epoch, place.size, limit)
        hears = reactions_of(service).hears
        if page and not any(entry.type in hears or not knows(entry.type) for entry in page):
            await move_bookmark(rows, clinic_id, service, "reacted", Place.after(page[-1]))
            return at.size - page[-1].size
    size, passed = at.size, None
    for entry in page:
        if not knows(entry.type):
            await _pass(database, clinic_id, service, passed)
            raise UnknownEventError(entry.type)
        if entry.type in hears:
            size = await _react_to(database, clinic_id, service, entry)
        passed = None if entry.type in hears else entry
    await _pass(database, clinic_id, service, passed)
    return size - (page[-1].size if page else place.size)


async def _pass(database: Database, clinic_id: UUID, service: str, unheard: Entry[Any] | None) -> None:
    """Move the bookmark behind an entry that nobody here hears, unless it stands further already."""
    if unheard is None:
        return
    async with aside(database, clinic_id, service) as rows:
        at = await ledger.head(rows, clinic_id)
        if at is not None and (await bookmark_for_update(rows, clinic_id, service, "reacted", at)).size < unheard.size:
            await move_bookmark(rows, clinic_id, service, "reacted", Place.after(unheard))


async def _react_to(database: Database, clinic_id: UUID, service: str, entry: Entry[Any]) -> int:
    """Clinic lock, then the bookmark, then caught up, then the reaction: one commit. Returns the ledger's size after it."""
    cause = str(entry.event_id)
    event_id = uuid5(clinic_id, f"{service}\x1f{cause}")
    async with transaction(database, clinic_id, service, service_actor(service), cause, event_id=event_id) as tx:
        place = await bookmark_for_update(tx.rows, clinic_id, service, "reacted", tx.head)
        if place.size <= entry.index:  # else another process was here first
            for reaction in reactions_of(service).by_type.get(entry.type, ()):
                await reaction(tx, entry)
            reach("reaction.done")
            await move_bookmark(tx.rows, clinic_id, service, "reacted", Place.after(entry))
        return tx.size


Step = Callable[[Database, UUID, str, int], Awaitable[int]]
"""Works up to so many entries of a clinic for a service, and says how many are left."""


class Follower:
    """Keeps one service up to date in this process: woken by the stream, and by a sweep each second.

    `always` runs every step at least once, also where the bookmark says that nothing is left.
    """

    def __init__(self, database: Database, service: str, stages: Mapping[str, Step] | None = None, *, always: bool = False) -> None:
        self.database = database
        self.service = service
        self.stages = stages or {"projected": project, "reacted": react}
        self._always = always
        self._careful_until: dict[Pair, int] = {}
        self._tried: set[Pair] = set()
        self._busy: set[UUID] = set()
        self._again: set[UUID] = set()
        self._places = asyncio.Semaphore(CLINICS_AT_ONCE)

    async def wake(self, clinics: Iterable[UUID]) -> None:
        """Work these clinics until they are caught up. One that stumbles does not hold up the others."""
        wanted = list(clinics)
        ends = await asyncio.gather(*(self.follow(clinic_id) for clinic_id in wanted), return_exceptions=True)
        for clinic_id, end in zip(wanted, ends, strict=True):
            if isinstance(end, Exception):
                log.error("%s stumbled over %s; the sweep comes back", self.service, clinic_id, exc_info=end)

    async def sweep(self) -> None:
        """Find clinics that a lost message left behind."""
        async with aside(self.database, None, self.service) as rows:
            behind = {found.clinic_id for stage in self.stages for found in await ledger.clinics_behind(rows, self.service, stage)}
        await self.wake(behind)

    async def follow(self, clinic_id: UUID) -> None:
        """Project, then react, until nothing is left; one task per clinic, woken again if it was busy."""
        self._again.add(clinic_id)
        if clinic_id in self._busy:
            return
        self._busy.add(clinic_id)
        try:
            async with self._places:
                while clinic_id in self._again:
                    self._again.discard(clinic_id)
                    for stage, step in self.stages.items():
                        if not await self._work(Pair(clinic_id, self.service, stage), step):
                            break  # a reaction needs the whole projection; it must not be blamed for a projector
        finally:
            self._busy.discard(clinic_id)
            self._again.discard(clinic_id)

    async def _work(self, pair: Pair, step: Step) -> bool:
        """Work one stage; returns whether it is level now."""
        while True:
            attempt = await begin_attempt(self.database, pair, always=self._always)
            if attempt is None:
                return True
            if attempt.halted and (attempt.deadly or pair in self._tried):
                return False
            # A pair that halted under another program is tried once by this one: it may be the one that mends it.
            self._tried.add(pair)
            careful = attempt.count > 1 or attempt.index < self._careful_until.get(pair, 0)
            try:
                left = await step(self.database, pair.clinic_id, self.service, 1 if careful else PAGE)
            except UnknownEventError as unknown:
                await forgive(self.database, pair, f"unknown type {unknown}")
                return False
            except Exception as failure:  # noqa: BLE001 - whatever a projector or reaction raises
                self._careful_until[pair] = max(self._careful_until.get(pair, 0), attempt.index + PAGE)
                if not await halt_if_spent(self.database, pair, attempt, failure):
                    return False
                continue
            await succeeded(self.database, pair, attempt, always=self._always)
            if left <= 0:
                return True
