"""Which browsers are shared tablets, and who has a PIN for them."""

import hmac
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events.transaction import View
from schemas.compliance import Identity, TabletSeen
from schemas.vocabulary import Role
from services.compliance.models import PinRow, TabletRow
from services.compliance.queries.people import identities


async def tablets(view: View) -> tuple[TabletSeen, ...]:
    """Every tablet in force, by name."""
    query = (
        select(TabletRow)
        .where(TabletRow.clinic_id == view.clinic_id, TabletRow.removed_at.is_(None))
        .order_by(TabletRow.name, TabletRow.tablet_id)
    )
    found = (await view.rows.execute(query)).scalars()
    return tuple(TabletSeen(tablet_id=row.tablet_id, name=row.name, enrolled_at=row.enrolled_at) for row in found)


async def is_in_force(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID) -> bool:
    return await _secret_hash(rows, clinic_id, tablet_id) is not None


async def is_tablet(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID, secret_hash: bytes) -> bool:
    """Whether a browser that shows this secret is the tablet that it says to be."""
    kept = await _secret_hash(rows, clinic_id, tablet_id)
    return kept is not None and hmac.compare_digest(kept, secret_hash)


async def _secret_hash(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID) -> bytes | None:
    query = select(TabletRow.secret_hash).where(
        TabletRow.clinic_id == clinic_id, TabletRow.tablet_id == tablet_id, TabletRow.removed_at.is_(None)
    )
    return (await rows.execute(query)).scalar_one_or_none()


async def staff_with_pins(view: View) -> tuple[Identity, ...]:
    """Whoever may sign in on a shared tablet: with a PIN, and a role besides admin's."""
    query = select(PinRow.identity_id).where(PinRow.clinic_id == view.clinic_id)
    with_pin = set((await view.rows.execute(query)).scalars())
    return tuple(one for one in await identities(view) if one.identity_id in with_pin and set(one.roles) - {Role.ADMIN})


async def has_pin(view: View, identity_id: UUID) -> bool:
    query = select(PinRow.identity_id).where(PinRow.clinic_id == view.clinic_id, PinRow.identity_id == identity_id)
    return (await view.rows.execute(query)).first() is not None
