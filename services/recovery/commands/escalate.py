"""What follows from a reaction, in the commit that learned of it."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from events.catalog.recovery import IncidentOpened, SafetyHoldPlaced
from events.policy import InForce
from events.transaction import Transaction
from schemas.policy import Tier
from services.recovery.models import CheckInAnswer, Incident, Treatment
from services.recovery.rules import ALARMING, lots_to_look_at

LOT_SIGNAL = "lot_signal"


async def escalate(tx: Transaction, in_force: InForce, reaction_id: UUID, client_id: UUID, tier: Tier) -> None:
    """Hold the client's next visit where the policy says so, and open an incident for what is urgent."""
    if in_force.policy.recovery.responses[tier].holds_next_visit:
        hold = SafetyHoldPlaced(hold_id=tx.new_id("hold"), client_id=client_id, reason="reaction", tier=tier, cause=reaction_id)
        await tx.record(hold, policy=in_force.version)
    if tier in ALARMING:
        incident = IncidentOpened(
            incident_id=tx.new_id("incident"),
            kind="adverse_event",
            subject_id=reaction_id,
            cause=tx.event_id,
            become_aware_at=tx.now,
        )
        await tx.record(incident, policy=in_force.version)


async def signal_lots(tx: Transaction, in_force: InForce) -> None:
    """Open an incident for each cartridge lot behind too many signs of infection, once in the policy's days."""
    since = tx.now - timedelta(days=in_force.policy.recovery.lot_signal_days)
    speaking = (CheckInAnswer.clinic_id == tx.clinic_id, CheckInAnswer.infection, CheckInAnswer.answered_at > since)
    infected = select(CheckInAnswer.treatment_id).where(*speaking)
    treatments = select(Treatment.lot_ids).where(Treatment.clinic_id == tx.clinic_id, Treatment.treatment_id.in_(infected))
    for lot_id in lots_to_look_at(in_force.policy, (await tx.rows.execute(treatments)).scalars().all()):
        raised = (Incident.clinic_id == tx.clinic_id, Incident.kind == LOT_SIGNAL, Incident.subject_id == lot_id)
        known = select(Incident.incident_id).where(*raised, Incident.become_aware_at > since).limit(1)
        if (await tx.rows.execute(known)).first() is None:
            incident = IncidentOpened(
                incident_id=tx.new_id(f"lot:{lot_id}"), kind=LOT_SIGNAL, subject_id=lot_id, cause=tx.event_id, become_aware_at=tx.now
            )
            await tx.record(incident, policy=in_force.version)
