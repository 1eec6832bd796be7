"""What hygiene does when nobody did."""

from uuid import UUID

from events.clock import Clock
from events.transaction import Transaction
from services.hygiene.commands.recalls import confirm_recall

every = Clock("hygiene")


@every(seconds=60, due="hygiene.due_decisions")
async def confirm_undecided_recalls(tx: Transaction, subject: UUID) -> None:
    await confirm_recall(tx, subject)
