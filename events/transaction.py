"""Caught up, decided, recorded: the only commits of the system.

`transaction` is how everything is recorded. `aside` is the one other commit: without the clinic's lock, for
projecting, attempts and the outbox; it records nothing. `reading` (events/reading.py) commits nothing at all.
"""

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.answer import Answer, IdReusedError, command_event_id
from events.chain import Row, linked
from events.database import Database, application_clock
from events.envelope import Context, Entry, Event, body_of, versioned_type
from events.faults import reach
from events.ledger import Entrance, Head
from events.projection import RecordUnreadableError, follow, projection_of
from events.reading import UnknownClinicError, View, reading
from events.wire import Line
from schemas.vocabulary import Actor

__all__ = ["Answer", "IdReusedError", "RecordUnreadableError", "Transaction", "UnknownClinicError", "View", "apart", "aside", "project"]
__all__ += ["reading", "transaction"]

log = logging.getLogger(__name__)

CLOCK_TOLERANCE = timedelta(seconds=2)
"""How far the clocks of application and database may differ (design.md 4). Not policy: it guards the record itself."""

CATCH_UP_PAGE = 500
CATCH_UP_OUTSIDE_LOCK = 50
"""Projecting an entry takes about a millisecond, and nobody shall wait for the lock longer than a tenth of a second."""

R = TypeVar("R", bound=BaseModel)


class Transaction:
    """One decision about one clinic. Made by `transaction`; doors hand it to commands."""

    def __init__(
        self,
        database: Database,
        line: Line,
        clinic_id: UUID,
        service: str,
        context: Context,
        event_id: UUID,
        entrance: Entrance,
    ) -> None:
        self._database = database
        self.line = line
        self.clinic_id = clinic_id
        self.service = service
        self.context = context
        self.event_id = event_id
        self.head = entrance.head
        self._entrance = entrance
        self._fingerprint: bytes | None = None
        self._answered = False
        self._count = 0
        self.recorded: list[Entry[Any]] = []
        self._kept = 0

    @property
    def rows(self) -> AsyncSession:
        """The service's tables, in this transaction."""
        return self.line.session

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.context.actor

    @property
    def now(self) -> datetime:
        """The moment of this decision: the database's clock, read after the lock."""
        return self.head.now

    @property
    def size(self) -> int:
        """How many entries the ledger has."""
        return self.head.size

    @property
    def secret(self) -> bytes:
        """Keys links to clients."""
        return self._database.secret

    @property
    def clock_trusted(self) -> bool:
        """Whether ledger, database and application agree on the time within two seconds."""
        ahead = self.head.last_at is not None and self.head.last_at - self.head.clock > CLOCK_TOLERANCE
        return not ahead and abs(self.head.clock - application_clock()) <= CLOCK_TOLERANCE

    def new_id(self, n: int | str = 0) -> UUID:
        """An id of this command's own, the same on every retry."""
        return uuid5(self.event_id, f"id:{n}")

    def commitment(self, content: bytes) -> tuple[bytes, str]:
        """A fresh salt and SHA-256(0x10 ‖ salt ‖ content) in hex; salt and content go into a private row."""
        salt = secrets.token_bytes(32)
        return salt, hashlib.sha256(b"\x10" + salt + content).hexdigest()

    async def once(self, command: "Callable[[Transaction, R], Awaitable[Answer[Any]]]", request: R) -> Answer[Any]:
        """The command's answer: the recorded one if it was asked before. Raises `IdReusedError`."""
        canonical = f"{command.__name__}\x1f{request.model_dump_json()}".encode()
        self._fingerprint = hmac.digest(self._database.secret, canonical, "sha256")
        earlier = self._entrance.fingerprint
        if earlier is None:
            return await command(self, request)
        if not hmac.compare_digest(earlier, self._fingerprint):
            raise IdReusedError(self.context.causation)
        return await self.repeat(self.event_id)

    async def repeat(self, event_id: UUID) -> Answer[Any]:
        """Answer with an entry that was recorded before."""
        await self._keep()
        entry = await ledger.entry_by_id(self.line, self.clinic_id, event_id)
        if entry is None:
            message = f"no entry with id {event_id}"
            raise LookupError(message)
        return Answer(entry, repeated=True)

    async def answer(self, event: Event, *, policy: int | None = None) -> Answer[Any]:
        """Record the one event that answers this command."""
        if self._answered:
            message = f"{event.type}: this command was answered already"
            raise RuntimeError(message)
        self._answered = True
        return Answer(await self._append(event, self.event_id, policy))

    async def record(self, event: Event, *, policy: int | None = None, event_id: UUID | None = None) -> Entry[Any]:
        """Record a further event; its id comes from the command's unless the door has a better one."""
        self._count += 1
        return await self._append(event, event_id or uuid5(self.event_id, str(self._count)), policy)

    async def answered(self) -> bool:
        """Whether this command was answered before."""
        await self._keep()
        return await ledger.entry_by_id(self.line, self.clinic_id, self.event_id) is not None

    async def _append(self, event: Event, event_id: UUID, policy: int | None) -> Entry[Any]:
        context = Context(self.context.actor, self.context.causation, self.context.correlation, policy)
        entry = self._next(event_id, versioned_type(event), body_of(event, context))
        await projection_of(self.service).apply(self.line, [entry])
        self.head = Head(entry.epoch, entry.size, entry.chain, entry.recorded_at, self.head.clock)
        self.recorded.append(entry)
        return entry

    def _next(self, event_id: UUID, versioned: str, body: bytes) -> Entry[Any]:
        """The ledger's next entry, with the chain that the database will give it."""
        at = Row(self.head.size, self.head.now, event_id, versioned, body, b"")
        chain = linked(self.head.chain, self.clinic_id, at)
        return Entry(self.clinic_id, self.head.epoch, at.index, at.recorded_at, event_id, versioned, body, chain)

    async def _keep(self) -> None:
        """Append what was recorded since the last time, all at once. The database computes the chains itself and must agree."""
        entries = self.recorded[self._kept :]
        if not entries:
            return
        self._kept = len(self.recorded)
        fingerprint = self._fingerprint if any(entry.event_id == self.event_id for entry in entries) else None
        chain = await ledger.leave(self.line, self.clinic_id, self.service, entries, self.event_id, fingerprint)
        if chain != self.head.chain:
            message = "the database computes another chain than this program"
            raise RuntimeError(message)

    async def catch_up(self) -> None:
        """Project what other services recorded. Raises `RecordUnreadableError`: without the whole record nothing is decided."""
        if not self._entrance.on_ledger:
            message = f"{self.service}: the bookmark is not on this ledger"
            raise RecordUnreadableError(message)
        size = self._entrance.projected
        while size < self.head.size:
            try:
                size = (await follow(self.line, self.clinic_id, self.service, self.head, CATCH_UP_PAGE)).size
            except (DBAPIError, OSError, RecordUnreadableError):
                raise
            except Exception as failure:
                message = f"{self.service}: an entry after {size} cannot be projected"
                raise RecordUnreadableError(message) from failure

    async def finish(self) -> None:
        """Append, move the bookmark along and keep the fingerprint, then commit."""
        await self._keep()
        reach("transaction.before_commit")
        await self.line.commit()
        reach("transaction.after_commit")


