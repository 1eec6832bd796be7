from uuid import UUID

from sqlalchemy import delete

from events.transaction import Transaction
from services.recovery.models import CheckInAnswer


async def forget_client(tx: Transaction, client_id: UUID) -> None:
    """Delete what a client answered and what staff reported of them, with the salts."""
    await tx.rows.execute(delete(CheckInAnswer).where(CheckInAnswer.clinic_id == tx.clinic_id, CheckInAnswer.client_id == client_id))
