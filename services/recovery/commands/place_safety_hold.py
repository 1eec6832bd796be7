from sqlalchemy import select

from events.catalog.recovery import RecoveryRefused, SafetyHoldPlaced
from events.transaction import Answer, Transaction
from schemas.recovery import HoldPlacing
from services.recovery import rules
from services.recovery.models import SafetyHold


async def place_safety_hold(tx: Transaction, request: HoldPlacing) -> Answer[SafetyHoldPlaced | RecoveryRefused]:
    """Anybody who sees a danger may stop the next treatment; lifting takes a clinician."""
    note = request.note
    query = select(SafetyHold).where(SafetyHold.clinic_id == tx.clinic_id, SafetyHold.hold_id == request.hold_id)
    known = (await tx.rows.execute(query)).scalar_one_or_none()
    if known is not None:
        if (known.client_id, known.reason, known.tier) == (note.client_id, note.reason, note.tier):
            return await tx.repeat(known.placed_event_id)
        findings = rules.unmet([rules.id_must_be_new("hold_id")])
        return await tx.answer(RecoveryRefused(command="place_safety_hold", subject_id=request.hold_id, findings=findings))
    placed = SafetyHoldPlaced(hold_id=request.hold_id, client_id=note.client_id, reason=note.reason, tier=note.tier, cause=tx.event_id)
    return await tx.answer(placed)
