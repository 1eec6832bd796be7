"""What recovery does about treatments, recalls and its own alarms."""

from uuid import uuid5

from events.catalog.compliance import ClientErased
from events.catalog.hygiene import RecallOpened
from events.catalog.recovery import IncidentOpened, ReactionReported
from events.catalog.treatment import TreatmentEnded, TreatmentRecordedLate
from events.envelope import Entry
from events.outbox import Message, forget_messages, queue_message
from events.streams import Reactions
from events.transaction import Transaction
from schemas.vocabulary import Verdict
from services.recovery.commands import forget_client, open_incident

when = Reactions("recovery")


@when(TreatmentRecordedLate)
async def look_into_paper(tx: Transaction, entry: Entry[TreatmentRecordedLate]) -> None:
    """A treatment the gate never saw is looked into by a person."""
    await open_incident(tx, "recorded_late", entry.event.treatment_id, cause=entry.event_id, aware_at=entry.recorded_at)


@when(TreatmentEnded)
async def look_into_excess(tx: Transaction, entry: Entry[TreatmentEnded]) -> None:
    """Deeper or elsewhere than the client consented to: recorded as it was, and looked into."""
    if any(finding.verdict is Verdict.UNMET for finding in entry.event.findings):
        await open_incident(tx, "beyond_consent", entry.event.treatment_id, cause=entry.event_id, aware_at=entry.recorded_at)


@when(RecallOpened)
async def look_into_recall(tx: Transaction, entry: Entry[RecallOpened]) -> None:
    """The exposed are asked by the check-ins that the projector planned; somebody answers for the recall."""
    await open_incident(tx, "recall", entry.event.recall_id, cause=entry.event_id, aware_at=entry.recorded_at)


@when(ReactionReported)
async def alarm_staff(tx: Transaction, entry: Entry[ReactionReported]) -> None:
    """Whatever the hour: a person must look. The message says how fast and at what, never what was answered."""
    reported = entry.event
    if reported.tier == "none":
        return
    about = {"tier": reported.tier, "reaction_id": str(reported.reaction_id), "client_id": str(reported.client_id)}
    await _tell_staff(tx, entry, "reaction_reported", about)


@when(IncidentOpened)
async def tell_of_incident(tx: Transaction, entry: Entry[IncidentOpened]) -> None:
    """Of a reaction the staff was told when it was reported."""
    opened = entry.event
    if opened.kind == "adverse_event":
        return
    about = {"kind": opened.kind, "incident_id": str(opened.incident_id), "subject_id": str(opened.subject_id)}
    await _tell_staff(tx, entry, "incident_opened", about)


@when(ClientErased)
async def forget_erased_client(tx: Transaction, entry: Entry[ClientErased]) -> None:
    """Each record of a merged person is erased by an entry of its own. Where a law keeps the records, they stay."""
    await forget_messages(tx, entry.event.client_id)
    if not entry.event.kept:
        await forget_client(tx, entry.event.client_id)


async def _tell_staff(
    tx: Transaction, entry: Entry[ReactionReported] | Entry[IncidentOpened], template: str, parameters: dict[str, str]
) -> None:
    """The recipient of a message to the staff is the clinic."""
    message_id = uuid5(entry.event_id, template)
    await queue_message(tx, Message(message_id, "staff", tx.clinic_id, template, parameters, tx.now))
