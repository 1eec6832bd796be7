"""Clinics, entries, bookmarks; append, read, sizes. The SQL functions stand in `deploy/migrations/sql`."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from events import wire
from events.database import Base, table
from events.envelope import Entry, Event
from events.wire import Where


class LedgerClinic(Base):
    """ledger: an epoch is one unbroken line of a clinic's entries; a restore opens the next."""

    __tablename__ = "clinics"
    __table_args__ = table("ledger", "ledger")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    opened_at: Mapped[datetime]


class LedgerEntry(Base):
    """ledger: one event, the exact bytes of its body, and its place in the chain."""

    __tablename__ = "entries"
    __table_args__ = table(
        "ledger",
        "ledger",
        UniqueConstraint("clinic_id", "event_id"),
        CheckConstraint(r"type ~ '^[a-z0-9._-]+\.v[0-9]+$'", name="type_is_ascii"),
        CheckConstraint("octet_length(body) <= 32768", name="body_is_small"),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime]
    event_id: Mapped[UUID]
    type: Mapped[str]
    body: Mapped[bytes]
    chain: Mapped[bytes]


class Bookmark(Base):
    """machinery: how far a service has projected, reacted to or published a clinic's ledger."""

    __tablename__ = "bookmarks"
    __table_args__ = table("ledger", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int]
    size: Mapped[int]
    chain: Mapped[bytes]


class Fingerprint(Base):
    """machinery: a keyed hash of the request that an answer belongs to."""

    __tablename__ = "fingerprints"
    __table_args__ = table("ledger", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes]


class Attempt(Base):
    """machinery: how often the entry at `index` was tried; halted after five failures."""

    __tablename__ = "attempts"
    __table_args__ = table("ledger", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str] = mapped_column(primary_key=True)
    index: Mapped[int]
    count: Mapped[int]
    error: Mapped[str | None]
    halted_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a clinic's ledger ends, read after the lock; `now` becomes `recorded_at`."""

    epoch: int
    size: int
    chain: bytes
    last_at: datetime | None
    clock: datetime

    @property
    def now(self) -> datetime:
        """The database's clock, never before the last entry."""
        return self.clock if self.last_at is None else max(self.clock, self.last_at)


_HEAD = """
    select c.epoch, coalesce(e.index + 1, 0) as size, coalesce(e.chain, ledger.genesis(c.clinic_id, c.epoch)) as chain,
           e.recorded_at as last_at, clock_timestamp() as clock
    from (select clinic_id, epoch from ledger.clinics where clinic_id = $1 order by epoch desc limit 1) c
    left join lateral (select index, chain, recorded_at from ledger.entries
                       where clinic_id = c.clinic_id and epoch = c.epoch order by index desc limit 1) e on true
    """


async def head(rows: Where, clinic_id: UUID) -> Head | None:
    """The end of the clinic's ledger, or None if there is no such clinic."""
    found = await wire.fetch_row(rows, _HEAD, clinic_id)
    return None if found is None else Head(*found)


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a decision finds behind the clinic's lock."""

    head: Head
    projected: int
    on_ledger: bool
    fingerprint: bytes | None

    @property
    def behind(self) -> int:
        """How many entries the service has not projected yet."""
        return self.head.size - self.projected


_ENTER = "select epoch, size, chain, last_at, clock, projected, on_ledger, fingerprint from ledger.enter($1, $2, $3)"


async def enter(rows: Where, clinic_id: UUID, service: str, event_id: UUID) -> Entrance | None:
    """Take the clinic's lock, then look: at the ledger's end, the service's bookmark (locked), an earlier answer."""
    found = await wire.fetch_row(rows, _ENTER, clinic_id, service, event_id)
    return None if found is None else Entrance(Head(*found[:5]), *found[5:])


async def bookmark_size(rows: Where, clinic_id: UUID, service: str, stage: str) -> int:
    """How many entries a service has worked; none if it never began."""
    query = "select size from ledger.bookmarks where clinic_id = $1 and service = $2 and stage = $3"
    found = await wire.fetch_row(rows, query, clinic_id, service, stage)
    return 0 if found is None else int(found[0])


_CHAIN_AT = (
    "select case when $3 = 0 then ledger.genesis($1, $2) else"
    " (select chain from ledger.entries where clinic_id = $1 and epoch = $2 and index = $3 - 1) end"
)


