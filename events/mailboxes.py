"""Which inboxes there are: one for each front-desk system that is connected to a clinic."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
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


_TAKE = text("select stream, pg_try_advisory_lock(hashtextextended(stream, 1)) from unnest(cast(:streams as text[])) as stream")


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


async def take(session: AsyncConnection, mailboxes: Iterable[Mailbox], room: int) -> list[Mailbox]:
    """Those that no other session works, as many as there is room for. They are this session's until it ends or gives them back."""
    taken: list[Mailbox] = []
    left = sorted(mailboxes, key=lambda mailbox: mailbox.stream)
    while left and len(taken) < room:
        asked = {mailbox.stream: mailbox for mailbox in left[: room - len(taken)]}
        left = left[len(asked) :]  # where another process was first, the next ones are asked for
        got = await session.execute(_TAKE, {"streams": list(asked)})
        taken += [asked[stream] for stream, is_ours in got.all() if is_ours]
    return taken


async def give_back(session: AsyncConnection, mailbox: Mailbox) -> None:
    """Another session may work it."""
    await session.execute(text("select pg_advisory_unlock(hashtextextended(:stream, 1))"), {"stream": mailbox.stream})
