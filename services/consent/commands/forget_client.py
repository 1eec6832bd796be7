from uuid import UUID

from sqlalchemy import delete

from events.transaction import Transaction
from services.consent.models import AnswerSheet, ClearanceBasis, Reason, Signature


async def forget_client(tx: Transaction, client_id: UUID) -> None:
    """Delete signatures, answers and reasons with their salts. What the ledger says of them means nothing to anybody then."""
    for kept in (Signature, AnswerSheet, Reason, ClearanceBasis):
        await tx.rows.execute(delete(kept).where(kept.clinic_id == tx.clinic_id, kept.client_id == client_id))
