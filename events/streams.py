"""Wake-ups and catch-up: `@when(Event)`, groups, attempts, halting.

The stream `events` only says "clinic C is at (epoch, size)"; entries are read from the ledger. So loss, doubling,
disorder and forged messages are harmless: a bookmark in PostgreSQL says what was done.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID, uuid5

from events import ledger
from events.attempts import AttemptAt, Pair, forgive, halt_if_spent, succeeded, take_back
from events.clock import service_actor
from events.database import Database, is_passing
from events.envelope import Entry, Event, UnknownEventError, knows, versioned_type
from events.faults import reach
from events.projection import Place, bookmark_for_update, move_bookmark, projection_of
from events.rounds import Stage, look
from events.transaction import Transaction, apart, project, transaction

log = logging.getLogger(__name__)

STREAM = "events"
STREAM_LENGTH = 10_000
PAGE = 500
CLINICS_AT_ONCE = 6
TURNS_AT_ONCE = 8
"""All of them together must leave connections to the doors."""

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
    async with apart(database, clinic_id, service, durable=False) as line:
        at = await ledger.head(line, clinic_id)
        if at is None:
            return 0
        place = await bookmark_for_update(line, clinic_id, service, "reacted", at)
        page = await ledger.read_after(line, clinic_id, at.epoch, place.size, limit)
        hears = reactions_of(service).hears
        if page and not any(entry.type in hears or not knows(entry.type) for entry in page):
            await move_bookmark(line, clinic_id, service, "reacted", Place.after(page[-1]))
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
    async with apart(database, clinic_id, service, durable=False) as line:
        at = await ledger.head(line, clinic_id)
        if at is not None and (await bookmark_for_update(line, clinic_id, service, "reacted", at)).size < unheard.size:
            await move_bookmark(line, clinic_id, service, "reacted", Place.after(unheard))


async def _react_to(database: Database, clinic_id: UUID, service: str, entry: Entry[Any]) -> int:
    """Clinic lock, then the bookmark, then caught up, then the reaction: one commit. Returns the ledger's size after it."""
    cause = str(entry.event_id)
    event_id = uuid5(clinic_id, f"{service}\x1f{cause}")
    async with transaction(database, clinic_id, service, service_actor(service), cause, event_id=event_id) as tx:
        place = await bookmark_for_update(tx.line, clinic_id, service, "reacted", tx.head)
        reach("reaction.begun")
        if place.size <= entry.index:  # else another process was here first
            for reaction in reactions_of(service).by_type.get(entry.type, ()):
                await reaction(tx, entry)
            reach("reaction.done")
            await move_bookmark(tx.line, clinic_id, service, "reacted", Place.after(entry))
        return tx.size


def stages_of(service: str) -> tuple[Stage, Stage]:
    """What a service does about entries: it projects them, then it reacts. Two bookmarks: the gate never runs a reaction."""
    return (
        Stage(service, "projected", lambda: projection_of(service).hears, project),
        Stage(service, "reacted", lambda: reactions_of(service).hears, react),
    )


NOWHERE = (-1, -1)


