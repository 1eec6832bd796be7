"""What treatments used: nothing is unused after it, and no place is clean."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.treatment import CartridgeAdded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.tables import Rows, Write
from services.hygiene.models import ItemUse, Lot, Pack, PlaceUse, Unit
from services.hygiene.projectors.rows import SEE_PLACE, projects

_KNOWN = select(Unit.lot_id).where(Unit.clinic_id == bindparam("clinic"), Unit.unit_id == bindparam("unit"))
_USED = (
    insert(ItemUse)
    .values(
        clinic_id=bindparam("clinic"),
        item_id=bindparam("unit"),
        treatment_id=bindparam("treatment"),
        client_id=bindparam("client"),
        lot_id=func.coalesce(_KNOWN.scalar_subquery(), bindparam("lot_if_unknown", type_=ItemUse.lot_id.type)),
    )
    .on_conflict_do_nothing()
    .returning(ItemUse.lot_id)
    .cte("used")
)
USE_UNIT = Write(update(Lot).where(Lot.clinic_id == bindparam("clinic"), Lot.lot_id == _USED.c.lot_id).values(used=Lot.used + 1))
"""A use that is new, and counted with its lot."""

USE_PACK = Write(update(Pack).where(Pack.clinic_id == bindparam("clinic"), Pack.pack_id == bindparam("pack")).values(used=True))


@projects(TreatmentStarted, TreatmentRecordedLate)
async def use_equipment(rows: Rows, entry: Entry[TreatmentStarted | TreatmentRecordedLate]) -> None:
    """What a treatment used is used from that moment on, whatever the reactions did yet."""
    said = entry.event
    started_at = said.started_at if isinstance(said, TreatmentRecordedLate) else entry.recorded_at
    this = {"clinic_id": entry.clinic_id, "treatment_id": said.treatment_id, "client_id": said.client_id}
    only_lot = said.lot_ids[0] if len(set(said.lot_ids)) == 1 else None
    for unit_id in said.equipment.cartridge_unit_ids:
        _use_unit(rows, entry, unit_id, only_lot)
    for pack_id in said.equipment.pack_ids:
        rows.add(ItemUse, **this, item_id=pack_id, lot_id=None)
        rows.write(USE_PACK, clinic=entry.clinic_id, pack=pack_id)
    for kind, subject_id in (("handpiece", said.equipment.handpiece_id), ("room", said.equipment.room_id)):
        if subject_id is not None:  # a consultation has no handpiece
            rows.add(PlaceUse, **this, kind=kind, subject_id=subject_id, started_at=started_at)
            rows.write(SEE_PLACE, clinic_id=entry.clinic_id, kind=kind, subject_id=subject_id, disinfected_at=None, used_at=started_at)


@projects(CartridgeAdded)
async def use_added_cartridge(rows: Rows, entry: Entry[CartridgeAdded]) -> None:
    _use_unit(rows, entry, entry.event.unit_id, entry.event.lot_id)


def _use_unit(rows: Rows, entry: Entry[Any], unit_id: UUID, lot_if_unknown: UUID | None) -> None:
    said: TreatmentStarted | TreatmentRecordedLate | CartridgeAdded = entry.event
    use = {"clinic": entry.clinic_id, "unit": unit_id, "treatment": said.treatment_id, "client": said.client_id}
    rows.write(USE_UNIT, **use, lot_if_unknown=lot_if_unknown)
