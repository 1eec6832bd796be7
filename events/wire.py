"""Connections, and the few statements that every decision makes, spoken to the driver itself.

SQLAlchemy's way from a statement to asyncpg costs several times what asyncpg and the server take together; for the ledger,
its bookmarks and the frame of a transaction that is most of a decision. So a `Line` is one connection in the middle of one
transaction: `begin` sends BEGIN and the context in one message, the engine's statements go to the driver, and services' own
go through the session that it has for them, on the same connection, in the same transaction. A session is made when
somebody asks for it; it commits nothing by itself.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Union

import asyncpg
import orjson
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

WAIT_SECONDS = 5
"""How long somebody waits for a connection that is free."""

_LINE = "events.wire.line"


class Line:
    """One connection. `session` is SQLAlchemy's, upon the same transaction; what it changes is flushed at the commit."""

    __slots__ = ("_connection", "_session", "begun", "driver")

    def __init__(self, connection: AsyncConnection, driver: Any) -> None:
        self._connection = connection
        self._session: AsyncSession | None = None
        self.driver = driver
        self.begun = False

    @property
    def session(self) -> AsyncSession:
        """A session in this transaction."""
        if self._session is None:
            self._session = _Session(self._connection, expire_on_commit=False, info={_LINE: self})
        return self._session

    async def begin(self, context: str) -> None:
        """Begin a transaction: `context` is what comes after BEGIN in the same message."""
        self.begun = True
        await self._say(f"begin {context}")

    async def commit(self) -> None:
        """End it. Raises when PostgreSQL answers with a rollback, for a statement that failed and whose error somebody caught.

        What somebody has rolled back already has nothing to commit.
        """
        if not self.begun:
            return
        if self._session is not None:
            await self._session.flush()
        said = await self._say("commit")
        self.begun = False
        if said != "COMMIT":
            message = "the transaction had failed: nothing was committed"
            raise RuntimeError(message)

    async def _say(self, statement: str) -> Any:
        try:
            return await self.driver.execute(statement)
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
            raise _as_sqlalchemy(self.driver, statement, failure) from failure

    async def clear(self) -> None:
        """Nobody ended it: the way back does."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await self.roll_back()

    async def roll_back(self) -> None:
        """End it with nothing."""
        if self.begun:
            await self.driver.execute("rollback")
            self.begun = False

    async def hang_up(self) -> None:
        """Let go of the connection for good."""
        self.driver.terminate()
        with contextlib.suppress(Exception):
            await self._connection.invalidate()
        with contextlib.suppress(Exception):
            await self._connection.close()


class _Session(AsyncSession):
    """A session that begins nothing and ends nothing by itself: its own way of doing so would reach nobody."""

    async def commit(self) -> None:
        await self.info[_LINE].commit()

    async def rollback(self) -> None:
        await super().rollback()
        await self.info[_LINE].roll_back()


class Lines:
    """This process's connections. The last one given back is the next one taken: it is the warmest.

    Each role keeps to connections of its own as long as there are enough: PostgreSQL makes every plan under row security
    anew when a session's role has changed, which takes longer than to carry it out.
    """

    def __init__(self, engine: AsyncEngine, most: int) -> None:
        # SQLAlchemy begins nothing by itself on them: the transactions are ours.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._free: dict[str, list[Line]] = {}
        self._most = most
        self._count = 0
        self._places = asyncio.Semaphore(most)
        self._closed = False

    @asynccontextmanager
    async def line(self, role: str) -> AsyncIterator[Line]:
        """A connection outside any transaction, for one in this role. Raises SQLAlchemy's TimeoutError when none comes free."""
        await self._place()
        try:
            line = await self._open(role)
            try:
                yield line
            finally:
                await self._back(line, role)
        finally:
            self._places.release()

    async def _place(self) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError as late:
            message = "no connection to the database came free"
            raise PoolTimeoutError(message) from late

    async def _open(self, role: str) -> Line:
        while (line := self._warmest(role)) is not None:
            if not line.driver.is_closed():
                return line
            await self._hang_up(line)
        self._count += 1
        try:
            connection = await self._engine.connect()
        except BaseException:
            self._count -= 1
            raise
        try:
            return Line(connection, (await connection.get_raw_connection()).driver_connection)
        except BaseException:
            self._count -= 1
            await connection.close()
            raise

    def _warmest(self, role: str) -> Line | None:
        """The role's own; when there may be no more connections, that of the role with the most."""
        if mine := self._free.get(role):
            return mine.pop()
        if self._count < self._most:
            return None
        most = max(self._free.values(), key=len, default=[])
        return most.pop(0) if most else None

    async def _back(self, line: Line, role: str) -> None:
        """Nothing goes back inside a transaction; what cannot be cleared is let go of."""
        try:
            if not line.driver.is_closed():
                await line.clear()
                if not self._closed:
                    self._free.setdefault(role, []).append(line)
                    return
        except asyncio.CancelledError:
            await self._hang_up(line)
            raise
        except Exception:  # noqa: BLE001, S110 - whatever was wrong has been told to whoever used it
            pass
        await self._hang_up(line)

    async def _hang_up(self, line: Line) -> None:
        self._count -= 1
        await line.hang_up()

    async def close(self) -> None:
        """Let go of all that are free; those in use are let go of when they come back."""
        self._closed = True
        for lines in self._free.values():
            while lines:
                await self._hang_up(lines.pop())


