"""The few statements that every decision makes, spoken to the driver itself.

SQLAlchemy's way from a statement to asyncpg costs several times what asyncpg and the server take together; for the ledger,
its bookmarks and the frame of a transaction that is most of a decision. `begin` sends BEGIN and the context in one message
on a connection where SQLAlchemy begins nothing by itself; its commit and rollback are then ours. Services' own statements
go through the same session, in the same transaction.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import orjson
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.util import await_only

_DRIVER = "events.wire.driver"
_BEGUN = "events.wire.begun"


def attended(engine: AsyncEngine) -> AsyncEngine:
    """The same engine and pool for sessions that `begin` opens. No connection goes back to the pool inside a transaction."""
    ours = engine.execution_options(isolation_level="AUTOCOMMIT")
    event.listen(ours.sync_engine, "commit", _commit)
    event.listen(ours.sync_engine, "rollback", _rollback)
    event.listen(engine.sync_engine, "reset", _reset)
    return ours


async def begin(rows: AsyncSession, context: str) -> None:
    """Begin a transaction: `context` is what comes after BEGIN in the same message."""
    while True:
        connection = (await rows.connection()).sync_connection
        if connection is None:
            message = "the session was closed"
            raise RuntimeError(message)
        driver: Any = connection.connection.driver_connection
        if not driver.is_closed():
            break
        connection.invalidate()
        await rows.close()
    connection.info[_BEGUN] = True
    rows.info[_DRIVER] = driver
    statement = f"begin {context}"
    try:
        await driver.execute(statement)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure


async def fetch(rows: AsyncSession, statement: str, *values: object) -> list[Any]:
    """Every row of a statement, in the session's transaction."""
    driver = await _driver_of(rows)
    try:
        found: list[Any] = await driver.fetch(statement, *values)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure
    return found


async def fetch_row(rows: AsyncSession, statement: str, *values: object) -> Any:
    """The first row of a statement, or None."""
    driver = await _driver_of(rows)
    try:
        return await driver.fetchrow(statement, *values)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure


async def write(rows: AsyncSession, statement: str, many: Sequence[Sequence[object]]) -> None:
    """Make one change with each of these values, in order, in the session's transaction."""
    driver = await _driver_of(rows)
    try:
        if len(many) == 1:
            await driver.execute(statement, *many[0])
        else:
            await driver.executemany(statement, many)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure


async def schemas_of(rows: AsyncSession) -> Mapping[str | None, str | None] | None:
    """The schemas that stand in for the models' own: only in sessions of somebody else's making."""
    if _DRIVER in rows.info:
        return None
    connection = (await rows.connection()).sync_connection
    return None if connection is None else connection.get_execution_options().get("schema_translate_map")


def in_json(value: object) -> str:
    """How documents are written into JSON columns."""
    return orjson.dumps(value).decode()


async def _driver_of(rows: AsyncSession) -> Any:
    driver = rows.info.get(_DRIVER)
    if driver is None:  # a session of somebody else's making, that SQLAlchemy begins
        connection = (await rows.connection()).sync_connection
        driver = None if connection is None else connection.connection.driver_connection
    if driver is None or not (driver.is_in_transaction() or driver.is_closed()):
        message = "no transaction was begun: a lock taken here would be none"
        raise RuntimeError(message)
    return driver


def _as_sqlalchemy(driver: Any, statement: str, failure: Exception) -> Exception:
    """One kind of error for callers, whichever way a statement went. Never with its values, which are people's."""
    if driver.is_closed():
        return OperationalError(statement, None, failure, hide_parameters=True, connection_invalidated=True)
    return DBAPIError(statement, None, failure, hide_parameters=True) if isinstance(failure, asyncpg.PostgresError) else failure


def _commit(connection: Connection) -> None:
    if not connection.info.get(_BEGUN):
        return
    driver: Any = connection.connection.driver_connection
    try:
        said = await_only(driver.execute("commit"))
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, "commit", failure) from failure
    connection.info[_BEGUN] = False
    if said != "COMMIT":  # a statement had failed, and somebody caught it
        message = "the transaction had failed: nothing was committed"
        raise RuntimeError(message)


def _rollback(connection: Connection) -> None:
    # Asked of the flag, not of the driver: a statement that was canceled half-way may still be on its way.
    if not connection.closed and not connection.invalidated and connection.info.get(_BEGUN):
        driver: Any = connection.connection.driver_connection
        if not driver.is_closed():
            await_only(driver.execute("rollback"))
            connection.info[_BEGUN] = False


def _reset(dbapi_connection: Any, record: Any, state: Any) -> None:
    """Nobody ended it: the connection's way back into the pool does. What fails here takes the connection out of it."""
    if record is not None and record.info.get(_BEGUN) and state.asyncio_safe and not state.terminate_only:
        await_only(dbapi_connection.driver_connection.execute("rollback"))
        record.info[_BEGUN] = False
