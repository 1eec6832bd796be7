"""Attempts and halting: an entry that cannot be worked is tried five times, then the pair (service, clinic) halts.

An attempt is counted in a commit of its own before the work, so that an entry that kills its process is counted too.
It never skips: other clinics go on, `asepsis status` says which pair stands still, `asepsis skip` takes two persons.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events.database import Database, is_passing
from events.projection import RecordUnreadableError
from events.transaction import aside

log = logging.getLogger(__name__)

MOST_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class AttemptAt:
    """Where the service stands, and how often it tried the next entry (this time included)."""

    index: int
    count: int
    halted: bool


_BEGIN = text(
    """
    insert into ledger.attempts as a (clinic_id, service, stage, index, count)
    select :clinic, :service, :stage, coalesce(b.size, 0), 1
      from (select 1) one left join ledger.bookmarks b on b.clinic_id = :clinic and b.service = :service and b.stage = :stage
    on conflict (clinic_id, service, stage) do update
       set index = excluded.index,
           count = case when a.index = excluded.index then a.count + (a.halted_at is null)::int else 1 end,
           halted_at = case when a.index = excluded.index then a.halted_at end,
           error = case when a.index = excluded.index then a.error end
    returning index, count, halted_at
    """
)
_AFTER = text(
    "update ledger.attempts set count = :count, error = :error, halted_at = case when :halt then clock_timestamp() end"
    " where clinic_id = :clinic and service = :service and stage = :stage and index = :index"
)


async def begin_attempt(database: Database, clinic_id: UUID, service: str, stage: str) -> AttemptAt | None:
    """Count an attempt at the entry behind the bookmark. None if the database is away: then nothing is tried."""
    try:
        async with aside(database, clinic_id, service) as rows:
            # Losing this count in a crash of the server costs one more attempt; waiting for the disk would cost each entry.
            await rows.execute(text("set local synchronous_commit = off"))
            row = (await rows.execute(_BEGIN, {"clinic": clinic_id, "service": service, "stage": stage})).one()
    except (OSError, DBAPIError):
        log.warning("%s: no database; the sweep comes back", service)
        return None
    halted: datetime | None = row.halted_at
    return AttemptAt(row.index, row.count, halted is not None)


async def _after(
    database: Database, clinic_id: UUID, service: str, stage: str, attempt: AttemptAt, count: int, error: str | None, *, halt: bool
) -> None:
    async with aside(database, clinic_id, service) as rows:
        values = {
            "clinic": clinic_id,
            "service": service,
            "stage": stage,
            "index": attempt.index,
            "count": count,
            "error": error,
            "halt": halt,
        }
        await rows.execute(text("set local synchronous_commit = off"))
        await rows.execute(_AFTER, values)


async def succeeded(database: Database, clinic_id: UUID, service: str, stage: str, attempt: AttemptAt) -> None:
    """The entry was worked. Only a second or later attempt left something to clear."""
    if attempt.count > 1:
        await _after(database, clinic_id, service, stage, attempt, 0, None, halt=False)


async def forgive(database: Database, clinic_id: UUID, service: str, stage: str, why: str) -> None:
    """Not the entry's fault: a type that this program does not know yet. Says so in `asepsis status`, counts nothing."""
    async with aside(database, clinic_id, service) as rows:
        await rows.execute(
            text("update ledger.attempts set count = 0, error = :why where clinic_id = :clinic and service = :service and stage = :stage"),
            {"why": why, "clinic": clinic_id, "service": service, "stage": stage},
        )


async def halt_if_spent(database: Database, clinic_id: UUID, service: str, stage: str, attempt: AttemptAt, failure: Exception) -> bool:
    """Note the failure; halt after the fifth. Returns whether to try again at once."""
    if is_passing(failure):
        try:
            await _after(database, clinic_id, service, stage, attempt, attempt.count - 1, None, halt=False)
        except (OSError, DBAPIError):
            log.warning("%s: no database; the sweep comes back", service)
        return False
    fork = isinstance(failure, RecordUnreadableError) and failure.__cause__ is None
    halt = fork or attempt.count >= MOST_ATTEMPTS
    log.error(
        "%s (%s) failed at entry %d of %s, attempt %d%s",
        service,
        stage,
        attempt.index,
        clinic_id,
        attempt.count,
        ": halted" if halt else "",
        exc_info=failure,
    )
    await _after(database, clinic_id, service, stage, attempt, attempt.count, f"{type(failure).__name__}", halt=halt)
    return not halt