Where = Union[Line, AsyncSession]  # noqa: UP007 - isinstance and annotations in one word
"""A line, or a session upon one."""


async def fetch(where: Where, statement: str, *values: object) -> list[Any]:
    """Every row of a statement, in the transaction."""
    driver = await _driver_of(where)
    try:
        found: list[Any] = await driver.fetch(statement, *values)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure
    return found


async def fetch_row(where: Where, statement: str, *values: object) -> Any:
    """The first row of a statement, or None."""
    driver = await _driver_of(where)
    try:
        return await driver.fetchrow(statement, *values)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure


async def write(where: Where, statement: str, many: Sequence[Sequence[object]]) -> None:
    """Make one change with each of these values, in order, in the transaction."""
    driver = await _driver_of(where)
    try:
        if len(many) == 1:
            await driver.execute(statement, *many[0])
        else:
            await driver.executemany(statement, many)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as failure:
        raise _as_sqlalchemy(driver, statement, failure) from failure


async def schemas_of(rows: AsyncSession) -> Mapping[str | None, str | None] | None:
    """The schemas that stand in for the models' own: only in sessions of somebody else's making."""
    if _LINE in rows.info:
        return None
    connection = (await rows.connection()).sync_connection
    return None if connection is None else connection.get_execution_options().get("schema_translate_map")


def in_json(value: object) -> str:
    """How documents are written into JSON columns."""
    return orjson.dumps(value).decode()


async def _driver_of(where: Where) -> Any:
    line = where if isinstance(where, Line) else where.info.get(_LINE)
    if line is None:  # a session of somebody else's making, that SQLAlchemy begins
        connection = (await where.connection()).sync_connection  # type: ignore[union-attr]
        driver: Any = None if connection is None else connection.connection.driver_connection
    else:
        driver = line.driver
    if driver is None or not (driver.is_in_transaction() or driver.is_closed()):
        message = "no transaction was begun: a lock taken here would be none"
        raise RuntimeError(message)
    return driver


def _as_sqlalchemy(driver: Any, statement: str, failure: Exception) -> Exception:
    """One kind of error for callers, whichever way a statement went. Never with its values, which are people's."""
    if driver.is_closed():
        return OperationalError(statement, None, failure, hide_parameters=True, connection_invalidated=True)
    return DBAPIError(statement, None, failure, hide_parameters=True) if isinstance(failure, asyncpg.PostgresError) else failure
