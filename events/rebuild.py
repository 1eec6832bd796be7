"""Builds a service's projections again from the ledger, beside the real ones, and compares row by row.

It makes shadow tables, runs the projectors over the whole ledger as far as the bookmark stands, compares, and leaves
nothing behind. Reactions do not run, and what projectors write beside their own tables (`access.grants`,
`machinery.systems`) goes to shadows too.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.checking.shadows import Shadows
from events.checking.tables import Compared, compare, missing
from events.checking.trials import apply_to
from events.database import Base, Database, tables_of
from events.epochs import epochs_of, read_line

__all__ = ["Compared", "rebuild_service"]

PAGE = 500


async def rebuild_service(database: Database, service: str, clinic_id: UUID | None = None) -> Sequence[Compared]:
    """Compare every projection table of a service, in one clinic or in all. The service's projectors must be imported."""
    compared = {name: Compared(name) for name in tables_of(service, "projection")}
    entries = Compared("ledger.entries")
    async with Shadows(database, service) as shadows:
        async with shadows.looking(None) as rows:
            clinics = [clinic_id] if clinic_id is not None else await ledger.clinics(rows)
        for one in clinics:
            async with shadows.looking(one) as rows:
                entries.differences.extend(await _project(rows, service, one))
                for name, found in compared.items():
                    table = Base.metadata.tables[name]
                    lacking = await compare(rows, table, one, found)
                    found.differences += missing(table, one, lacking)
    return [*compared.values(), *([entries] if entries.differences else [])]


async def _project(rows: AsyncSession, service: str, clinic_id: UUID) -> list[str]:
    """Run the projectors as far as the bookmark stands; returns the entries that they cannot work."""
    query = text("select epoch, size from ledger.bookmarks where clinic_id = :clinic and service = :service and stage = 'projected'")
    place = (await rows.execute(query, {"clinic": clinic_id, "service": service})).one_or_none()
    if place is None:
        return []
    known = await epochs_of(rows, clinic_id)
    # Who stands at the beginning of an epoch has projected all of those before it.
    size = max(place.size, next((epoch.first for epoch in known if epoch.number == place.epoch), 0))
    done, failed = 0, list[str]()
    while done < size:
        page = await read_line(rows, clinic_id, done, min(PAGE, size - done))
        if not page:
            return [*failed, f"the bookmark of clinic {clinic_id} stands at {size}, and its ledger ends at {done}"]
        for index, failure in await apply_to(rows, service, page):
            which = f"entry {index} ({page[index - done].type})"
            failed.append(failure.replace(which, f"{which} of clinic {clinic_id}"))
        rows.expunge_all()
        done = page[-1].size
    return failed
