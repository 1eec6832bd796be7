"""Builds a service's projections again from the ledger, beside the real ones, and compares row by row.

One transaction that is never committed: it makes shadow tables, runs the projectors over the whole ledger as far as
the bookmark stands, compares, and leaves nothing behind. Reactions do not run, private tables are not there, and what
projectors write beside their own tables (`access.grants`, `machinery.systems`) goes to shadows too.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import MetaData, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

from events import ledger
from events.database import Base, Database, tables_of
from events.envelope import Entry
from events.projection import Projection, projection_of

PAGE = 500
MOST_SHOWN = 20
SHADOWED = ("access", "machinery")


@dataclass(slots=True)
class Compared:
    """One table: how many rows the rebuild gives, and what differs, by key. No values: they may be a client's."""

    table: str
    rows: int = 0
    differences: list[str] = field(default_factory=list)


def _shadow(schema: str) -> str:
    return f"{schema}_shadow"


async def rebuild_service(database: Database, owner_url: str, service: str, clinic_id: UUID | None = None) -> Sequence[Compared]:
    """Compare every projection table of a service, in one clinic or in all. The service's projectors must be imported.

    `owner_url` is a login that may make schemas, as `asepsis migrate` needs it.
    """
    projection = projection_of(service)
    compared = {name: Compared(name) for name in tables_of(service, "projection")}
    entries = Compared("ledger.entries")
    async with _shadows(owner_url, database.role("owner"), service) as (connection, rows):
        for one in [clinic_id] if clinic_id is not None else await ledger.clinics(rows):
            entries.differences.extend(await _project(rows, projection, one))
            for name, found in compared.items():
                await _compare(connection, Base.metadata.tables[name], one, found)
    return [*compared.values(), *([entries] if entries.differences else [])]


@asynccontextmanager
async def _shadows(owner_url: str, owner: str, service: str) -> AsyncIterator[tuple[AsyncConnection, AsyncSession]]:
    engine = create_async_engine(owner_url, isolation_level="REPEATABLE READ")
    schemas = (service, *SHADOWED)
    try:
        async with engine.connect() as connection:
            for schema in schemas:
                await connection.execute(text(f'create schema "{_shadow(schema)}" authorization "{owner}"'))
            await connection.execute(text(f'set local role "{owner}"'))
            await connection.execute(text("set local search_path = pg_catalog"))
            await connection.run_sync(_make_tables, service)
            await connection.execution_options(schema_translate_map={schema: _shadow(schema) for schema in schemas})
            async with AsyncSession(connection, expire_on_commit=False) as rows:
                yield connection, rows
            await connection.rollback()
    finally:
        await engine.dispose()


def _make_tables(connection: Any, service: str) -> None:
    shadows = MetaData(naming_convention=Base.metadata.naming_convention)
    for name in tables_of(service, "projection"):
        Base.metadata.tables[name].to_metadata(shadows, schema=_shadow(service))
    for schema in SHADOWED:
        for name in tables_of(schema, "machinery"):
            Base.metadata.tables[name].to_metadata(shadows, schema=_shadow(schema))
    shadows.create_all(connection, checkfirst=False)


async def _project(rows: AsyncSession, projection: Projection, clinic_id: UUID) -> list[str]:
    """Run the projectors as far as the bookmark stands; returns the entries that they cannot work."""
    await rows.execute(text("select set_config('app.clinic', :clinic, true)"), {"clinic": str(clinic_id)})
    query = text("select epoch, size from ledger.bookmarks where clinic_id = :clinic and service = :service and stage = 'projected'")
    place = (await rows.execute(query, {"clinic": clinic_id, "service": projection.service})).one_or_none()
    if place is None:
        return []
    epoch, size = place
    done, failed = 0, list[str]()
    while done < size:
        page = await ledger.read_after(rows, clinic_id, epoch, done, min(PAGE, size - done))
        if not page:
            return [*failed, f"the bookmark of clinic {clinic_id} stands at {size}, and its ledger ends at {done}"]
        if await _apply(rows, projection, page) is not None:
            # The bad ones must not take the good ones with them.
            for entry in page:
                failure = await _apply(rows, projection, [entry])
                if failure is not None:
                    failed.append(f"entry {entry.index} ({entry.type}) of clinic {clinic_id} cannot be projected: {failure}")
        rows.expunge_all()
        done = page[-1].size
    return failed


async def _apply(rows: AsyncSession, projection: Projection, page: Sequence[Entry[Any]]) -> str | None:
    try:
        async with rows.begin_nested():
            await projection.apply(rows, page)
    except Exception as failure:  # noqa: BLE001 - whatever a projector raises is what is reported
        return type(failure).__name__
    return None


async def _compare(connection: AsyncConnection, table: Table, clinic_id: UUID, found: Compared) -> None:
    """Rows that stand on one side only, both ways. A key that stands on both sides has other content."""
    real, shadow = f'"{table.schema}"."{table.name}"', f'"{_shadow(str(table.schema))}"."{table.name}"'
    keys = [column.name for column in table.primary_key.columns]
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    key = ", ".join(f'"{name}"' for name in keys)
    theirs = "where clinic_id = :clinic"
    values = {"clinic": clinic_id}
    count = text(f"select count(*) from {shadow} {theirs}")  # noqa: S608 - names from our own models
    found.rows += (await connection.execute(count, values)).scalar_one()
    differing: list[set[tuple[Any, ...]]] = []
    for one, other in ((real, shadow), (shadow, real)):
        difference = f"(select {columns} from {one} {theirs} except select {columns} from {other} {theirs})"  # noqa: S608 - as above
        query = text(f"select {key} from {difference} d order by {key} limit {MOST_SHOWN}")  # noqa: S608 - as above
        differing.append({tuple(row) for row in (await connection.execute(query, values)).all()})
    only_real, only_rebuilt = differing
    for which, words in (
        (only_real & only_rebuilt, "is not what the ledger says"),
        (only_real - only_rebuilt, "is in the table, and the ledger does not say so"),
        (only_rebuilt - only_real, "is missing in the table"),
    ):
        for row in sorted(which, key=str):
            shown = ", ".join(f"{name}={value}" for name, value in zip(keys, row, strict=True) if name != "clinic_id")
            found.differences.append(f"row {shown} of clinic {clinic_id} {words}")
