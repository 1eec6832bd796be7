"""Who holds which role follows the ledger: a second signer is judged by it. Of the access tables hygiene reads none."""

from sqlalchemy import bindparam, delete

from events.catalog.compliance import AccessGranted, AccessRevoked
from events.envelope import Entry
from events.tables import Rows, Write
from services.hygiene.models import HeldRole
from services.hygiene.projectors.rows import projects

TAKE_AWAY = Write(
    delete(HeldRole).where(
        HeldRole.clinic_id == bindparam("clinic"), HeldRole.identity_id == bindparam("identity"), HeldRole.role == bindparam("role")
    )
)


@projects(AccessGranted)
async def grant(rows: Rows, entry: Entry[AccessGranted]) -> None:
    said = entry.event
    rows.put(HeldRole, clinic_id=entry.clinic_id, identity_id=said.identity_id, role=said.role.value, until=said.until)


@projects(AccessRevoked)
async def revoke(rows: Rows, entry: Entry[AccessRevoked]) -> None:
    rows.write(TAKE_AWAY, clinic=entry.clinic_id, identity=entry.event.identity_id, role=entry.event.role.value)
