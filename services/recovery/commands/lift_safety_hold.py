from sqlalchemy import select

from events.catalog.recovery import RecoveryRefused, SafetyHoldLifted
from events.transaction import Answer, Transaction
from schemas.recovery import HoldLifting
from services.recovery import rules
from services.recovery.models import SafetyHold


async def lift_safety_hold(tx: Transaction, request: HoldLifting) -> Answer[SafetyHoldLifted | RecoveryRefused]:
    """A clinician says that the danger is over. Saying it twice changes nothing."""
    query = select(SafetyHold).where(SafetyHold.clinic_id == tx.clinic_id, SafetyHold.hold_id == request.hold_id)
    hold = (await tx.rows.execute(query)).scalar_one_or_none()
    if hold is None:
        findings = rules.unmet([rules.hold_must_be_known(False)])
        return await tx.answer(RecoveryRefused(command="lift_safety_hold", subject_id=request.hold_id, findings=findings))
    if hold.lifted_event_id is not None:
        return await tx.repeat(hold.lifted_event_id)
    return await tx.answer(SafetyHoldLifted(hold_id=hold.hold_id, client_id=hold.client_id, reason=request.note.reason))
