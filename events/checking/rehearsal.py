"""A command given once more, at a place of the ledger that was passed long ago, and without any consequence."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid5

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.answer import Answer
from events.chain import Row, linked
from events.database import Database
from events.envelope import Context, Entry, Event, body_of, versioned_type
from events.ledger import Head
from events.projection import projection_of
from events.transaction import Transaction

R = TypeVar("R", bound=BaseModel)


class RepeatedError(Exception):
    """The rehearsed command would have answered with an earlier entry: it would have recorded nothing."""

    def __init__(self, event_id: UUID) -> None:
        super().__init__(str(event_id))
        self.event_id = event_id


class Rehearsal(Transaction):
    """What a command sees of a `Transaction`, over shadow tables, as of a ledger's size and an instant.

    It projects into the shadows like a transaction and appends nothing. `salt` is the one that was drawn then, and
    `clock_was_trusted` what the clocks of then said: neither can be known from the ledger.
    """

    def __init__(
        self, database: Database, rows: AsyncSession, service: str, context: Context, event_id: UUID, at: Head, clinic_id: UUID
    ) -> None:
        self._database = database
        self._rows = rows
        self.clinic_id = clinic_id
        self.service = service
        self.context = context
        self.event_id = event_id
        self.head = at
        self.recorded: list[Entry[Any]] = []
        self.salt = bytes(32)
        self.clock_was_trusted = True
        self._count = 0

    @property
    def rows(self) -> AsyncSession:
        """The shadows."""
        return self._rows

    @property
    def now(self) -> datetime:
        """When it was decided."""
        return self.head.clock

    @property
    def clock_trusted(self) -> bool:
        """As it was then."""
        return self.clock_was_trusted

    def commitment(self, content: bytes) -> tuple[bytes, str]:
        """With the salt of then, so that the commitment is the one of then."""
        return self.salt, hashlib.sha256(b"\x10" + self.salt + content).hexdigest()

    async def once(self, command: Callable[[Transaction, R], Awaitable[Answer[Any]]], request: R) -> Answer[Any]:
        """The command, without looking whether it was given before: it was."""
        return await command(self, request)

    async def repeat(self, event_id: UUID) -> Answer[Any]:
        """An answer that was recorded before ends the rehearsal."""
        raise RepeatedError(event_id)

    async def answered(self) -> bool:
        """It was not, then."""
        return False

    async def answer(self, event: Event, *, policy: int | None = None) -> Answer[Any]:
        """What would have been the answer."""
        return Answer(await self._append(event, self.event_id, policy))

    async def record(self, event: Event, *, policy: int | None = None, event_id: UUID | None = None) -> Entry[Any]:
        """What would have been recorded beside it."""
        self._count += 1
        return await self._append(event, event_id or uuid5(self.event_id, str(self._count)), policy)

    async def _append(self, event: Event, event_id: UUID, policy: int | None) -> Entry[Any]:
        context = Context(self.context.actor, self.context.causation, self.context.correlation, policy)
        versioned, body = versioned_type(event), body_of(event, context)
        at = Row(self.head.size, self.now, event_id, versioned, body, b"")
        chain = linked(self.head.chain, self.clinic_id, at)
        entry = Entry[Any](self.clinic_id, self.head.epoch, at.index, at.recorded_at, event_id, versioned, body, chain)
        await projection_of(self.service).apply(self.rows, [entry])
        self.head = Head(entry.epoch, entry.size, entry.chain, entry.recorded_at, self.head.clock)
        self.recorded.append(entry)
        return entry

    async def catch_up(self) -> None:
        """The shadows stand where they should."""

    async def finish(self) -> None:
        """Nothing is kept."""


async def cause_of(rows: AsyncSession, entry: Entry[Any]) -> Entry[Any] | None:
    """The earlier entry that an entry names as its cause, if it names one."""
    try:
        event_id = UUID(entry.causation)
    except ValueError:
        return None
    found = await ledger.entry_by_id(rows, entry.clinic_id, event_id)
    return found if found is not None and found.index < entry.index else None
