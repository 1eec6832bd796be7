"""What was answered is in the ledger, and in the order that the record itself knows of.

The order of questions and answers is only known outside; the tests compare it with what their clients wrote down.
"""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events.checking.report import Report

MOST_SHOWN = 20

_UNRECORDED = """
    select f.event_id, count(*) over () as found from ledger.fingerprints f
     where f.clinic_id = :clinic
       and not exists (select from ledger.entries e where e.clinic_id = f.clinic_id and e.event_id = f.event_id)
     order by 1 limit :most
"""

_LETTERS = """
    select d.system, d.inbox_entry, count(*) over () as found from machinery.dead_letters d
     where d.clinic_id = :clinic
       and not exists (select from ledger.entries e
                        where e.clinic_id = d.clinic_id and e.type = 'command.rejected.v1'
                          and convert_from(e.body, 'UTF8')::jsonb -> 'data' ->> 'inbox_entry' = d.inbox_entry)
     order by 1, 2 limit :most
"""

_OUTBOX = """
    select message_id, template, sent_at is not null as sent, attempts from machinery.outbox
     where clinic_id = :clinic and sent_at is not null and attempts < 1
     order by 1 limit :most
"""

_REPEATED = """
    select r.index, convert_from(r.body, 'UTF8')::jsonb -> 'data' ->> 'event_id' as event_id
      from ledger.entries r
     where r.clinic_id = :clinic and r.index >= :after and r.type = 'answer.repeated.v1'
       and not exists (select from ledger.entries e
                        where e.clinic_id = r.clinic_id and e.index < r.index
                          and e.event_id = (convert_from(r.body, 'UTF8')::jsonb -> 'data' ->> 'event_id')::uuid)
     order by 1 limit :most
"""


async def look_at_answers(rows: AsyncSession, clinic_id: UUID, report: Report, *, after: int) -> None:
    """Fingerprints, dead letters and sent messages have their entries; what is repeated was said before."""
    values = {"clinic": clinic_id, "most": MOST_SHOWN, "after": after}
    counts = text("select count(*) from ledger.fingerprints where clinic_id = :clinic")
    report.looked_at("answers given", (await rows.execute(counts, values)).scalar_one())
    for row in await rows.execute(text(_UNRECORDED), values):
        report.wrong(3, f"an answer was given as {row.event_id}, and the ledger does not have it ({row.found} in all)")
    for row in await rows.execute(text(_LETTERS), values):
        report.wrong(3, f"the dead letter {row.inbox_entry} of {row.system} was rejected by no entry ({row.found} in all)")
    for row in await rows.execute(text(_OUTBOX), values):
        report.wrong(6, f"message {row.message_id} ({row.template}) is marked as sent, and nobody tried to send it")
    for row in await rows.execute(text(_REPEATED), values):
        report.wrong(2, f"entry {row.index} repeats {row.event_id}, which does not stand before it")
