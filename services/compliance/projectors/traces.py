"""What touched which treatment, and where loads, lots and clients went."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import bindparam, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import ClientMerged
from events.catalog.hygiene import (
    CartridgeOpened,
    CartridgeWasted,
    CycleRecorded,
    ExposureFound,
    LotQuarantined,
    LotReceived,
    PackQuarantined,
    RecallOpened,
    UnitsLabeled,
)
from events.catalog.treatment import TreatmentEnded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry, Event
from events.tables import Rows, Write
from schemas.compliance import Subject
from services.compliance.models import (
    ExposureRow,
    LoadRow,
    LotRow,
    MergeRow,
    PackRow,
    QuarantineRow,
    TreatmentRow,
    UnitRow,
    UseRow,
)
from services.compliance.projectors.following import projects


@projects(TreatmentStarted)
async def note_start(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    started = entry.event
    rows.add(
        TreatmentRow,
        clinic_id=entry.clinic_id,
        treatment_id=started.treatment_id,
        booking_id=started.booking_id,
        client_id=started.client_id,
        practitioner_id=started.practitioner_id,
        started_at=entry.recorded_at,
        needle_contact=None,
        recorded_late=False,
        epoch=entry.epoch,
        index=entry.index,
    )
    _note_uses(rows, entry)


@projects(TreatmentRecordedLate)
async def note_late_record(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    late = entry.event
    rows.add(
        TreatmentRow,
        clinic_id=entry.clinic_id,
        treatment_id=late.treatment_id,
        booking_id=late.booking_id,
        client_id=late.client_id,
        practitioner_id=late.practitioner_id,
        started_at=late.started_at,
        needle_contact=late.needle_contact,
        recorded_late=True,
        epoch=entry.epoch,
        index=entry.index,
    )
    _note_uses(rows, entry)


def _note_uses(rows: Rows, entry: Entry[TreatmentStarted] | Entry[TreatmentRecordedLate]) -> None:
    """Everything that touched the treatment. Where one lot is named, its units are that lot's."""
    done = entry.event
    used: tuple[tuple[Subject, Iterable[UUID]], ...] = (
        ("client", (done.client_id,)),
        ("practitioner", (done.practitioner_id,)),
        ("room", (done.equipment.room_id,)),
        ("handpiece", (done.equipment.handpiece_id,) if done.equipment.handpiece_id else ()),
        ("cartridge", done.equipment.cartridge_unit_ids),
        ("pack", done.equipment.pack_ids),
        ("lot", done.lot_ids),
        ("cycle", done.cycle_ids),
    )
    for kind, subjects in used:
        for subject in subjects:
            _use(rows, entry.clinic_id, kind, subject, done.treatment_id)
    if len(done.lot_ids) == 1:
        for unit in done.equipment.cartridge_unit_ids:
            _unit(rows, entry.clinic_id, unit, done.lot_ids[0])


def _use(rows: Rows, clinic_id: UUID, kind: Subject, subject_id: UUID, treatment_id: UUID) -> None:
    rows.add(UseRow, clinic_id=clinic_id, subject_id=subject_id, kind=kind, treatment_id=treatment_id)


def _unit(rows: Rows, clinic_id: UUID, unit_id: UUID, lot_id: UUID) -> None:
    rows.add(UnitRow, clinic_id=clinic_id, unit_id=unit_id, lot_id=lot_id, wasted=False)


END = Write(
    update(TreatmentRow)
    .where(TreatmentRow.clinic_id == bindparam("clinic"), TreatmentRow.treatment_id == bindparam("treatment"))
    .values(needle_contact=bindparam("contact"))
)


@projects(TreatmentEnded)
async def note_end(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended = entry.event
    rows.write(END, clinic=entry.clinic_id, treatment=ended.treatment_id, contact=ended.needle_contact)


@projects(CycleRecorded)
async def note_load(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    cycle = entry.event
    rows.add(
        LoadRow,
        clinic_id=entry.clinic_id,
        cycle_id=cycle.cycle_id,
        sterilizer_id=cycle.sterilizer_id,
        started_at=cycle.started_at,
        index=entry.index,
    )
    for pack in cycle.packs:
        rows.add(PackRow, clinic_id=entry.clinic_id, pack_id=pack.pack_id, cycle_id=cycle.cycle_id)


_DELIVERED = insert(LotRow)
DELIVER = Write(
    _DELIVERED.on_conflict_do_update(
        index_elements=[LotRow.clinic_id, LotRow.lot_id], set_={"received": LotRow.received + _DELIVERED.excluded.received}
    ),
    ("clinic_id", "lot_id", "received"),
)


@projects(LotReceived)
async def note_delivery(rows: Rows, entry: Entry[LotReceived]) -> None:
    lot = entry.event
    rows.write(DELIVER, clinic_id=entry.clinic_id, lot_id=lot.lot_id, received=lot.quantity)


@projects(UnitsLabeled)
async def note_unit_labels(rows: Rows, entry: Entry[UnitsLabeled]) -> None:
    for unit in entry.event.unit_ids:
        _unit(rows, entry.clinic_id, unit, entry.event.lot_id)


@projects(CartridgeOpened)
async def note_opened_cartridge(rows: Rows, entry: Entry[CartridgeOpened]) -> None:
    opened = entry.event
    _unit(rows, entry.clinic_id, opened.unit_id, opened.lot_id)
    _use(rows, entry.clinic_id, "cartridge", opened.unit_id, opened.treatment_id)
    _use(rows, entry.clinic_id, "lot", opened.lot_id, opened.treatment_id)


@projects(CartridgeWasted)
async def note_wasted_cartridge(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    wasted = entry.event
    rows.put(UnitRow, clinic_id=entry.clinic_id, unit_id=wasted.unit_id, lot_id=wasted.lot_id, wasted=True)


def _hold(rows: Rows, entry: Entry[Event], items: Iterable[UUID]) -> None:
    for item in items:
        rows.add(QuarantineRow, clinic_id=entry.clinic_id, item_id=item, index=entry.index)


@projects(PackQuarantined)
async def note_held_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    _hold(rows, entry, entry.event.pack_ids)


@projects(LotQuarantined)
async def note_held_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    _hold(rows, entry, (entry.event.lot_id,))


@projects(RecallOpened, ExposureFound)
async def note_exposures(rows: Rows, entry: Entry[RecallOpened | ExposureFound]) -> None:
    recall_id = entry.event.recall_id
    for exposure in entry.event.exposures:
        rows.add(
            ExposureRow,
            clinic_id=entry.clinic_id,
            recall_id=recall_id,
            treatment_id=exposure.treatment_id,
            item_id=exposure.item_id,
        )


FOLLOW = Write(
    update(MergeRow)
    .where(MergeRow.clinic_id == bindparam("clinic"), MergeRow.into_client_id == bindparam("merged"))
    .values(into_client_id=bindparam("into"))
)


@projects(ClientMerged)
async def follow_merge(rows: Rows, entry: Entry[ClientMerged]) -> None:
    merged = entry.event
    rows.write(FOLLOW, clinic=entry.clinic_id, merged=merged.client_id, into=merged.into_client_id)
    rows.put(MergeRow, clinic_id=entry.clinic_id, client_id=merged.client_id, into_client_id=merged.into_client_id)
