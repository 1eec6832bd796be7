"""What a scanned or typed code stands for, and how a thing is told from others of its kind."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, func, or_, select

from events.transaction import View
from services.treatment.models import Handpiece, Lot, Pack, Turnover, Unit, Visit

Kind = Literal["handpiece", "cartridge", "pack", "room"]

LEAST_TYPED = 4
"""As many characters of an id stand on labels of rooms and handpieces."""

LATELY = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Label:
    """What is printed on a thing, besides its code. `good_until`: its last day."""

    serial: str | None = None
    lot: str | None = None
    good_until: date | None = None


@dataclass(frozen=True, slots=True)
class Things:
    """What things are called, by id; those not in it are not known here."""

    handpieces: dict[UUID, Label] = field(default_factory=dict)
    cartridges: dict[UUID, Label] = field(default_factory=dict)
    packs: dict[UUID, Label] = field(default_factory=dict)


async def things_called(view: View, handpieces: set[UUID], cartridges: set[UUID], packs: set[UUID]) -> Things:
    """The labels of these."""
    pens = select(Handpiece.handpiece_id, Handpiece.serial).where(
        Handpiece.clinic_id == view.clinic_id, Handpiece.handpiece_id.in_(handpieces)
    )
    of_lot = (Lot.clinic_id == Unit.clinic_id) & (Lot.lot_id == Unit.lot_id)
    units = (
        select(Unit.unit_id, Lot.lot, Lot.expires_on)
        .outerjoin(Lot, of_lot)
        .where(Unit.clinic_id == view.clinic_id, Unit.unit_id.in_(cartridges))
    )
    sterile = select(Pack.pack_id, Pack.sterile_until).where(Pack.clinic_id == view.clinic_id, Pack.pack_id.in_(packs))
    return Things(
        handpieces={row.handpiece_id: Label(serial=row.serial) for row in await view.rows.execute(pens)},
        cartridges={row.unit_id: Label(lot=row.lot, good_until=row.expires_on) for row in await view.rows.execute(units)},
        packs={row.pack_id: Label(good_until=row.sterile_until) for row in await view.rows.execute(sterile)},
    )


async def rooms_known(view: View) -> tuple[UUID, ...]:
    """Rooms in which somebody was lately treated, or is to be."""
    query = select(Visit.room_id).where(Visit.clinic_id == view.clinic_id, Visit.starts_at > view.now - LATELY).distinct()
    return tuple(sorted((await view.rows.execute(query)).scalars()))


async def things_scanned(view: View, code: str) -> list[tuple[Kind, UUID]]:
    """Everything that this code may stand for: an id as labels carry it, a serial, or the characters printed under the code."""
    try:
        return await _found(view, lambda column: column == UUID(code.lower().removeprefix("urn:uuid:")))
    except ValueError:
        pass
    serial = select(Handpiece.handpiece_id).where(Handpiece.clinic_id == view.clinic_id, func.lower(Handpiece.serial) == code.lower())
    by_serial: list[tuple[Kind, UUID]] = [("handpiece", found) for found in (await view.rows.execute(serial)).scalars()]
    typed = code.lower().replace("-", "")
    if by_serial or len(typed) < LEAST_TYPED or set(typed) - set("0123456789abcdef"):
        return by_serial

    def looks_so(column: ColumnElement[UUID]) -> ColumnElement[bool]:
        text = func.replace(cast(column, String), "-", "")
        return or_(text.startswith(typed), text.endswith(typed))

    return await _found(view, looks_so)


async def _found(view: View, is_meant: Any) -> list[tuple[Kind, UUID]]:
    places: list[tuple[Kind, Any, Any]] = [
        ("handpiece", Handpiece, Handpiece.handpiece_id),
        ("cartridge", Unit, Unit.unit_id),
        ("pack", Pack, Pack.pack_id),
        ("room", Turnover, Turnover.subject_id),
    ]
    found: list[tuple[Kind, UUID]] = []
    for kind, model, column in places:
        query = select(column).where(model.clinic_id == view.clinic_id, is_meant(column)).distinct().limit(2)
        found += [(kind, one) for one in (await view.rows.execute(query)).scalars()]
    return found