async def chain_at(rows: Where, clinic_id: UUID, epoch: int, size: int) -> bytes | None:
    """The ledger's chain when it had `size` entries, or None if it never had."""
    chain: bytes | None = (await wire.fetch_row(rows, _CHAIN_AT, clinic_id, epoch, size))[0]
    return chain


_APPEND = "select ledger.append($1, $2, $3, $4, $5, $6, $7)"


async def append(rows: Where, clinic_id: UUID, at: Head, event_id: UUID, versioned: str, body: bytes) -> Entry[Any]:
    """Append one entry at `at.size`. The database refuses another size, a step back in time and `synchronous_commit = off`."""
    chain: bytes = (await wire.fetch_row(rows, _APPEND, clinic_id, at.epoch, at.size, at.now, [event_id], [versioned], [body]))[0]
    return Entry(clinic_id, at.epoch, at.size, at.now, event_id, versioned, body, chain)


_LEAVE = "select ledger.leave($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"


async def leave(
    rows: Where, clinic_id: UUID, service: str, entries: Sequence[Entry[Any]], answer: UUID, fingerprint: bytes | None
) -> bytes:
    """Append the entries of one decision, move the service's bookmark behind them, keep the answer's fingerprint.

    The database computes every chain itself; returns the last one.
    """
    first = entries[0]
    place = (clinic_id, service, first.epoch, first.index, first.recorded_at)
    columns = ([entry.event_id for entry in entries], [entry.type for entry in entries], [entry.body for entry in entries])
    chain: bytes = (await wire.fetch_row(rows, _LEAVE, *place, *columns, answer, fingerprint))[0]
    return chain


_COLUMNS = "epoch, index, recorded_at, event_id, type, body, chain"
_AFTER = f"select {_COLUMNS} from ledger.entries where clinic_id = $1 and epoch = $2 and index >= $3 order by index limit $4"  # noqa: S608 - our own names
_BY_ID = f"select {_COLUMNS} from ledger.entries where clinic_id = $1 and event_id = $2"  # noqa: S608 - as above


async def read_after(rows: Where, clinic_id: UUID, epoch: int, size: int, limit: int = 500) -> Sequence[Entry[Event]]:
    """The entries from index `size` on, in order."""
    return [Entry(clinic_id, *row) for row in await wire.fetch(rows, _AFTER, clinic_id, epoch, size, limit)]


async def read_all(rows: Where, clinic_id: UUID, epoch: int, size: int = 0) -> AsyncIterator[Entry[Event]]:
    """Every entry from `size` on, a page at a time: the memory stays flat."""
    while page := await read_after(rows, clinic_id, epoch, size, 1000):
        for entry in page:
            yield entry
        size = page[-1].size


async def entry_by_id(rows: Where, clinic_id: UUID, event_id: UUID) -> Entry[Any] | None:
    """The entry with this event id."""
    found = await wire.fetch_row(rows, _BY_ID, clinic_id, event_id)
    return None if found is None else Entry(clinic_id, *found)


@dataclass(frozen=True, slots=True)
class Behind:
    """A clinic whose ledger is longer than a service's bookmark."""

    clinic_id: UUID
    epoch: int
    size: int
    bookmark: int


async def clinics_behind(rows: Where, service: str, stage: str) -> Sequence[Behind]:
    """Every clinic where the service has work left. Ids and sizes only, across clinics."""
    found = await wire.fetch(rows, "select clinic_id, epoch, size, bookmark from ledger.behind($1, $2)", service, stage)
    return [Behind(*row) for row in found]


async def left_behind(rows: Where, stages: Sequence[tuple[str, str]]) -> Sequence[UUID]:
    """Every clinic where one of these (service, stage) has work left."""
    query = "select clinic_id from ledger.left_behind($1, $2)"
    return [row[0] for row in await wire.fetch(rows, query, [service for service, _ in stages], [stage for _, stage in stages])]


async def clinics(rows: Where) -> Sequence[UUID]:
    """Every clinic's id."""
    return [row[0] for row in await wire.fetch(rows, "select clinic_id from ledger.all_clinics()")]


async def open_clinic(rows: Where, clinic_id: UUID) -> bool:
    """Open the first epoch of a clinic's ledger; whether it is new."""
    return bool((await wire.fetch_row(rows, "select ledger.open_clinic($1)", clinic_id))[0])
