"""Lots, units, cycles, packs, sterilizers, handpieces, rooms, and what is held."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import bindparam, func, update
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
from events.tables import Rows, Write
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
    rows.put(
        Handpiece,
        clinic_id=entry.clinic_id,
        handpiece_id=handpiece.handpiece_id,
        serial=handpiece.serial,
        modality=handpiece.modality.value,
        fits_gtins=list(handpiece.fits_gtins),
        max_depth_um=handpiece.max_depth_um,
    )


@projects(HandpieceReprocessed)
async def keep_reprocessing(rows: Rows, entry: Entry[HandpieceReprocessed]) -> None:
    done = entry.event
    rows.add(
        Reprocessing,
        clinic_id=entry.clinic_id,
        record_id=done.reprocessing_id,
        subject_id=done.handpiece_id,
        wet_seconds=done.wet_seconds,
        label_seconds=done.label_seconds,
        occurred_at=min(done.occurred_at, entry.recorded_at),
    )


@projects(RoomTurnedOver)
async def keep_turnover(rows: Rows, entry: Entry[RoomTurnedOver]) -> None:
    done = entry.event
    rows.add(
        Turnover,
        clinic_id=entry.clinic_id,
        record_id=done.turnover_id,
        subject_id=done.room_id,
        wet_seconds=done.wet_seconds,
        label_seconds=done.label_seconds,
        occurred_at=min(done.occurred_at, entry.recorded_at),
    )


_DELIVERED = insert(Lot)
DELIVER = Write(
    _DELIVERED.on_conflict_do_update(
        index_elements=["clinic_id", "lot_id"], set_={"expires_on": func.least(Lot.expires_on, _DELIVERED.excluded.expires_on)}
    ),
    ("clinic_id", "lot_id", "gtin", "lot", "expires_on"),
)


@projects(LotReceived)
async def keep_lot(rows: Rows, entry: Entry[LotReceived]) -> None:
    lot = entry.event
    rows.write(DELIVER, clinic_id=entry.clinic_id, lot_id=lot.lot_id, gtin=lot.gtin, lot=lot.lot, expires_on=lot.expires_on)


@projects(UnitsLabeled)
async def keep_units(rows: Rows, entry: Entry[UnitsLabeled]) -> None:
    for unit_id in entry.event.unit_ids:
        rows.add(Unit, clinic_id=entry.clinic_id, unit_id=unit_id, lot_id=entry.event.lot_id)


@projects(CartridgeOpened)
async def use_unit(rows: Rows, entry: Entry[CartridgeOpened]) -> None:
    """A unit that nobody labeled before is known from its first use, and used by it."""
    opened = entry.event
    rows.add(Unit, clinic_id=entry.clinic_id, unit_id=opened.unit_id, lot_id=opened.lot_id)
    rows.add(UsedItem, clinic_id=entry.clinic_id, item_id=opened.unit_id, treatment_id=opened.treatment_id)


_WASTED = insert(Unit)
WASTE = Write(
    _WASTED.on_conflict_do_update(index_elements=["clinic_id", "unit_id"], set_={"wasted_at": _WASTED.excluded.wasted_at}),
    ("clinic_id", "unit_id", "lot_id", "wasted_at"),
)


@projects(CartridgeWasted)
async def waste_unit(rows: Rows, entry: Entry[CartridgeWasted]) -> None:
    wasted = entry.event
    rows.write(WASTE, clinic_id=entry.clinic_id, unit_id=wasted.unit_id, lot_id=wasted.lot_id, wasted_at=entry.recorded_at)


_OF_STERILIZER = (Sterilizer.clinic_id == bindparam("clinic"), Sterilizer.sterilizer_id == bindparam("sterilizer"))
REMOVE = Write(update(Sterilizer).where(*_OF_STERILIZER).values(removed_at=func.least(Sterilizer.removed_at, bindparam("since"))))
RETURN = Write(update(Sterilizer).where(*_OF_STERILIZER).values(removed_at=None))


@projects(SterilizerCommissioned)
async def keep_sterilizer(rows: Rows, entry: Entry[SterilizerCommissioned]) -> None:
    rows.add(Sterilizer, clinic_id=entry.clinic_id, sterilizer_id=entry.event.sterilizer_id)


@projects(SterilizerRemoved)
async def remove_sterilizer(rows: Rows, entry: Entry[SterilizerRemoved]) -> None:
    """From when it was seen to be bad: that is a claim, but nobody gains by an early one."""
    since = min(entry.event.occurred_at or entry.recorded_at, entry.recorded_at)
    rows.write(REMOVE, clinic=entry.clinic_id, sterilizer=entry.event.sterilizer_id, since=since)


@projects(SterilizerReturned)
async def return_sterilizer(rows: Rows, entry: Entry[SterilizerReturned]) -> None:
    rows.write(RETURN, clinic=entry.clinic_id, sterilizer=entry.event.sterilizer_id)


@projects(CycleRecorded)
async def keep_cycle(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    """Packs of a cycle are known from its record on, and usable from its release on."""
    cycle = entry.event
    rows.add(Cycle, clinic_id=entry.clinic_id, cycle_id=cycle.cycle_id, sterilizer_id=cycle.sterilizer_id, ended_at=cycle.ended_at)
    for pack in cycle.packs:
        rows.add(Pack, clinic_id=entry.clinic_id, pack_id=pack.pack_id, cycle_id=cycle.cycle_id, sterile_until=pack.sterile_until)


RELEASE = Write(
    update(Cycle).where(Cycle.clinic_id == bindparam("clinic"), Cycle.cycle_id == bindparam("cycle")).values(released_as=bindparam("basis"))
)


@projects(LoadReleased)
async def release_load(rows: Rows, entry: Entry[LoadReleased]) -> None:
    rows.write(RELEASE, clinic=entry.clinic_id, cycle=entry.event.cycle_id, basis=entry.event.basis)


def _hold(rows: Rows, entry: Entry[Event], held_by: UUID, kind: str, items: Iterable[UUID]) -> None:
    for item_id in items:
        rows.add(HeldItem, clinic_id=entry.clinic_id, item_id=item_id, held_by=held_by, kind=kind, held_at=entry.recorded_at)


@projects(PackQuarantined)
async def hold_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    _hold(rows, entry, entry.event.cause, "quarantine", entry.event.pack_ids)


@projects(LotQuarantined)
async def hold_lot(rows: Rows, entry: Entry[LotQuarantined]) -> None:
    _hold(rows, entry, entry.event.cause or entry.event_id, "quarantine", [entry.event.lot_id])


@projects(RecallOpened)
async def hold_recalled(rows: Rows, entry: Entry[RecallOpened]) -> None:
    """A recalled sterilizer holds its window's cycles and packs, not itself: what lies outside stays usable."""
    recall = entry.event
    subject = [] if recall.kind == "sterilizer" else [recall.subject_id]
    _hold(rows, entry, recall.recall_id, "recall", [*subject, *recall.cycle_ids, *recall.pack_ids])


@projects(ExposureFound)
async def hold_found(rows: Rows, entry: Entry[ExposureFound]) -> None:
    found = entry.event
    _hold(rows, entry, found.recall_id, "recall", [*found.cycle_ids, *found.pack_ids])
