"""Which browsers are shared tablets, and who has a PIN for them."""

import hmac
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from events.transaction import View
from schemas.compliance import Identity, PinShut, TabletSeen
from schemas.vocabulary import Role
from services.compliance.models import PinRow, PinTryRow, TabletRow
from services.compliance.queries.people import identities
from services.compliance.rules.pins import MOST_TRIES

UNUSED = timedelta(days=60)
"""A tablet that no PIN opened for so long is none any more. Every PIN renews it, so that one in use is never enrolled again; a clinic
that was closed for its longest holidays finds its tablets as they were; and one that was lost, sold or forgotten in a drawer ends by
itself where nobody thought of removing it. A technical bound.
"""


async def tablets(view: View) -> tuple[TabletSeen, ...]:
    """Every tablet that nobody removed, by name."""
    query = (
        select(TabletRow)
        .where(TabletRow.clinic_id == view.clinic_id, TabletRow.removed_at.is_(None))
        .order_by(TabletRow.name, TabletRow.tablet_id)
    )
    found = (await view.rows.execute(query)).scalars()
    return tuple(
        TabletSeen(
            tablet_id=row.tablet_id,
            name=row.name,
            enrolled_at=row.enrolled_at,
            used_at=row.used_at,
            lapsed=row.used_at <= view.now - UNUSED,
        )
        for row in found
    )


async def is_known(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID) -> bool:
    """Whether there is something to remove."""
    return await _secret_hash(rows, clinic_id, tablet_id) is not None


async def is_in_force(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID) -> bool:
    return await _secret_hash(rows, clinic_id, tablet_id, _IN_USE) is not None


async def is_tablet(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID, secret_hash: bytes) -> bool:
    """Whether a browser that shows this secret is the tablet that it says to be."""
    kept = await _secret_hash(rows, clinic_id, tablet_id, _IN_USE)
    return kept is not None and hmac.compare_digest(kept, secret_hash)


_IN_USE = TabletRow.used_at > func.now() - UNUSED


async def _secret_hash(rows: AsyncSession, clinic_id: UUID, tablet_id: UUID, *more: ColumnElement[bool]) -> bytes | None:
    query = select(TabletRow.secret_hash).where(
        TabletRow.clinic_id == clinic_id, TabletRow.tablet_id == tablet_id, TabletRow.removed_at.is_(None), *more
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


async def pins_shut(view: View) -> tuple[PinShut, ...]:
    """PINs that are locked on a tablet, the newest first: somebody guessed, or somebody has forgotten theirs."""
    query = (
        select(PinTryRow, TabletRow.name)
        .join(TabletRow, (TabletRow.clinic_id == PinTryRow.clinic_id) & (TabletRow.tablet_id == PinTryRow.tablet_id))
        .where(PinTryRow.clinic_id == view.clinic_id, PinTryRow.tries >= MOST_TRIES, TabletRow.removed_at.is_(None))
        .order_by(PinTryRow.locked_at.desc().nulls_first(), TabletRow.name, PinTryRow.identity_id)
    )
    return tuple(
        PinShut(identity_id=row.identity_id, tablet_id=row.tablet_id, tablet=name, tries=row.tries, since=row.locked_at or row.opens_at)
        for row, name in (await view.rows.execute(query)).all()
    )
