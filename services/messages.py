"""How messages to people are worded and delivered. For now a log: one JSON object a line, in a file that is a mailbox."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from events.faults import reach
from events.outbox import Delivery, Send

log = logging.getLogger(__name__)

Contact = Callable[[AsyncSession, UUID, UUID], Awaitable[str | None]]
"""(rows, clinic, client) → where to reach the client, or None."""


def log_adapter(spool: Path | None, contact_of: Contact) -> Send:
    """Writes each message to the spool under its stable id, with the recipient's contact; logs only ids."""

    async def send(rows: AsyncSession, delivery: Delivery) -> None:
        message = delivery.message
        contact = await contact_of(rows, delivery.clinic_id, message.recipient_id) if message.recipient == "client" else None
        if spool is not None:
            line = json.dumps(
                {
                    "message_id": f"<{message.message_id}@{delivery.clinic_id}>",
                    "clinic": str(delivery.clinic_id),
                    "to": contact or message.recipient,
                    "recipient_id": str(message.recipient_id),
                    "template": message.template,
                    "parameters": message.parameters,
                    "attempt": delivery.attempt,
                }
            )
            reach("messages.worded")
            await asyncio.to_thread(_append, spool, line)
        log.info("message %s (%s) to %s %s", message.message_id, message.template, message.recipient, message.recipient_id)

    return send


def _append(spool: Path, line: str) -> None:
    spool.parent.mkdir(parents=True, exist_ok=True)
    spool.touch(mode=0o600, exist_ok=True)
    with spool.open("a") as file:
        file.write(line + "\n")