@asynccontextmanager
async def transaction(
    database: Database,
    clinic_id: UUID,
    service: str,
    actor: Actor,
    command_id: str,
    *,
    correlation: str | None = None,
    event_id: UUID | None = None,
) -> AsyncIterator[Transaction]:
    """Lock the clinic, catch up, hand out a `Transaction`, commit, announce.

    Raises `UnknownClinicError`, `RecordUnreadableError`, and whatever the database raises when it is away.
    """
    identity = event_id or command_event_id(clinic_id, actor.identity_id, command_id)
    context = Context(actor, command_id, correlation)
    recorded: list[Entry[Any]] | None = None
    while recorded is None:
        async with database.clinic_lock(clinic_id), database.begun(clinic_id, service) as line:
            entrance = await ledger.enter(line, clinic_id, service, identity)
            if entrance is None:
                raise UnknownClinicError(clinic_id)
            reach("transaction.locked")
            if entrance.behind <= CATCH_UP_OUTSIDE_LOCK:
                tx = Transaction(database, line, clinic_id, service, context, identity, entrance)
                await tx.catch_up()
                reach("transaction.caught_up")
                yield tx
                await tx.finish()
                recorded = tx.recorded
        if recorded is None:
            await _catch_up_outside(database, clinic_id, service)
    if recorded:
        await _tell(database, recorded)


async def _tell(database: Database, entries: Sequence[Entry[Any]]) -> None:
    """Wake the others. Best effort: the sweep finds what is lost here."""
    if database.announce is None:
        return
    try:
        async with asyncio.timeout(1):
            await database.announce(entries)
    except Exception:  # noqa: BLE001 - the facts are committed; nothing that happens here may change the answer
        log.debug("announcement of %d entries failed; the sweep will find them", len(entries))


@asynccontextmanager
async def aside(database: Database, clinic_id: UUID | None, service: str | None, *, durable: bool = True) -> AsyncIterator[AsyncSession]:
    """The one other commit: no clinic lock, nothing recorded. For projecting, attempts, the outbox, dead letters.

    One that is not `durable` does not wait for the disk: what a crash of the server takes back with it is done again.
    """
    async with apart(database, clinic_id, service, durable=durable) as line:
        yield line.session


@asynccontextmanager
async def apart(database: Database, clinic_id: UUID | None, service: str | None, *, durable: bool = True) -> AsyncIterator[Line]:
    """The same for the engine itself, which needs no session for its few statements."""
    async with database.begun(clinic_id, service, durable=durable) as line:
        yield line
        reach("aside.before_commit")
        await line.commit()


async def project(database: Database, clinic_id: UUID, service: str, limit: int = CATCH_UP_PAGE) -> int:
    """Let a service's tables follow the ledger by up to `limit` entries; returns how many are left.

    Takes the bookmark's lock only. Raises what a projector raises, and `RecordUnreadableError`. A crash of the server may
    take rows and bookmark back, both or neither: then they are projected again.
    """
    async with apart(database, clinic_id, service, durable=False) as line:
        at = await ledger.head(line, clinic_id)
        if at is None:
            return 0
        place = await follow(line, clinic_id, service, at, limit)
        return at.size - place.size


async def _catch_up_outside(database: Database, clinic_id: UUID, service: str) -> None:
    """While much is missing, project it without the clinic's lock, so that the lock is held briefly."""
    try:
        while await project(database, clinic_id, service) > CATCH_UP_OUTSIDE_LOCK:
            pass
    except (DBAPIError, OSError, RecordUnreadableError):
        raise
    except Exception as failure:
        message = f"{service}: an entry cannot be projected"
        raise RecordUnreadableError(message) from failure
