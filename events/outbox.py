"""Messages to people: queued in the deciding commit, claimed with a lease, sent under a stable id, marked.

One decision per message. Where a send's outcome is unknown it is sent again under the same id, so that the
provider (or the reader) can tell.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Index, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, Database, table
from events.faults import reach
from events.transaction import Transaction, aside

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""How long claimed messages are one sender's: longer than all sends of one claim may take."""

CLAIM = 10
SEND_SECONDS = 5

KEEP_SENT = timedelta(days=30)


class OutboxMessage(Base):
    """machinery: a message that was decided on."""

    __tablename__ = "outbox"
    __table_args__ = table("machinery", "machinery", Index(None, "send_after", postgresql_where=text("sent_at is null")))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    message_id: Mapped[UUID] = mapped_column(primary_key=True)
    recipient: Mapped[str]
    recipient_id: Mapped[UUID]
    template: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    send_after: Mapped[datetime]
    leased_until: Mapped[datetime | None]
    attempts: Mapped[int]
    sent_at: Mapped[datetime | None]


@dataclass(frozen=True, slots=True)
class Message:
    """What to say to whom. `message_id` stays the same however often it is sent."""

    message_id: UUID
    recipient: Literal["client", "staff"]
    recipient_id: UUID
    template: str
    parameters: dict[str, Any]
    send_after: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """A claimed message, ready for an adapter."""

    clinic_id: UUID
    message: Message
    attempt: int


Send = Callable[[AsyncSession, Delivery], Awaitable[None]]
"""An adapter: delivers, or raises. It gets the sender's session to look up the recipient's contact."""


async def queue_message(tx: Transaction, message: Message) -> None:
    """Queue a message in the deciding commit; the same id is queued once."""
    await tx.rows.execute(
        insert(OutboxMessage)
        .values(
            clinic_id=tx.clinic_id,
            message_id=message.message_id,
            recipient=message.recipient,
            recipient_id=message.recipient_id,
            template=message.template,
            parameters=message.parameters,
            send_after=message.send_after,
            attempts=0,
        )
        .on_conflict_do_nothing()
    )
    reach("outbox.queued")


async def _claim(database: Database, service: str, clinic_id: UUID, most: int) -> list[Delivery]:
    async with aside(database, clinic_id, service) as rows:
        now = text("clock_timestamp()")
        too_late = text(f"clock_timestamp() + interval '{2 * LEASE.seconds} seconds'")
        due = (
            select(OutboxMessage.message_id)
            .where(
                OutboxMessage.clinic_id == clinic_id,
                OutboxMessage.sent_at.is_(None),
                OutboxMessage.send_after <= now,
                # A lease that ends later than any lease does was given by a clock that was ahead.
                OutboxMessage.leased_until.is_(None) | (OutboxMessage.leased_until <= now) | (OutboxMessage.leased_until > too_late),
            )
            .order_by(OutboxMessage.send_after)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        ids = list((await rows.execute(due)).scalars())
        if not ids:
            return []
        claim = (
            update(OutboxMessage)
            .where(OutboxMessage.clinic_id == clinic_id, OutboxMessage.message_id.in_(ids))
            .values(leased_until=text(f"clock_timestamp() + interval '{LEASE.seconds} seconds'"), attempts=OutboxMessage.attempts + 1)
            .returning(OutboxMessage)
            .execution_options(synchronize_session=False)
        )
        claimed = [
            Delivery(
                clinic_id,
                Message(row.message_id, _recipient(row), row.recipient_id, row.template, row.parameters, row.send_after),
                row.attempts,
            )
            for row in (await rows.execute(claim)).scalars()
        ]
    reach("outbox.claimed")
    return sorted(claimed, key=lambda delivery: delivery.message.send_after)


def _recipient(row: OutboxMessage) -> Literal["client", "staff"]:
    return "client" if row.recipient == "client" else "staff"


async def send_due(database: Database, service: str, send: Send, most: int = 100) -> int:
    """Send what is due, in every clinic; returns how many went out. A failed send waits for its lease to end."""
    async with aside(database, None, service) as rows:
        found = await rows.execute(text("select clinic_id from machinery.clinics_with_messages(:most)"), {"most": most})
        waiting = list(found.scalars())
    sent = 0
    for clinic_id in waiting:
        while claimed := await _claim(database, service, clinic_id, CLAIM):
            sent += sum([await _send_one(database, service, send, delivery) for delivery in claimed])
    return sent


async def _send_one(database: Database, service: str, send: Send, delivery: Delivery) -> bool:
    """Send and mark. What failed or was cut off may have gone out: it is sent again under the same id."""
    try:
        async with asyncio.timeout(SEND_SECONDS), aside(database, delivery.clinic_id, service) as rows:
            await send(rows, delivery)
        reach("outbox.sent")
        await _mark_sent(database, service, delivery)
    except Exception as failure:  # noqa: BLE001 - whatever an adapter raises; its words may hold a contact
        log.warning("message %s was not sent (attempt %d): %s", delivery.message.message_id, delivery.attempt, type(failure).__name__)
        return False
    return True


async def forget_messages(tx: Transaction, client_id: UUID) -> None:
    """Nothing is sent to an erased client any more, and nothing of what was said stays."""
    theirs = (OutboxMessage.recipient == "client", OutboxMessage.recipient_id == client_id)
    await tx.rows.execute(delete(OutboxMessage).where(OutboxMessage.clinic_id == tx.clinic_id, *theirs))


async def _mark_sent(database: Database, service: str, delivery: Delivery) -> None:
    """Mark it, and forget the parameters: they may hold a link."""
    async with aside(database, delivery.clinic_id, service) as rows:
        await rows.execute(
            update(OutboxMessage)
            .where(OutboxMessage.clinic_id == delivery.clinic_id, OutboxMessage.message_id == delivery.message.message_id)
            .values(sent_at=text("clock_timestamp()"), leased_until=None, parameters={})
        )
        reach("outbox.marking")
        await rows.execute(
            delete(OutboxMessage).where(
                OutboxMessage.clinic_id == delivery.clinic_id,
                OutboxMessage.sent_at < text(f"clock_timestamp() - interval '{KEEP_SENT.days} days'"),
            )
        )
