"""Attempts and halting: an entry that cannot be worked is tried five times, then the pair (service, clinic) halts.

An attempt is counted in a commit of its own before the work, so that an entry that kills its process is counted too.
It never skips: other clinics go on, `asepsis status` says which pair stands still, `asepsis skip` takes two persons.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from events import ledger, wire
from events.database import Database, is_passing
from events.projection import Place, RecordUnreadableError, bookmark_for_update, move_bookmark
from events.transaction import apart, aside
from events.wire import Where

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 5

DIED = "ProcessDied"
"""The error of an entry that was begun five times and never came to an end."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A service's stage in a clinic: what stands still when an entry cannot be worked."""

    clinic_id: UUID
    service: str
    stage: str

    @property
    def key(self) -> tuple[UUID, str, str]:
        """As the first three parameters of a statement."""
        return self.clinic_id, self.service, self.stage

    @property
    def values(self) -> dict[str, object]:
        """As parameters of a statement."""
        return {"clinic": self.clinic_id, "service": self.service, "stage": self.stage}


@dataclass(frozen=True, slots=True)
class AttemptAt:
    """Where the service stands, and how often it tried the next entry (this time included)."""

    index: int
    count: int
    error: str | None
    halted: bool

    @property
    def deadly(self) -> bool:
        """Whether it halted because the process died of it: then no other process tries it."""
        return self.halted and self.error == DIED


_COUNT = """
    insert into ledger.attempts as a (clinic_id, service, stage, index, count)
    select $1, p.service, p.stage, p.place, 1 from unnest($2::text[], $3::text[], $4::bigint[]) p (service, stage, place)
     order by p.service, p.stage
    on conflict (clinic_id, service, stage) do update
       set index = excluded.index,
           count = case when a.index <> excluded.index then 1 when a.halted_at is not null then a.count else a.count + 1 end,
           halted_at = case when a.index <> excluded.index then null
                            when a.count >= $5::bigint then coalesce(a.halted_at, clock_timestamp()) else a.halted_at end,
           error = case when a.index <> excluded.index then null
                        when a.count >= $5::bigint and a.halted_at is null then $6::text else a.error end
    returning service, stage, index, count, error, halted_at
    """
_AFTER = (
    "update ledger.attempts set count = $5::bigint, error = $6::text, halted_at = case when $7::boolean then clock_timestamp() end"
    " where clinic_id = $1 and service = $2 and stage = $3 and index = $4"
)


async def count_attempts(where: Where, tried: Sequence[tuple[Pair, int]]) -> list[AttemptAt]:
    """Count an attempt at the entry behind each of these bookmarks, all of one clinic; in their order.

    Losing a count in a crash of the server costs one more attempt; waiting for the disk would cost each entry.
    """
    clinic_id = tried[0][0].clinic_id
    columns = ([pair.service for pair, _ in tried], [pair.stage for pair, _ in tried], [index for _, index in tried])
    counted = {
        Pair(clinic_id, service, stage): AttemptAt(index, count, error, halted_at is not None)
        for service, stage, index, count, error, halted_at in await wire.fetch(where, _COUNT, clinic_id, *columns, MOST_ATTEMPTS, DIED)
    }
    return [counted[pair] for pair, _ in tried]


async def _after(database: Database, pair: Pair, attempt: AttemptAt, count: int, error: str | None, *, halt: bool = False) -> None:
    async with apart(database, pair.clinic_id, pair.service, durable=False) as line:
        await wire.fetch_row(line, _AFTER, *pair.key, attempt.index, count, error, halt)


async def succeeded(database: Database, pair: Pair, attempt: AttemptAt) -> None:
    """The entry was worked: what earlier attempts left is cleared."""
    await _after(database, pair, attempt, 0, None)


async def forgive(database: Database, pair: Pair, why: str) -> None:
    """Not the entry's fault: a type that this program does not know yet. Says so in `asepsis status`, counts nothing."""
    async with aside(database, pair.clinic_id, pair.service) as rows:
        forgiven = text(
            "update ledger.attempts set count = 0, error = :why, halted_at = null,"
            " index = coalesce((select b.size from ledger.bookmarks b"
            " where b.clinic_id = :clinic and b.service = :service and b.stage = :stage), 0)"
            " where clinic_id = :clinic and service = :service and stage = :stage"
        )
        await rows.execute(forgiven, pair.values | {"why": why})


async def take_back(database: Database, pair: Pair, attempt: AttemptAt) -> None:
    """An outage ended it, which says nothing about the entry. A pair that had halted stays so. Raises while the outage lasts."""
    await _after(database, pair, attempt, attempt.count if attempt.halted else attempt.count - 1, attempt.error, halt=attempt.halted)


async def halt_if_spent(database: Database, pair: Pair, attempt: AttemptAt, failure: Exception) -> bool:
    """Note the failure; halt after the fifth. Returns whether to try again at once."""
    if is_passing(failure):
        await take_back(database, pair, attempt)
        return False
    # A bookmark that is not on this ledger, or a stream that is not: trying again does not mend it.
    fork = isinstance(failure, RecordUnreadableError) and failure.__cause__ is None
    halt = fork or attempt.count >= MOST_ATTEMPTS
    end = ": halted" if halt else ""
    log.error(
        "%s (%s) failed at entry %d of %s, attempt %d%s",
        *(pair.service, pair.stage, attempt.index, pair.clinic_id, attempt.count, end),
        exc_info=failure,
    )
    await _after(database, pair, attempt, attempt.count, type(failure).__name__, halt=halt)
    return not halt


class NotHaltedError(Exception):
    """The pair does not stand still at this entry: there is nothing to pass."""


async def pass_entry(database: Database, pair: Pair, index: int, *, try_only: bool = False) -> int:
    """Move a halted pair's bookmark behind the entry at `index`; returns its epoch.

    Raises `NotHaltedError`. With `try_only` nothing is moved: whoever asks two persons first asks whether it is needed.
    """
    async with aside(database, pair.clinic_id, pair.service) as rows:
        at = await ledger.head(rows, pair.clinic_id)
        if at is None:
            raise NotHaltedError("there is no such clinic")
        place = await bookmark_for_update(rows, pair.clinic_id, pair.service, pair.stage, at)
        query = "select 1 from ledger.attempts where clinic_id = :clinic and service = :service and stage = :stage and index = :index"
        halted = (await rows.execute(text(query + " and halted_at is not null"), pair.values | {"index": index})).first()
        entries = await ledger.read_after(rows, pair.clinic_id, at.epoch, index, 1)
        if place.size != index or halted is None or not entries:
            raise NotHaltedError(f"{pair.service} ({pair.stage}) does not stand still at entry {index}; its next entry is {place.size}")
        if not try_only:
            await move_bookmark(rows, pair.clinic_id, pair.service, pair.stage, Place.after(entries[0]))
    return at.epoch
