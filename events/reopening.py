"""Before a new epoch opens, everybody works the former one to its end, so that nothing of it is left undone.

A bookmark that is not on the ledger is put back on it: tables are projected anew from the first entry; reactions begin again
behind the last entry that the service is known to have reacted to. Nothing is skipped by this, and nothing recorded twice.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from events import ledger, wire
from events.checking.check import GRANTS
from events.clock import service_actor
from events.database import SERVICES, Base, Database, tables_of
from events.epochs import Behind, bookmarks_behind, read_line
from events.ledger import Head
from events.projection import Place, move_bookmark, projection_of
from events.streams import react
from events.transaction import UnknownClinicError, aside, project
from events.wire import Where

PAGE = 500
MOST_ROUNDS = 100
"""Reactions record entries that others react to; a round later there is less to do."""


class StillBehindError(Exception):
    """A service cannot come to the end of the ledger; the message says which and why."""


async def bring_level(database: Database, clinic_id: UUID, services: Sequence[str] = SERVICES) -> list[str]:
    """Let every service work everything up to the ledger's end; returns what was put back on the ledger, in words.

    The services' projectors and reactions must be imported. Raises `StillBehindError`.
    """
    mended: list[str] = []
    behind: Sequence[Behind] = ()
    for _ in range(MOST_ROUNDS):
        async with aside(database, clinic_id, "compliance") as rows:
            at = await ledger.head(rows, clinic_id)
            if at is None:
                raise UnknownClinicError(clinic_id)
            behind = await bookmarks_behind(rows, clinic_id, at, services)
        if not behind:
            return mended
        for found in behind:
            mended += await _work(database, clinic_id, found)
    message = f"{', '.join(f'{found.service} ({found.stage})' for found in behind)} does not come to the end of the ledger"
    raise StillBehindError(message)


async def _work(database: Database, clinic_id: UUID, found: Behind) -> list[str]:
    try:
        if found.astray:
            again = _project_anew if found.stage == "projected" else _put_back
            return [await again(database, clinic_id, found.service)]
        step = project if found.stage == "projected" else react
        while await step(database, clinic_id, found.service) > 0:
            pass
    except Exception as failure:
        if isinstance(failure, OSError):
            raise
        message = f"{found.service} ({found.stage}) cannot work what is left: {type(failure).__name__}; mend it or `asepsis skip` it first"
        raise StillBehindError(message) from failure
    return []


async def _lock(rows: Where, clinic_id: UUID, service: str, stage: str) -> Head:
    """The clinic's lock, then the bookmark's, each in a statement of its own; then the ledger's end."""
    await wire.fetch_row(rows, "select pg_advisory_xact_lock(hashtextextended($1::uuid::text, 0))", clinic_id)
    mark = "select size from ledger.bookmarks where clinic_id = $1 and service = $2 and stage = $3 for update"
    await wire.fetch_row(rows, mark, clinic_id, service, stage)
    at = await ledger.head(rows, clinic_id)
    if at is None:
        raise UnknownClinicError(clinic_id)
    return at


async def _project_anew(database: Database, clinic_id: UUID, service: str) -> str:
    """Empty the service's projections of this clinic and fill them from the first entry on, in one commit."""
    tables = [*tables_of(service, "projection"), *(GRANTS if service == "compliance" else ())]
    async with aside(database, clinic_id, service) as rows:
        at = await _lock(rows, clinic_id, service, "projected")
        for name in tables:
            table = Base.metadata.tables[name]
            query = text(f'delete from "{table.schema}"."{table.name}" where clinic_id = :clinic')  # noqa: S608 - names from our own models
            await rows.execute(query, {"clinic": clinic_id})
        size = 0
        while size < at.size:
            page = await read_line(rows, clinic_id, size, min(PAGE, at.size - size))
            await projection_of(service).apply(rows, page)
            size = page[-1].size
        await move_bookmark(rows, clinic_id, service, "projected", Place.at(at))
    return f"{service}: its tables were not of this ledger; they were projected anew from {at.size} entries"


async def _put_back(database: Database, clinic_id: UUID, service: str) -> str:
    """Reactions go in order, so the last thing the service recorded because of an entry says how far it has come."""
    async with aside(database, clinic_id, service) as rows:
        at = await _lock(rows, clinic_id, service, "reacted")
        place = await _last_reacted(rows, clinic_id, service, at)
        await move_bookmark(rows, clinic_id, service, "reacted", place)
    return f"{service}: its reactions were not to this ledger; they begin again at entry {place.size}"


async def _last_reacted(rows: Where, clinic_id: UUID, service: str, at: Head) -> Place:
    identity, size = service_actor(service).identity_id, at.size
    while size > 0:
        begin = max(size - PAGE, 0)
        for entry in reversed(await read_line(rows, clinic_id, begin, size - begin)):
            if entry.epoch != at.epoch:  # an epoch only opens when everybody has reacted to all of the one before
                return Place(at.epoch, 0, await ledger.chain_at(rows, clinic_id, at.epoch, 0) or b"")
            if entry.actor.identity_id == identity and (cause := _as_id(entry.causation)):
                known = await ledger.entry_by_id(rows, clinic_id, cause)
                if known is not None and known.epoch == at.epoch:
                    return Place.after(known)
        size = begin
    return Place(at.epoch, 0, await ledger.chain_at(rows, clinic_id, at.epoch, 0) or b"")


def _as_id(causation: str) -> UUID | None:
    """The causing entry's id; a job names itself instead."""
    try:
        return UUID(causation)
    except ValueError:
        return None
