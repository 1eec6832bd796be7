"""Who may sign beside whoever decides: roles in force, as the ledger gave and took them."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events.transaction import View
from schemas.access import may_any
from schemas.vocabulary import Role
from services.hygiene.models import HeldRole


async def roles_held(rows: AsyncSession, clinic_id: UUID, identity_id: UUID, at: datetime) -> frozenset[Role]:
    """The roles that somebody has in force at `at`."""
    query = select(HeldRole.role).where(
        HeldRole.clinic_id == clinic_id,
        HeldRole.identity_id == identity_id,
        HeldRole.until.is_(None) | (HeldRole.until > at),
    )
    return frozenset(Role(role) for role in await rows.scalars(query))


async def who_may(view: View, command: str) -> frozenset[UUID]:
    """Everybody who has a role in force now that may give the command."""
    query = select(HeldRole.identity_id, HeldRole.role).where(
        HeldRole.clinic_id == view.clinic_id, HeldRole.until.is_(None) | (HeldRole.until > view.now)
    )
    roles: defaultdict[UUID, set[Role]] = defaultdict(set)
    for row in await view.rows.execute(query):
        roles[row.identity_id].add(Role(row.role))
    return frozenset(who for who, held in roles.items() if may_any(held, command) is not None)
