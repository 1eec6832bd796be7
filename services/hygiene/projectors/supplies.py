"""Lots and units follow the ledger, and their counts with them."""

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.hygiene import CartridgeWasted, LotQuarantined, LotReceived, UnitsLabeled
from events.envelope import Entry
from events.tables import Rows, Write
from schemas.hygiene import lot_key
from services.hygiene.models import ItemUse, Lot, Unit
from services.hygiene.projectors.rows import projects

_OF_LOT = (Lot.clinic_id == bindparam("clinic"), Lot.lot_id == bindparam("lot"))
_UNITS = bindparam("units", type_=ARRAY(Uuid()))
_LABELED = (
    insert(Unit)
    .from_select(
        ["clinic_id", "unit_id", "lot_id"],
        select(bindparam("clinic", type_=Uuid()), func.unnest(_UNITS).column_valued("unit_id"), bindparam("lot", type_=Uuid())),
    )
    .on_conflict_do_nothing()
    .returning(Unit.unit_id)
    .cte("labeled")
)
_USED_BEFORE = (
    update(ItemUse)
    .where(ItemUse.clinic_id == bindparam("clinic"), ItemUse.item_id == any_(_UNITS), ItemUse.lot_id.is_(None))
    .values(lot_id=bindparam("lot"))
    .returning(ItemUse.item_id)
    .cte("used_before")
)
LABEL = Write(
    update(Lot)
    .where(*_OF_LOT)
    .values(
        labeled=Lot.labeled + select(func.count(_LABELED.c.unit_id)).scalar_subquery(),
        used=Lot.used + select(func.count(_USED_BEFORE.c.item_id)).scalar_subquery(),
    )
)
"""Units that are new, counted with their lot, and those that were used before anybody entered them: a recall of their lot
must find the clients."""

QUARANTINE = Write(update(Lot).where(*_OF_LOT, Lot.quarantined.is_(None)).values(quarantined=bindparam("reason")))

_WASTED = (
    update(Unit)
    .where(Unit.clinic_id == bindparam("clinic"), Unit.unit_id == bindparam("unit"), Unit.waste_id.is_(None))
    .values(waste_reason=bindparam("reason"), wasted_at=bindparam("at"), waste_id=bindparam("event"))
    .returning(Unit.unit_id)
    .cte("newly_wasted")
)
_OPENED = select(ItemUse.item_id).where(ItemUse.clinic_id == bindparam("clinic"), ItemUse.item_id == bindparam("unit"))
WASTE = Write(update(Lot).where(*_OF_LOT, select(_WASTED.c.unit_id).exists(), ~_OPENED.exists()).values(wasted=Lot.wasted + 1))
"""A unit is wasted once, and counted as wasted unless it counts as used."""


@projects(LotReceived)
async def keep_lot(rows: Rows, entry: Entry[LotReceived]) -> None:
    said = entry.event
    rows.add(
        Lot,
        clinic_id=entry.clinic_id,
        lot_id=said.lot_id,
        gtin=said.gtin,
        lot=said.lot,
        lot_key=lot_key(said.lot),
        serial=said.serial,
        expires_on=said.expires_on,
        source=said.source,
        quantity=said.quantity,
        labeled=0,
        used=0,
        wasted=0,
        occurred_at=said.occurred_at,
        event_id=entry.event_id,
    )


@projects(UnitsLabeled)
async def keep_units(rows: Rows, entry: Entry[UnitsLabeled]) -> None:
    rows.write(LABEL, clinic=entry.clinic_id, lot=entry.event.lot_id, units=list(entry.event.unit_ids))


@projects(LotQuarantined)
async def hold_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    rows.write(QUARANTINE, clinic=entry.clinic_id, lot=entry.event.lot_id, reason=entry.event.reason)


@projects(CartridgeWasted)
async def waste_unit(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    said = entry.event
    this = {"clinic": entry.clinic_id, "unit": said.unit_id, "lot": said.lot_id}
    rows.write(WASTE, **this, reason=said.reason, at=said.occurred_at, event=entry.event_id)
