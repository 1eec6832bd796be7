"""The clinic's policy, and the systems that speak for its front desk."""

from events import mailboxes
from events.catalog.compliance import PolicyPublished, SystemConnected, SystemDisconnected
from events.envelope import Entry
from events.tables import Rows
from services.compliance.models import Policies, SystemRow
from services.compliance.projectors.following import projects

projects(SystemConnected, SystemDisconnected)(mailboxes.connect_system)


@projects(SystemConnected, SystemDisconnected)
async def keep_system(rows: Rows, entry: Entry[SystemConnected | SystemDisconnected]) -> None:
    said = entry.event
    connected = isinstance(said, SystemConnected)
    rows.put(SystemRow, clinic_id=entry.clinic_id, system=said.system, identity_id=said.identity_id, connected=connected)


@projects(PolicyPublished)
async def keep_policy_version(rows: Rows, entry: Entry[PolicyPublished]) -> None:
    published = entry.event
    rows.add(
        Policies,
        clinic_id=entry.clinic_id,
        policy_version=published.policy_version,
        effective_at=published.effective_at,
        digest=published.digest,
        document=published.document.model_dump(mode="json"),
        approver_id=published.approver_id,
        index=entry.index,
    )
