"""Lots with their counts, units, labels, and what a recall notice may mean."""

from datetime import date
from typing import Literal, cast
from uuid import UUID

import segno
from sqlalchemy import select

from events.transaction import View
from schemas.hygiene import (
    LotMatches,
    LotSheet,
    UnitLabel,
    UnitLabels,
    UnitSheet,
    lot_key,
)
from services.hygiene.models import ItemUse, Lot, Unit
from services.hygiene.rules.labels import is_near
from services.hygiene.rules.lots import Count, unit_state

LISTED = 500
"""No list of a day is longer: a clinic with more has stopped cleaning up, and pages would not help it."""


async def lots_on_hand(view: View, today: date) -> tuple[LotSheet, ...]:
    """Lots with units left, in date and not held; the soonest to expire first."""
    query = select(Lot).where(
        Lot.clinic_id == view.clinic_id,
        Lot.quantity > Lot.used + Lot.wasted,
        Lot.quarantined.is_(None),
        Lot.expires_on >= today,
    )
    return tuple(sheet_of(lot) for lot in await view.rows.scalars(query.order_by(Lot.expires_on, Lot.lot_id).limit(LISTED)))


async def lot_sheet(view: View, lot_id: UUID) -> LotSheet | None:
    """One lot with its counts."""
    lot = await view.rows.get(Lot, (view.clinic_id, lot_id))
    return sheet_of(lot) if lot else None


def sheet_of(lot: Lot) -> LotSheet:
    """A lot with its counts."""
    return LotSheet(
        lot_id=lot.lot_id,
        gtin=lot.gtin,
        lot=lot.lot,
        expires_on=lot.expires_on,
        source=cast("Literal['scan', 'manual']", lot.source),
        quarantined=lot.quarantined,
        received=lot.quantity,
        labeled=lot.labeled,
        used=lot.used,
        wasted=lot.wasted,
        on_hand=Count(lot.quantity, lot.labeled, lot.used, lot.wasted).on_hand,
        received_at=lot.occurred_at,
    )


async def lot_matches(view: View, gtin: str, lot: str) -> LotMatches:
    """What a recall notice names, and lots of the same product that a person should compare with it."""
    query = select(Lot).where(Lot.clinic_id == view.clinic_id, Lot.gtin == gtin).order_by(Lot.lot_key, Lot.lot_id)
    exact: list[LotSheet] = []
    near: list[LotSheet] = []
    for found in await view.rows.scalars(query):
        if found.lot_key == lot_key(lot):
            exact.append(sheet_of(found))
        elif is_near(found.lot, lot):
            near.append(sheet_of(found))
    return LotMatches(exact=tuple(exact), near=tuple(near))


async def unit_sheet(view: View, unit_id: UUID) -> UnitSheet | None:
    """One cartridge: unused, used or wasted."""
    unit = await view.rows.get(Unit, (view.clinic_id, unit_id))
    if unit is None:
        return None
    uses = select(ItemUse.treatment_id).where(ItemUse.clinic_id == view.clinic_id, ItemUse.item_id == unit_id)
    treatment_ids = tuple(await view.rows.scalars(uses.order_by(ItemUse.treatment_id)))
    state = unit_state(uses=len(treatment_ids), wasted=unit.waste_id is not None)
    return UnitSheet(unit_id=unit_id, lot_id=unit.lot_id, state=state, treatment_ids=treatment_ids)


async def unit_labels(view: View, lot_id: UUID, after: UUID | None, limit: int) -> UnitLabels | None:
    """A page of printable labels of a lot."""
    lot = await view.rows.get(Lot, (view.clinic_id, lot_id))
    if lot is None:
        return None
    query = select(Unit.unit_id).where(Unit.clinic_id == view.clinic_id, Unit.lot_id == lot_id)
    if after is not None:
        query = query.where(Unit.unit_id > after)
    ids = (await view.rows.scalars(query.order_by(Unit.unit_id).limit(limit + 1))).all()
    more = ids[limit - 1] if len(ids) > limit else None
    return UnitLabels(
        lot_id=lot_id,
        labels=tuple(_label(lot, unit_id) for unit_id in ids[:limit]),
        next_after=more,
    )


def _label(lot: Lot, unit_id: UUID) -> UnitLabel:
    code = segno.make(f"urn:uuid:{unit_id}", error="m", micro=False)
    text = f"{lot.gtin}  LOT {lot.lot}  EXP {lot.expires_on.isoformat()}  {str(unit_id)[-8:]}"
    return UnitLabel(unit_id=unit_id, text=text, code_svg=code.svg_inline(border=4, omitsize=True))
