"""When the gate asks after an end that nobody reported."""

from uuid import UUID

from events.clock import Clock
from events.transaction import Transaction
from services.treatment.commands import report_missing_end

every = Clock("treatment")


@every(seconds=30, due="treatment.due_missing_ends")
async def report_missing_ends(tx: Transaction, subject: UUID) -> None:
    """Until the end comes, the client counts as treated to the consented maximum."""
    await report_missing_end(tx, subject)
