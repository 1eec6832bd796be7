"""How a service's tables follow the ledger: `@projects(Event)`."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Self, TypeVar
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.envelope import Entry, Event, UnknownEventError, knows, versioned_type
from events.ledger import Bookmark, Head

E = TypeVar("E", bound=Event)
Projector = Callable[[AsyncSession, Entry[E]], Awaitable[None]]

_projections: dict[str, "Projection"] = {}


class Projection:
    """The projectors of one service, by the type of event they hear.

    A projector writes only its service's projection tables, and depends on nothing but the entry and those rows.
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

    async def apply(self, rows: AsyncSession, entries: Sequence[Entry[Any]]) -> None:
        """Apply entries in order. Raises what a projector raises."""
        for entry in entries:
            for projector in self._projectors.get(entry.type, ()):
                await projector(rows, entry)
        await rows.flush()


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


async def bookmark_for_update(rows: AsyncSession, clinic_id: UUID, service: str, stage: str, at: Head) -> Place:
    """The service's bookmark, locked; a new one stands at the ledger's beginning.

    Raises `RecordUnreadableError` if the bookmark's chain is not the ledger's at that place: it never skips.
    """
    query = (
        select(Bookmark.epoch, Bookmark.size, Bookmark.chain)
        .where(Bookmark.clinic_id == clinic_id, Bookmark.service == service, Bookmark.stage == stage)
        .with_for_update()
    )
    found = (await rows.execute(query)).one_or_none()
    if found is None:
        start = await ledger.chain_at(rows, clinic_id, at.epoch, 0)
        new = insert(Bookmark).values(clinic_id=clinic_id, service=service, stage=stage, epoch=at.epoch, size=0, chain=start)
        await rows.execute(new.on_conflict_do_nothing())
        found = (await rows.execute(query)).one()
    place = Place(found.epoch, found.size, bytes(found.chain))
    if place.epoch != at.epoch or await ledger.chain_at(rows, clinic_id, place.epoch, place.size) != place.chain:
        message = f"{service} ({stage}): the bookmark is not on this ledger"
        raise RecordUnreadableError(message)
    return place


async def move_bookmark(rows: AsyncSession, clinic_id: UUID, service: str, stage: str, place: Place) -> None:
    """Set a bookmark that this transaction has locked."""
    await rows.execute(
        text(
            "update ledger.bookmarks set epoch = :epoch, size = :size, chain = :chain"
            " where clinic_id = :clinic and service = :service and stage = :stage"
        ),
        {"epoch": place.epoch, "size": place.size, "chain": place.chain, "clinic": clinic_id, "service": service, "stage": stage},
    )


async def follow(rows: AsyncSession, clinic_id: UUID, service: str, at: Head, limit: int) -> Place:
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
    place = Place.after(known[-1])
    await move_bookmark(rows, clinic_id, service, "projected", place)
    return place
