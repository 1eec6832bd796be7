"""A clinic's record through its epochs. A restore opens the next one: indexes go on, the chain begins anew.

So an index names one entry of a clinic for ever, whatever epoch it stands in, and the record is read as one line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from uuid import UUID

from events import ledger, wire
from events.chain import Checkpoint, genesis
from events.database import SERVICES
from events.envelope import Entry, Event
from events.ledger import Head
from events.wire import Where


@dataclass(frozen=True, slots=True)
class Epoch:
    """One unbroken line of entries, from index `first` on."""

    clinic_id: UUID
    number: int
    first: int

    @property
    def beginning(self) -> Checkpoint:
        """Where its chain begins: a walk starts here."""
        return Checkpoint(self.number, self.first, genesis(self.clinic_id, self.number))


_EPOCHS = """
    select c.epoch, coalesce((select e.index from ledger.entries e where e.clinic_id = c.clinic_id and e.epoch = c.epoch
                              order by e.index limit 1), 0)
    from ledger.clinics c where c.clinic_id = $1 order by c.epoch
    """


async def epochs_of(rows: Where, clinic_id: UUID) -> list[Epoch]:
    """The clinic's epochs, the newest last."""
    return [Epoch(clinic_id, *row) for row in await wire.fetch(rows, _EPOCHS, clinic_id)]


async def read_line(rows: Where, clinic_id: UUID, size: int, limit: int = 500) -> list[Entry[Event]]:
    """Up to `limit` entries from index `size` on, in order, through all epochs."""
    known = await epochs_of(rows, clinic_id)
    ends = [later.first for _, later in pairwise(known)] + [None]
    found: list[Entry[Event]] = []
    for epoch, end in zip(known, ends, strict=True):
        if len(found) < limit and (end is None or size + len(found) < end):
            found += await ledger.read_after(rows, clinic_id, epoch.number, size + len(found), limit - len(found))
    return found


@dataclass(frozen=True, slots=True)
class Behind:
    """A bookmark that does not stand at the end of the ledger."""

    service: str
    stage: str
    astray: bool
    """It is not on this ledger at all."""


_MARKS = """
    select s.service, t.stage, b.epoch, b.size, b.chain
    from unnest($2::text[]) as s(service) cross join (values ('projected'), ('reacted')) as t(stage)
    left join ledger.bookmarks b on b.clinic_id = $1 and b.service = s.service and b.stage = t.stage
    """


async def bookmarks_behind(rows: Where, clinic_id: UUID, at: Head, services: Sequence[str] = SERVICES) -> list[Behind]:
    """Who has not worked everything up to the ledger's end."""
    found: list[Behind] = []
    for service, stage, epoch, size, chain in await wire.fetch(rows, _MARKS, clinic_id, list(services)):
        if (epoch, size, chain) == (at.epoch, at.size, at.chain):
            continue
        there = None if epoch is None else await ledger.chain_at(rows, clinic_id, epoch, size)
        found.append(Behind(service, stage, epoch is not None and (epoch != at.epoch or there != chain)))
    return found


async def published_size(rows: Where, clinic_id: UUID, at: Head) -> int:
    """Up to which size this line of the ledger was published: the relay's bookmark, which was restored together with it."""
    query = "select epoch, size, chain from ledger.bookmarks where clinic_id = $1 and service = 'relay' and stage = 'published'"
    mark = await wire.fetch_row(rows, query, clinic_id)
    first = (await epochs_of(rows, clinic_id))[-1].first
    if mark is None or mark[0] != at.epoch or await ledger.chain_at(rows, clinic_id, mark[0], mark[1]) != mark[2]:
        return first
    return max(int(mark[1]), first)


_OPEN = "select ledger.open_epoch($1, $2, $3, $4, $5, $6, $7, $8)"


async def open_epoch(rows: Where, clinic_id: UUID, at: Head, now: datetime, event_id: UUID, versioned: str, body: bytes) -> Entry[Event]:
    """Open the epoch behind `at` with its first entry. The database refuses while a service has not worked the former to its end."""
    chain = (await wire.fetch_row(rows, _OPEN, clinic_id, at.epoch, at.size, now, event_id, versioned, body, list(SERVICES)))[0]
    return Entry(clinic_id, at.epoch + 1, at.size, now, event_id, versioned, body, chain)
