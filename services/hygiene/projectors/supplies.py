"""Lots and units follow the ledger, and their counts with them."""

from sqlalchemy import select, update

from events.catalog.hygiene import CartridgeWasted, LotQuarantined, LotReceived, UnitsLabeled
from events.envelope import Entry
from events.tables import Rows
from schemas.hygiene import lot_key
from services.hygiene.models import ItemUse, Lot, Unit
from services.hygiene.projectors.rows import count_units, projects, put, put_all


@projects(LotReceived)
async def keep_lot(rows: Rows, entry: Entry[LotReceived]) -> None:
    said = entry.event
    await put(
        rows,
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
    said = entry.event
    units = [{"clinic_id": entry.clinic_id, "unit_id": unit_id, "lot_id": said.lot_id} for unit_id in said.unit_ids]
    labeled = await put_all(rows, Unit, units)
    # Used before anybody entered them: their lot's recall must find the clients.
    lotless = (ItemUse.clinic_id == entry.clinic_id, ItemUse.item_id.in_(said.unit_ids), ItemUse.lot_id.is_(None))
    used = await rows.execute(update(ItemUse).where(*lotless).values(lot_id=said.lot_id).returning(ItemUse.item_id))
    await count_units(rows, entry.clinic_id, said.lot_id, labeled=labeled, used=len(used.all()))


@projects(LotQuarantined)
async def hold_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    await rows.execute(
        update(Lot)
        .where(Lot.clinic_id == entry.clinic_id, Lot.lot_id == entry.event.lot_id, Lot.quarantined.is_(None))
        .values(quarantined=entry.event.reason)
    )


@projects(CartridgeWasted)
async def waste_unit(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    said = entry.event
    done = await rows.execute(
        update(Unit)
        .where(Unit.clinic_id == entry.clinic_id, Unit.unit_id == said.unit_id, Unit.waste_id.is_(None))
        .values(waste_reason=said.reason, wasted_at=said.occurred_at, waste_id=entry.event_id)
        .returning(Unit.unit_id)
    )
    opened = select(ItemUse.item_id).where(ItemUse.clinic_id == entry.clinic_id, ItemUse.item_id == said.unit_id).limit(1)
    if done.first() is not None and (await rows.scalar(opened)) is None:
        await count_units(rows, entry.clinic_id, said.lot_id, wasted=1)
