from sqlalchemy import select

from events.catalog.recovery import CheckinFollowedUp, RecoveryRefused
from events.transaction import Answer, Transaction
from schemas.recovery import FollowUp
from services.recovery import rules
from services.recovery.models import CheckIn


async def follow_up_checkin(tx: Transaction, request: FollowUp) -> Answer[CheckinFollowedUp | RecoveryRefused]:
    """Somebody of the staff takes the call upon themselves, or says what became of it. Who takes it last has it."""
    query = select(CheckIn).where(CheckIn.clinic_id == tx.clinic_id, CheckIn.checkin_id == request.checkin_id)
    checkin = (await tx.rows.execute(query)).scalar_one_or_none()
    waits = checkin is not None and checkin.state == "missed" and checkin.call != "reached"
    if checkin is None or not waits:
        findings = rules.unmet([rules.checkin_must_be_unanswered(False)])
        return await tx.answer(RecoveryRefused(command="follow_up_checkin", subject_id=request.checkin_id, findings=findings))
    about = {"checkin_id": checkin.checkin_id, "treatment_id": checkin.treatment_id, "client_id": checkin.client_id}
    return await tx.answer(CheckinFollowedUp(outcome=request.note.outcome, **about))