class Follower:
    """Keeps services up to date in this process: woken by the stream, and by a sweep each second."""

    def __init__(self, database: Database, *services: str, stages: Sequence[Stage] = ()) -> None:
        self.database = database
        self.stages = [*(stage for service in services for stage in stages_of(service)), *stages]
        self.services = tuple(dict.fromkeys(stage.service for stage in self.stages))
        self._careful_until: dict[Pair, int] = {}
        self._tried: set[Pair] = set()
        self._owed: dict[Pair, AttemptAt] = {}
        """Attempts that an outage ended: they are taken back, as soon as that can be written."""
        self._busy: set[UUID] = set()
        self._again: dict[UUID, frozenset[str]] = {}
        self._level: dict[UUID, tuple[int, int]] = {}
        self._suspected: set[UUID] = set()
        self._clinics = asyncio.Semaphore(CLINICS_AT_ONCE)
        self._turns = asyncio.Semaphore(TURNS_AT_ONCE)

    async def hear(self, said: Mapping[UUID, tuple[int, int]]) -> None:
        """Somebody says that these ledgers have come so far (epoch, size). What is level with that already stays where it is."""
        await self.wake([clinic_id for clinic_id, place in said.items() if place > self._level.get(clinic_id, NOWHERE)])

    async def wake(self, clinics: Iterable[UUID], *always: str) -> None:
        """Work these clinics until they are caught up. One that stumbles does not hold up the others.

        `always` names services that have their turn also where their bookmark says that nothing is left.
        """
        wanted = list(clinics)
        ends = await asyncio.gather(*(self.follow(clinic_id, *always) for clinic_id in wanted), return_exceptions=True)
        for clinic_id, end in zip(wanted, ends, strict=True):
            if isinstance(end, Exception):
                log.error("%s stumbled over %s; the sweep comes back", ", ".join(self.services), clinic_id, exc_info=end)

    async def sweep(self) -> None:
        """Find clinics that a lost message left behind."""
        reach("sweep.begun")
        async with apart(self.database, None, self.services[0]) as line:
            behind = await ledger.left_behind(line, [(stage.service, stage.name) for stage in self.stages])
        await self.wake(behind)

    async def follow(self, clinic_id: UUID, *always: str) -> None:
        """Go through the clinic until nothing is left; one task per clinic, sent through again if it was busy."""
        self._again[clinic_id] = self._again.get(clinic_id, frozenset()) | frozenset(always)
        if clinic_id in self._busy:
            return
        self._busy.add(clinic_id)
        try:
            async with self._clinics:
                while clinic_id in self._again:
                    wanted = self._again.pop(clinic_id)
                    while await self._round(clinic_id, wanted):
                        wanted = frozenset()
        finally:
            self._busy.discard(clinic_id)
            self._again.pop(clinic_id, None)

    async def _round(self, clinic_id: UUID, always: frozenset[str]) -> bool:
        """One look, and a turn for everybody who has something to do; whether another round is due."""
        reach("follower.woken")
        if not await self._take_back(clinic_id):
            return False
        try:
            found = await look(self.database, clinic_id, self.stages, always, suspects_first=clinic_id in self._suspected)
        except Exception as failure:
            if not is_passing(failure):
                raise
            log.debug("%s: no database; the sweep comes back", ", ".join(self.services))
            return False
        if found is None:
            return False
        (self._suspected.add if found.suspected else self._suspected.discard)(clinic_id)
        if found.rests:
            self._level[clinic_id] = (found.epoch, found.size)
        reach("attempt.counted")
        turns = [self._turn(stage, stage.pair(clinic_id), attempt, stage.service in always) for stage, attempt in found.todo]
        if len(turns) < 2:  # noqa: PLR2004 - one needs no tasks
            return (bool(turns) and await turns[0]) or found.suspected
        ends = await asyncio.gather(*turns, return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
        return any(ends) or found.suspected

    async def _turn(self, stage: Stage, pair: Pair, attempt: AttemptAt, always: bool) -> bool:  # noqa: FBT001 - said by the caller's name
        """Work one stage; returns whether to look again."""
        if attempt.halted and (attempt.deadly or pair in self._tried):
            return False
        # A pair that halted under another program is tried once by this one: it may be the one that mends it.
        self._tried.add(pair)
        careful = attempt.count > 1 or attempt.index < self._careful_until.get(pair, 0)
        async with self._turns:
            try:
                await stage.step(self.database, pair.clinic_id, pair.service, 1 if careful else PAGE)
            except UnknownEventError as unknown:
                await forgive(self.database, pair, f"unknown type {unknown}")
                return False
            except Exception as failure:  # noqa: BLE001 - whatever a projector or reaction raises
                if is_passing(failure):
                    self._owed[pair] = attempt
                    await self._take_back(pair.clinic_id)
                    return False
                self._careful_until[pair] = max(self._careful_until.get(pair, 0), attempt.index + PAGE)
                return await halt_if_spent(self.database, pair, attempt, failure)
            if attempt.count > 1 or always:
                await succeeded(self.database, pair, attempt)
            reach("attempt.cleared")
        return True

    async def _take_back(self, clinic_id: UUID) -> bool:
        """What an outage ended says nothing about the entry, however often it comes. Whether it is over."""
        try:
            for pair in [pair for pair in self._owed if pair.clinic_id == clinic_id]:
                await take_back(self.database, pair, self._owed[pair])
                self._owed.pop(pair, None)
        except Exception as away:
            if not is_passing(away):
                raise
            log.debug("%s: no database; the sweep comes back", ", ".join(self.services))
            return False
        return True
