from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import bindparam, select

from events.asks import Ask
from events.catalog.recovery import CheckinDue, CheckinMissed, CheckinReminded
from events.transaction import Transaction
from services.recovery.models import CheckIn
from services.recovery.rules import link_token


@dataclass(frozen=True, slots=True)
class Question:
    """Whom to write to, and the opaque part of the link."""

    checkin_id: UUID
    client_id: UUID
    token: str


_IN_STATE = Ask(
    select(CheckIn).where(
        CheckIn.clinic_id == bindparam("clinic"), CheckIn.checkin_id == bindparam("checkin"), CheckIn.state == bindparam("state")
    )
)


async def _in_state(tx: Transaction, checkin_id: UUID, state: str) -> CheckIn | None:
    found: CheckIn | None = await _IN_STATE.first(tx.rows, clinic=tx.clinic_id, checkin=checkin_id, state=state)
    return found


def _question(tx: Transaction, checkin: CheckIn) -> Question:
    return Question(checkin.checkin_id, checkin.client_id, link_token(tx.secret, tx.clinic_id, checkin.checkin_id))


async def ask_client(tx: Transaction, checkin_id: UUID) -> Question | None:
    """It is time: say so, and say whom to write to. None if it was done, or planned anew for later."""
    checkin = await _in_state(tx, checkin_id, "planned")
    if checkin is None or checkin.due_at > tx.now:
        return None
    due = CheckinDue(
        checkin_id=checkin_id, treatment_id=checkin.treatment_id, client_id=checkin.client_id, step=checkin.step, due_at=checkin.due_at
    )
    await tx.record(due)
    return _question(tx, checkin)


async def remind_client(tx: Transaction, checkin_id: UUID) -> Question | None:
    """Ask once more, if nothing came."""
    checkin = await _in_state(tx, checkin_id, "asked")
    if checkin is None or checkin.remind_at is None or checkin.remind_at > tx.now:
        return None
    await tx.record(CheckinReminded(checkin_id=checkin_id, treatment_id=checkin.treatment_id, client_id=checkin.client_id))
    return _question(tx, checkin)


async def miss_checkin(tx: Transaction, checkin_id: UUID) -> bool:
    """No answer came in time. True if somebody of the staff has to call."""
    checkin = await _in_state(tx, checkin_id, "asked")
    if checkin is None or checkin.missed_at > tx.now:
        return False
    missed = CheckinMissed(checkin_id=checkin_id, treatment_id=checkin.treatment_id, client_id=checkin.client_id, step=checkin.step)
    await tx.record(missed)
    return checkin.staff_task
