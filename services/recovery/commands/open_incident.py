from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import select

from events.catalog.recovery import IncidentOpened
from events.transaction import Transaction
from services.recovery.models import Incident


async def open_incident(tx: Transaction, kind: str, subject_id: UUID, *, cause: UUID, aware_at: datetime) -> None:
    """Open an incident for something another service said, once for each cause."""
    incident_id = uuid5(cause, f"incident:{kind}")
    known = select(Incident.incident_id).where(Incident.clinic_id == tx.clinic_id, Incident.incident_id == incident_id)
    if (await tx.rows.execute(known)).first() is None:
        opened = IncidentOpened(incident_id=incident_id, kind=kind, subject_id=subject_id, cause=cause, become_aware_at=aware_at)
        await tx.record(opened)
