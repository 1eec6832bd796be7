"""A service's tables once more, as temporary tables of one connection: rebuilt from the ledger, beside the real ones.

Every transaction on them is read only, and PostgreSQL lets such a transaction write temporary tables and nothing else:
whatever a projector or a rehearsed command does, no real row can change. The service's own role is enough.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self
from uuid import UUID
from weakref import WeakKeyDictionary

import orjson
from sqlalchemy import MetaData, NullPool, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from events.database import Base, Database, tables_of

TEMPORARY = "pg_temp"
BESIDE = ("access", "machinery")
"""Schemas whose tables projectors and commands write beside their own."""

LIMITS = "set local lock_timeout = '2s'; set local statement_timeout = '10min'"


class Shadows:
    """One connection with one service's tables made again. Use as a context; the tables end with it."""

    def __init__(self, database: Database, service: str) -> None:
        self.database = database
        self.service = service
        self.tables: dict[str, Table] = {}
        self._connection: AsyncConnection | None = None

    async def __aenter__(self) -> Self:
        try:
            connection = await _engine_for(self.database).connect()
            self._connection = connection
            async with connection.begin():
                await self._become(connection, None)
                await connection.run_sync(self._make)
            schemas = dict.fromkeys((self.service, *BESIDE), TEMPORARY)
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True, schema_translate_map=schemas)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    @property
    def connection(self) -> AsyncConnection:
        """The connection. Raises outside the context."""
        if self._connection is None:
            message = "the shadows are gone"
            raise RuntimeError(message)
        return self._connection

    async def _become(self, connection: AsyncConnection, clinic_id: UUID | None) -> None:
        role = self.database.role(self.service)
        who = "select set_config('role', :role, true), set_config('app.clinic', :clinic, true), set_config('search_path', '', true)"
        await connection.execute(text(who), {"role": role, "clinic": str(clinic_id or "")})
        for limit in LIMITS.split(";"):
            await connection.execute(text(limit))

    def _make(self, connection: Any) -> None:
        """The service's own tables, and those beside. Two of one name must have the same columns: then one shadow serves both."""
        shadows = MetaData(naming_convention=Base.metadata.naming_convention)
        own = [*tables_of(self.service, "projection"), *tables_of(self.service, "private")]
        for name in [*own, *(name for schema in BESIDE for name in tables_of(schema, "machinery"))]:
            real = Base.metadata.tables[name]
            made = shadows.tables.get(f"{TEMPORARY}.{real.name}")
            if made is None:
                made = real.to_metadata(shadows, schema=TEMPORARY)
            elif [(column.name, str(column.type)) for column in made.columns] != [(c.name, str(c.type)) for c in real.columns]:
                message = f"two tables named {real.name} differ: one shadow cannot serve both"
                raise RuntimeError(message)
            self.tables[name] = made
        shadows.create_all(connection, checkfirst=False)

    @asynccontextmanager
    async def looking(self, clinic_id: UUID | None) -> AsyncIterator[AsyncSession]:
        """One moment of the database, in one clinic's rows. What is written to the shadows stays, if nothing is raised."""
        # The transaction is the connection's own: a session that joins one does not end it, and the moment would last for ever.
        async with self.connection.begin(), AsyncSession(self.connection, expire_on_commit=False) as rows:
            await self._become(self.connection, clinic_id)
            yield rows
            await rows.commit()

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[AsyncSession]:
        """Inside `looking`: whatever is written is taken back at the end. A session of its own, which remembers no rows."""
        rows = AsyncSession(self.connection, expire_on_commit=False, join_transaction_mode="create_savepoint")
        try:
            yield rows
        finally:
            await rows.rollback()
            await rows.close()

    async def empty(self, clinic_id: UUID) -> None:
        """Forget a clinic's shadows."""
        async with self.looking(clinic_id) as rows:
            for table in self.projections:
                await rows.execute(text(f"delete from {shadow_of(table)} where clinic_id = :clinic"), {"clinic": clinic_id})  # noqa: S608 - names from our own models

    @property
    def projections(self) -> Sequence[Table]:
        """The real tables that are shadowed, each once."""
        return [Base.metadata.tables[name] for name in self.tables]


_engines: WeakKeyDictionary[Database, AsyncEngine] = WeakKeyDictionary()
"""One for each database, so that statements are compiled once. It has no pool, which would hand temporary tables on."""


def _engine_for(database: Database) -> AsyncEngine:
    if database not in _engines:
        _engines[database] = create_async_engine(
            database.url,
            poolclass=NullPool,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            hide_parameters=True,
            connect_args={"timeout": 5, "command_timeout": 630, "prepared_statement_cache_size": 1000},
        )
    return _engines[database]


def real_of(table: Table) -> str:
    """A real table's name in SQL."""
    return f'"{table.schema}"."{table.name}"'


def shadow_of(table: Table) -> str:
    """Its shadow's."""
    return f'{TEMPORARY}."{table.name}"'
