"""How a service's tables follow the ledger: `@projects(Event)`."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger, wire
from events.envelope import Entry, Event, UnknownEventError, knows, versioned_type
from events.faults import reach
from events.ledger import Head
from events.tables import Rows
from events.wire import Where

E = TypeVar("E", bound=Event)
Projector = Callable[[Rows, Entry[E]], Awaitable[None]]

_projections: dict[str, "Projection"] = {}


class Projection:
    """The projectors of one service, by the type of event they hear.

    A projector writes only its service's projection tables, and depends on nothing but the entry and those rows. Its writes
    wait in `Rows` until somebody asks, or until all the entries are through.
    """

    def __init__(self, service: str) -> None:
        self.service = service
        self._projectors: defaultdict[str, list[Projector[Any]]] = defaultdict(list)
        _projections[service] = self

    def __call__(self, *heard: type[Event]) -> Callable[[Projector[E]], Projector[E]]:
        """Register a projector for one or more event classes."""

        def register(projector: Projector[E]) -> Projector[E]:
            for event in heard:
                self._projectors[versioned_type(event)].append(projector)
            return projector

        return register

    @property
    def hears(self) -> frozenset[str]:
        """The types, with version, that any projector hears."""
        return frozenset(self._projectors)

    async def apply(self, where: Where, entries: Sequence[Entry[Any]]) -> None:
        """Apply entries in order. Raises what a projector raises."""
        tables: Rows | None = None
        for entry in entries:
            for projector in self._projectors.get(entry.type, ()):
                if tables is None:  # most entries are nobody's business here
                    tables = Rows(where if isinstance(where, AsyncSession) else where.session)
                await projector(tables, entry)
        if tables is not None:
            await tables.flush()


def projection_of(service: str) -> Projection:
    """The service's projection; an empty one if it has no projectors here."""
    return _projections[service] if service in _projections else Projection(service)


class RecordUnreadableError(Exception):
    """The service cannot read the whole record, so it decides nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a ledger: epoch, size and the chain there. A bare number would not notice a restore or a fork."""

    epoch: int
    size: int
    chain: bytes

    @classmethod
    def at(cls, head: Head) -> Self:
        """The ledger's end."""
        return cls(head.epoch, head.size, head.chain)

    @classmethod
    def after(cls, entry: Entry[Any]) -> Self:
        """The place behind an entry."""
        return cls(entry.epoch, entry.size, entry.chain)


_BOOKMARK = "select epoch, size, chain from ledger.bookmarks where clinic_id = $1 and service = $2 and stage = $3 for update"
_NEW_BOOKMARK = (
    "insert into ledger.bookmarks (clinic_id, service, stage, epoch, size, chain)"
    " values ($1, $2, $3, $4, 0, ledger.genesis($1, $4)) on conflict do nothing"
)
_MOVE = "update ledger.bookmarks set epoch = $4, size = $5, chain = $6 where clinic_id = $1 and service = $2 and stage = $3"


async def bookmark_for_update(rows: Where, clinic_id: UUID, service: str, stage: str, at: Head) -> Place:
    """The service's bookmark, locked; a new one stands at the ledger's beginning.

    Raises `RecordUnreadableError` if the bookmark's chain is not the ledger's at that place: it never skips.
    """
    found = await wire.fetch_row(rows, _BOOKMARK, clinic_id, service, stage)
    if found is None:
        await wire.fetch_row(rows, _NEW_BOOKMARK, clinic_id, service, stage, at.epoch)
        found = await wire.fetch_row(rows, _BOOKMARK, clinic_id, service, stage)
    place = Place(*found)
    if place.epoch != at.epoch or await ledger.chain_at(rows, clinic_id, place.epoch, place.size) != place.chain:
        message = f"{service} ({stage}): the bookmark is not on this ledger"
        raise RecordUnreadableError(message)
    return place


async def move_bookmark(rows: Where, clinic_id: UUID, service: str, stage: str, place: Place) -> None:
    """Set a bookmark that this transaction has locked."""
    await wire.fetch_row(rows, _MOVE, clinic_id, service, stage, place.epoch, place.size, place.chain)


async def follow(rows: Where, clinic_id: UUID, service: str, at: Head, limit: int) -> Place:
    """Project up to `limit` entries beyond the bookmark and move it; returns where it stands now.

    Stops before a type that this program does not know; raises `UnknownEventError` if that is the next entry.
    """
    place = await bookmark_for_update(rows, clinic_id, service, "projected", at)
    if place.size >= at.size:
        return place
    page = await ledger.read_after(rows, clinic_id, at.epoch, place.size, min(limit, at.size - place.size))
    known = list(takewhile(lambda entry: knows(entry.type), page))
    if not known:
        raise UnknownEventError(page[0].type)
    await projection_of(service).apply(rows, known)
    reach("projection.applied")
    place = Place.after(known[-1])
    await move_bookmark(rows, clinic_id, service, "projected", place)
    return place
