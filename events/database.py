"""Base with a naming convention, engine, clinic locks. Takes values, reads no environment."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar, Literal
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg
import orjson
from sqlalchemy import BigInteger, Constraint, Date, Index, LargeBinary, MetaData, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import NullPool

from events import wire

Kind = Literal["projection", "private", "machinery", "ledger"]
"""projection: rebuilt from the ledger. private: beside it, bound by commitments. machinery: bookmarks, outbox, tokens."""

SERVICES = ("booking", "consent", "hygiene", "treatment", "recovery", "compliance")
"""Each owns a schema and a role of its own name."""


class Base(DeclarativeBase):
    """Every table of the system."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        UUID: Uuid(),
        int: BigInteger(),
        str: Text(),
        bytes: LargeBinary(),
        date: Date(),
        datetime: TIMESTAMP(timezone=True),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
        list[str]: ARRAY(Text()),
        list[int]: ARRAY(BigInteger()),
        list[UUID]: ARRAY(Uuid()),
    }


def table(schema: str, kind: Kind, *constraints: Constraint | Index) -> tuple[Any, ...]:
    """`__table_args__` of a table: whose it is, and what it is."""
    return (*constraints, {"schema": schema, "info": {"kind": kind}})


def tables_of(schema: str, kind: Kind) -> Sequence[str]:
    """The full names of a service's tables of one kind."""
    return [name for name, found in Base.metadata.tables.items() if found.schema == schema and found.info.get("kind") == kind]


QUEUE_SECONDS = 5
"""How long a decision waits behind others of its clinic in this process while they go on, however slowly."""

_LIMITS = (
    "set local lock_timeout = '2s'; set local statement_timeout = '5s'; "
    # Whoever holds a clinic's lock and says nothing more, frozen or cut off without a word, lets go of it.
    "set local idle_in_transaction_session_timeout = '5s'; "
    # Statements look rows up by their keys: making a plan for each set of values costs more than it can save.
    "set local plan_cache_mode = force_generic_plan; set local jit = off"
)


class _Queue:
    """Who wants to decide in a clinic, and when somebody of them last waited for the database in vain."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.in_vain = float("-inf")


class Database:
    """An engine, the names of its roles, and one asyncio lock per clinic.

    The asyncio lock is asked before the pool, so that a busy clinic cannot hold all connections waiting.
    `secret` keys fingerprints and client links: at least 32 bytes, the same in every process.
    """

    def __init__(self, url: str, *, secret: bytes, role_prefix: str = "asepsis_", pool_size: int = 12) -> None:
        if len(secret) < 32:  # noqa: PLR2004 - a SHA-256 key
            message = "the secret needs at least 32 bytes"
            raise ValueError(message)
        self.url = url
        self.secret = secret
        self.role_prefix = role_prefix
        self.engine: AsyncEngine = create_async_engine(
            url,
            poolclass=NullPool,  # `Lines` keeps what is kept
            json_serializer=wire.in_json,
            json_deserializer=orjson.loads,
            hide_parameters=True,  # errors end in logs, and parameters are people's
            connect_args={"timeout": 5, "command_timeout": 15, "statement_cache_size": 512, "prepared_statement_cache_size": 512},
        )
        self._lines = wire.Lines(self.engine, 2 * pool_size)
        self.announce: Callable[[Sequence[Any]], Awaitable[None]] | None = None
        """Called after a commit with the entries; the composition root connects it to the stream `events`."""
        self._queues: WeakValueDictionary[UUID, _Queue] = WeakValueDictionary()

    def role(self, service: str) -> str:
        """The PostgreSQL role of a service."""
        return f"{self.role_prefix}{service}"

    @asynccontextmanager
    async def clinic_lock(self, clinic_id: UUID) -> AsyncIterator[None]:
        """This process's own queue for a clinic. Raises TimeoutError, an outage, for whoever stands in it for too long.

        When somebody has waited for the database in vain, so have all who stood behind them: nobody waits for that in turn.
        """
        queue = self._queues.get(clinic_id)
        if queue is None:
            queue = self._queues[clinic_id] = _Queue()
        now = asyncio.get_running_loop().time
        since = now()
        if queue.lock.locked():
            async with asyncio.timeout(QUEUE_SECONDS):
                await queue.lock.acquire()
        else:
            await queue.lock.acquire()
        try:
            if queue.in_vain > since:
                message = "somebody else holds the clinic, and lets nobody in"
                raise TimeoutError(message)
            try:
                yield
            except Exception as failure:
                if _waited_in_vain(failure):
                    queue.in_vain = now()
                raise
        finally:
            queue.lock.release()

    @asynccontextmanager
    async def begun(
        self, clinic_id: UUID | None, service: str | None, *, snapshot: bool = False, durable: bool = True
    ) -> AsyncIterator[wire.Line]:
        """A connection in a transaction as the service's role, in one clinic's rows, with its time limits. Rolled back if not committed.

        A `snapshot` is for reading only, and sees one moment throughout. One that is not `durable` does not wait for the disk.
        """
        async with self._lines.line(service or "") as line:
            kind = "isolation level repeatable read read only" if snapshot else ""
            role = "" if service is None else f"""set local role "{self.role(service).replace('"', '""')}";"""
            clinic = "" if clinic_id is None else str(UUID(int=clinic_id.int))
            disk = "" if durable else "set local synchronous_commit = off;"
            await line.begin(f"{kind}; {role} {disk} set local app.clinic = '{clinic}'; {_LIMITS}")
            yield line

    async def close(self) -> None:
        """Give all connections back."""
        await self._lines.close()
        await self.engine.dispose()


def application_clock() -> datetime:
    """This machine's clock. Only compared with the database's, never recorded."""
    return datetime.fromtimestamp(time.time(), tz=UTC)  # noqa: TID251 - the one look at this machine's clock


PASSING_CLASSES = ("08", "53", "57", "58")
"""Classes of SQLSTATEs that say nothing about the work: connections; no disk, memory or connections left; shutdowns and
statements that were canceled because they took too long; the operating system's errors."""

PASSING = ("25P03", "40001", "40P01", "55P03", "AS006")
"""The same of single ones: too long silent in a transaction, serialization, deadlock, lock timeout, and a clock that was set
between the look at it and the entry."""


def is_passing(failure: BaseException) -> bool:
    """Whether a failure is an outage: connections, shutdowns, limits, full disks, serialization. It says nothing about the work."""
    if isinstance(failure, OSError | InterfaceError | PoolTimeoutError | OperationalError):
        return True
    # A session whose server said that it crashed, and has not hung up yet: the driver is surprised to be asked anything.
    if any(
        isinstance(found, asyncpg.InternalClientError) for found in (failure, getattr(getattr(failure, "orig", None), "__cause__", None))
    ):
        return True
    if isinstance(failure, DBAPIError) and failure.connection_invalidated:
        return True
    state = _state_of(failure)
    return state in PASSING or state[:2] in PASSING_CLASSES


def _state_of(failure: BaseException) -> str:
    # While a connection is being made, the driver's own errors come through as they are.
    return getattr(getattr(failure, "orig", failure), "sqlstate", None) or ""


def _waited_in_vain(failure: Exception) -> bool:
    """For the clinic's lock, for a connection, for any answer."""
    return isinstance(failure, TimeoutError | PoolTimeoutError) or _state_of(failure) == "55P03"
