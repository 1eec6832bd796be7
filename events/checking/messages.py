"""Messages to people against the decisions that queued them: one decision, one message, under one id."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events.checking.report import Report
from events.outbox import KEEP_SENT

_UNDECIDED = """
    select o.message_id, o.template from machinery.outbox o
     where o.clinic_id = :clinic
       and not exists (select from pg_temp.outbox s
                        where s.clinic_id = o.clinic_id and s.message_id = o.message_id and s.template = o.template
                          and s.recipient = o.recipient and s.recipient_id = o.recipient_id)
     order by 1 limit 20
"""

_LOST = """
    select s.message_id, s.template from pg_temp.outbox s
     where s.clinic_id = :clinic and s.send_after > clock_timestamp() - cast(:kept as interval)
       and not (s.recipient = 'client' and s.recipient_id = any(:erased))
       and not exists (select from machinery.outbox o where o.clinic_id = s.clinic_id and o.message_id = s.message_id)
     order by 1 limit 20
"""


async def look_at_messages(rows: AsyncSession, clinic_id: UUID, erased: set[UUID], report: Report) -> None:
    """Compare the outbox with the messages that the rehearsed decisions queued. Sent ones are kept for thirty days."""
    count = text("select count(*) from pg_temp.outbox where clinic_id = :clinic")
    report.looked_at("messages", (await rows.execute(count, {"clinic": clinic_id})).scalar_one())
    for row in await rows.execute(text(_UNDECIDED), {"clinic": clinic_id}):
        report.wrong(6, f"message {row.message_id} ({row.template}) was decided on by no entry")
    for row in await rows.execute(text(_LOST), {"clinic": clinic_id, "kept": KEEP_SENT, "erased": list(erased)}):
        report.wrong(6, f"message {row.message_id} ({row.template}) was decided on, and is not in the outbox")
