"""When recovery asks, asks again, and gives up."""

from uuid import UUID, uuid5

from events.clock import Clock
from events.faults import reach
from events.outbox import Message, queue_message
from events.transaction import Transaction
from services.recovery.commands import Question, ask_client, miss_checkin, remind_client

every = Clock("recovery")


@every(seconds=1, due="recovery.due_check_ins")
async def ask_due_clients(tx: Transaction, subject: UUID) -> None:
    """The question and the fact that it was asked are one commit."""
    await _write_to_client(tx, "checkin_due", await ask_client(tx, subject))


@every(seconds=10, due="recovery.due_reminders")
async def remind_silent_clients(tx: Transaction, subject: UUID) -> None:
    await _write_to_client(tx, "checkin_reminder", await remind_client(tx, subject))


@every(seconds=10, due="recovery.due_missed")
async def give_up_on_silent_clients(tx: Transaction, subject: UUID) -> None:
    """Where the policy says so, somebody of the staff calls; the recipient of a message to the staff is the clinic."""
    if await miss_checkin(tx, subject):
        parameters = {"checkin_id": str(subject)}
        message = Message(uuid5(subject, "checkin_missed"), "staff", tx.clinic_id, "checkin_missed", parameters, tx.now)
        await queue_message(tx, message)


async def _write_to_client(tx: Transaction, template: str, question: Question | None) -> None:
    """A safety message: it does not ask for a marketing consent. The link is a path; the sender knows the host."""
    if question is None:
        return
    reach("recovery.asked")
    parameters = {"link": f"/check-ins/{question.token}"}
    message_id = uuid5(question.checkin_id, template)
    await queue_message(tx, Message(message_id, "client", question.client_id, template, parameters, tx.now))
