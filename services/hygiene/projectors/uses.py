"""What treatments used: nothing is unused after it, and no place is clean."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.treatment import CartridgeAdded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.tables import Rows
from services.hygiene.models import ItemUse, Pack, Place, PlaceUse, Unit
from services.hygiene.projectors.rows import count_units, projects, put


@projects(TreatmentStarted, TreatmentRecordedLate)
async def use_equipment(rows: Rows, entry: Entry[TreatmentStarted | TreatmentRecordedLate]) -> None:
    """What a treatment used is used from that moment on, whatever the reactions did yet."""
    said = entry.event
    started_at = said.started_at if isinstance(said, TreatmentRecordedLate) else entry.recorded_at
    only_lot = said.lot_ids[0] if len(set(said.lot_ids)) == 1 else None
    for unit_id in said.equipment.cartridge_unit_ids:
        await _use_unit(rows, entry, unit_id, only_lot)
    for pack_id in said.equipment.pack_ids:
        await put(rows, ItemUse, **_use(entry, pack_id), lot_id=None)
    await rows.execute(update(Pack).where(Pack.clinic_id == entry.clinic_id, Pack.pack_id.in_(said.equipment.pack_ids)).values(used=True))
    for kind, subject_id in (("handpiece", said.equipment.handpiece_id), ("room", said.equipment.room_id)):
        if subject_id is None:  # a consultation has no handpiece
            continue
        use = {"clinic_id": entry.clinic_id, "kind": kind, "subject_id": subject_id}
        await put(rows, PlaceUse, **use, treatment_id=said.treatment_id, client_id=said.client_id, started_at=started_at)
        later = insert(Place).values(**use, used_at=started_at)
        await rows.execute(
            later.on_conflict_do_update(
                index_elements=["clinic_id", "kind", "subject_id"], set_={"used_at": func.greatest(Place.used_at, started_at)}
            )
        )


@projects(CartridgeAdded)
async def use_added_cartridge(rows: Rows, entry: Entry[CartridgeAdded]) -> None:
    await _use_unit(rows, entry, entry.event.unit_id, entry.event.lot_id)


def _use(entry: Entry[TreatmentStarted | TreatmentRecordedLate | CartridgeAdded], item_id: UUID) -> dict[str, Any]:
    said = entry.event
    return {"clinic_id": entry.clinic_id, "item_id": item_id, "treatment_id": said.treatment_id, "client_id": said.client_id}


async def _use_unit(
    rows: Rows,
    entry: Entry[TreatmentStarted | TreatmentRecordedLate | CartridgeAdded],
    unit_id: UUID,
    lot_if_unknown: UUID | None,
) -> None:
    known = select(Unit.lot_id).where(Unit.clinic_id == entry.clinic_id, Unit.unit_id == unit_id)
    lot_id = await rows.scalar(known) or lot_if_unknown
    if await put(rows, ItemUse, **_use(entry, unit_id), lot_id=lot_id) and lot_id is not None:
        await count_units(rows, entry.clinic_id, lot_id, used=1)
