"""Which inboxes there are: one for each front-desk system that is connected to a clinic."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from events.catalog.compliance import SystemConnected, SystemDisconnected
from events.database import Base, table
from events.envelope import Entry
from events.tables import Rows
from schemas.vocabulary import Actor, Role


class ConnectedSystem(Base):
    """machinery: a front-desk system that has an inbox in a clinic."""

    __tablename__ = "systems"
    __table_args__ = table("machinery", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID]
    connected: Mapped[bool]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One system's inbox in one clinic."""

    clinic_id: UUID
    system: str
    identity_id: UUID

    @property
    def stream(self) -> str:
        """The key that systems XADD to (contract.md)."""
        return f"{{clinic:{self.clinic_id}}}:inbox:{self.system}"

    @property
    def actor(self) -> Actor:
        """Who speaks through this inbox: the key itself says it."""
        return Actor(identity_id=self.identity_id, role=Role.SYSTEM)


async def connect_system(rows: Rows, entry: Entry[SystemConnected] | Entry[SystemDisconnected]) -> None:
    """Projects `system.connected` and `system.disconnected`: which inboxes there are."""
    event = entry.event
    rows.put(
        ConnectedSystem,
        clinic_id=entry.clinic_id,
        system=event.system,
        identity_id=event.identity_id,
        connected=isinstance(event, SystemConnected),
    )


async def all_mailboxes(rows: AsyncSession) -> list[Mailbox]:
    """Every inbox of every clinic. Ids and names of systems only."""
    found = await rows.execute(text("select clinic_id, system, identity_id from machinery.all_systems()"))
    return [Mailbox(*row) for row in found.all()]
