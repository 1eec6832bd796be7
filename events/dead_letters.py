"""Inbox entries that were not understood, kept whole beside the ledger: for a manager, 30 days, covered by erasure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, cast, delete, or_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from events.catalog.booking import Rejection
from events.database import Base, table
from events.faults import reach
from events.transaction import Transaction

MAX_DEAD_LETTER_BYTES = 4 * 1024 * 1024
KEPT = timedelta(days=30)


class DeadLetter(Base):
    """machinery: an inbox entry that was not understood, whole. Role manager, 30 days, covered by erasure."""

    __tablename__ = "dead_letters"
    __table_args__ = table("machinery", "machinery", Index(None, "clinic_id", "received_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    inbox_entry: Mapped[str] = mapped_column(primary_key=True)
    fields: Mapped[dict[str, Any]]
    reasons: Mapped[list[dict[str, Any]]]
    received_at: Mapped[datetime]


async def keep_letter(tx: Transaction, system: str, entry_id: str, fields: Mapping[bytes, bytes], reasons: Sequence[Rejection]) -> None:
    """Keep an entry whole, in the commit that rejects it; those whose time is over go with it."""
    await tx.rows.execute(delete(DeadLetter).where(DeadLetter.clinic_id == tx.clinic_id, DeadLetter.received_at < tx.now - KEPT))
    letter = {
        "clinic_id": tx.clinic_id,
        "system": system,
        "inbox_entry": entry_id,
        "fields": _kept(fields),
        "reasons": [reason.model_dump(mode="json") for reason in reasons],
        "received_at": tx.now,
    }
    await tx.rows.execute(insert(DeadLetter).values(letter).on_conflict_do_nothing())
    reach("dead_letters.kept")


async def forget_letters(tx: Transaction, client_id: UUID) -> None:
    """Delete every letter that names an erased client's id, however it is written."""
    content = cast(DeadLetter.fields, Text)
    named = or_(content.icontains(str(client_id)), content.icontains(client_id.hex))
    await tx.rows.execute(delete(DeadLetter).where(DeadLetter.clinic_id == tx.clinic_id, named))


def _kept(fields: Mapping[bytes, bytes]) -> dict[str, str]:
    """What was sent, byte for byte as Latin-1; PostgreSQL's text has no NUL. Beyond the limit, its beginning."""
    kept: dict[str, str] = {}
    left = MAX_DEAD_LETTER_BYTES
    for name, value in fields.items():
        if left > 0:
            shown, content = (raw[:left].decode("latin-1").replace("\x00", "\\0") for raw in (name, value))
            kept[shown] = content
            left -= len(name) + len(value) + 1
    return kept
