"""What was answered is in the ledger: fingerprints, dead letters, messages that left.

The order of questions and answers in real time is only known outside; the tests compare it with what their clients wrote
down. What the record itself knows of it (times never decrease, what is repeated stands before) others look at.
"""

from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events.checking.report import Report
from events.mailboxes import Mailbox

MOST_SHOWN = 20

_UNRECORDED = """
    select f.event_id, count(*) over () as found from ledger.fingerprints f
     where f.clinic_id = :clinic
       and not exists (select from ledger.entries e where e.clinic_id = f.clinic_id and e.event_id = f.event_id)
     order by 1 limit :most
"""

_OUTBOX = """
    select message_id, template, sent_at is not null as sent, attempts from machinery.outbox
     where clinic_id = :clinic and sent_at is not null and attempts < 1
     order by 1 limit :most
"""

_KNOWN = "select event_id from ledger.entries where clinic_id = :clinic and event_id = any(:ids)"


async def look_at_answers(rows: AsyncSession, report: Report) -> None:
    """Fingerprints, dead letters and sent messages have their entries."""
    values = {"clinic": report.clinic_id, "most": MOST_SHOWN}
    counts = text("select count(*) from ledger.fingerprints where clinic_id = :clinic")
    report.looked_at("answers given", (await rows.execute(counts, values)).scalar_one())
    for row in await rows.execute(text(_UNRECORDED), values):
        report.wrong(3, f"an answer was given as {row.event_id}, and the ledger does not have it ({row.found} in all)")
    for row in await rows.execute(text(_OUTBOX), values):
        report.wrong(6, f"message {row.message_id} ({row.template}) is marked as sent, and nobody tried to send it")
    await _look_at_letters(rows, report)


async def _look_at_letters(rows: AsyncSession, report: Report) -> None:
    """What was not understood was rejected by an entry, under the id that its place in the inbox gives it."""
    query = text("select system, inbox_entry from machinery.dead_letters where clinic_id = :clinic order by 1, 2")
    letters = {
        rejection_id(report.clinic_id, system, inbox_entry): (system, inbox_entry)
        for system, inbox_entry in (await rows.execute(query, {"clinic": report.clinic_id})).all()
    }
    known = set((await rows.execute(text(_KNOWN), {"clinic": report.clinic_id, "ids": list(letters)})).scalars())
    report.looked_at("dead letters", len(letters))
    for event_id in sorted(letters.keys() - known, key=str):
        system, inbox_entry = letters[event_id]
        report.wrong(3, f"the dead letter {inbox_entry} of {system} was rejected by no entry")


def rejection_id(clinic_id: UUID, system: str, inbox_entry: str) -> UUID:
    """The id of what is recorded about one place of an inbox."""
    stream = Mailbox(clinic_id, system, clinic_id).stream
    return uuid5(clinic_id, f"{stream}\x1f{inbox_entry}")
