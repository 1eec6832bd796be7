"""Lots, units, cycles, packs, sterilizers, handpieces, rooms, and what is held."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.hygiene import (
    CartridgeOpened,
    CartridgeWasted,
    CycleRecorded,
    ExposureFound,
    HandpieceCommissioned,
    HandpieceReprocessed,
    LoadReleased,
    LotQuarantined,
    LotReceived,
    PackQuarantined,
    RecallOpened,
    RoomTurnedOver,
    SterilizerCommissioned,
    SterilizerRemoved,
    SterilizerReturned,
    UnitsLabeled,
)
from events.envelope import Entry, Event
from events.tables import Rows
from services.treatment.models import (
    Cycle,
    Handpiece,
    HeldItem,
    Lot,
    Pack,
    Reprocessing,
    Sterilizer,
    Turnover,
    Unit,
    UsedItem,
)
from services.treatment.projectors.following import projects


@projects(HandpieceCommissioned)
async def keep_handpiece(rows: Rows, entry: Entry[HandpieceCommissioned]) -> None:
    handpiece = entry.event
    values = {
        "serial": handpiece.serial,
        "modality": handpiece.modality.value,
        "fits_gtins": list(handpiece.fits_gtins),
        "max_depth_um": handpiece.max_depth_um,
    }
    new = insert(Handpiece).values(clinic_id=entry.clinic_id, handpiece_id=handpiece.handpiece_id, **values)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "handpiece_id"], set_=values))


@projects(HandpieceReprocessed)
async def keep_reprocessing(rows: Rows, entry: Entry[HandpieceReprocessed]) -> None:
    done = entry.event
    new = insert(Reprocessing).values(
        clinic_id=entry.clinic_id,
        record_id=done.reprocessing_id,
        subject_id=done.handpiece_id,
        wet_seconds=done.wet_seconds,
        label_seconds=done.label_seconds,
        occurred_at=min(done.occurred_at, entry.recorded_at),
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(RoomTurnedOver)
async def keep_turnover(rows: Rows, entry: Entry[RoomTurnedOver]) -> None:
    done = entry.event
    new = insert(Turnover).values(
        clinic_id=entry.clinic_id,
        record_id=done.turnover_id,
        subject_id=done.room_id,
        wet_seconds=done.wet_seconds,
        label_seconds=done.label_seconds,
        occurred_at=min(done.occurred_at, entry.recorded_at),
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(LotReceived)
async def keep_lot(rows: Rows, entry: Entry[LotReceived]) -> None:
    lot = entry.event
    new = insert(Lot).values(clinic_id=entry.clinic_id, lot_id=lot.lot_id, gtin=lot.gtin, lot=lot.lot, expires_on=lot.expires_on)
    earliest = func.least(Lot.expires_on, new.excluded.expires_on)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "lot_id"], set_={"expires_on": earliest}))


@projects(UnitsLabeled)
async def keep_units(rows: Rows, entry: Entry[UnitsLabeled]) -> None:
    for unit_id in entry.event.unit_ids:
        new = insert(Unit).values(clinic_id=entry.clinic_id, unit_id=unit_id, lot_id=entry.event.lot_id)
        await rows.execute(new.on_conflict_do_nothing())


@projects(CartridgeOpened)
async def use_unit(rows: Rows, entry: Entry[CartridgeOpened]) -> None:
    """A unit that nobody labeled before is known from its first use, and used by it."""
    opened = entry.event
    unit = insert(Unit).values(clinic_id=entry.clinic_id, unit_id=opened.unit_id, lot_id=opened.lot_id)
    await rows.execute(unit.on_conflict_do_nothing())
    use = insert(UsedItem).values(clinic_id=entry.clinic_id, item_id=opened.unit_id, treatment_id=opened.treatment_id)
    await rows.execute(use.on_conflict_do_nothing())


@projects(CartridgeWasted)
async def waste_unit(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    wasted = entry.event
    new = insert(Unit).values(clinic_id=entry.clinic_id, unit_id=wasted.unit_id, lot_id=wasted.lot_id, wasted_at=entry.recorded_at)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "unit_id"], set_={"wasted_at": entry.recorded_at}))


@projects(SterilizerCommissioned)
async def keep_sterilizer(rows: Rows, entry: Entry[SterilizerCommissioned]) -> None:
    new = insert(Sterilizer).values(clinic_id=entry.clinic_id, sterilizer_id=entry.event.sterilizer_id)
    await rows.execute(new.on_conflict_do_nothing())


@projects(SterilizerRemoved)
async def remove_sterilizer(rows: Rows, entry: Entry[SterilizerRemoved]) -> None:
    """From when it was seen to be bad: that is a claim, but nobody gains by an early one."""
    of = (Sterilizer.clinic_id == entry.clinic_id, Sterilizer.sterilizer_id == entry.event.sterilizer_id)
    since = func.least(Sterilizer.removed_at, entry.event.occurred_at or entry.recorded_at, entry.recorded_at)
    await rows.execute(update(Sterilizer).where(*of).values(removed_at=since))


@projects(SterilizerReturned)
async def return_sterilizer(rows: Rows, entry: Entry[SterilizerReturned]) -> None:
    of = (Sterilizer.clinic_id == entry.clinic_id, Sterilizer.sterilizer_id == entry.event.sterilizer_id)
    await rows.execute(update(Sterilizer).where(*of).values(removed_at=None))


@projects(CycleRecorded)
async def keep_cycle(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    """Packs of a cycle are known from its record on, and usable from its release on."""
    cycle = entry.event
    new = insert(Cycle).values(
        clinic_id=entry.clinic_id, cycle_id=cycle.cycle_id, sterilizer_id=cycle.sterilizer_id, ended_at=cycle.ended_at
    )
    await rows.execute(new.on_conflict_do_nothing())
    for pack in cycle.packs:
        of_pack = insert(Pack).values(
            clinic_id=entry.clinic_id, pack_id=pack.pack_id, cycle_id=cycle.cycle_id, sterile_until=pack.sterile_until
        )
        await rows.execute(of_pack.on_conflict_do_nothing())


@projects(LoadReleased)
async def release_load(rows: Rows, entry: Entry[LoadReleased]) -> None:
    of = (Cycle.clinic_id == entry.clinic_id, Cycle.cycle_id == entry.event.cycle_id)
    await rows.execute(update(Cycle).where(*of).values(released_as=entry.event.basis))


async def _hold(rows: Rows, entry: Entry[Event], held_by: UUID, kind: str, items: Iterable[UUID]) -> None:
    for item_id in items:
        new = insert(HeldItem).values(clinic_id=entry.clinic_id, item_id=item_id, held_by=held_by, kind=kind, held_at=entry.recorded_at)
        await rows.execute(new.on_conflict_do_nothing())


@projects(PackQuarantined)
async def hold_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    await _hold(rows, entry, entry.event.cause, "quarantine", entry.event.pack_ids)


@projects(LotQuarantined)
async def hold_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    await _hold(rows, entry, entry.event.cause or entry.event_id, "quarantine", [entry.event.lot_id])


@projects(RecallOpened)
async def hold_recalled(rows: Rows, entry: Entry[RecallOpened]) -> None:
    """A recalled sterilizer holds its window's cycles and packs, not itself: what lies outside stays usable."""
    recall = entry.event
    subject = [] if recall.kind == "sterilizer" else [recall.subject_id]
    await _hold(rows, entry, recall.recall_id, "recall", [*subject, *recall.cycle_ids, *recall.pack_ids])


@projects(ExposureFound)
async def hold_found(rows: Rows, entry: Entry[ExposureFound]) -> None:
    found = entry.event
    await _hold(rows, entry, found.recall_id, "recall", [*found.cycle_ids, *found.pack_ids])
