"""The service's own facts: starts, ends, preparation, overrides."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.treatment import (
    CartridgeAdded,
    NumbingApplied,
    NumbingRemoved,
    RuleOverridden,
    SkinCleansed,
    TreatmentEnded,
    TreatmentEndMissing,
    TreatmentPaused,
    TreatmentRecordedLate,
    TreatmentResumed,
    TreatmentStarted,
    TreatmentStopAdvised,
)
from events.envelope import Entry
from events.tables import Rows
from schemas.vocabulary import AreaDepth
from services.treatment.models import Cleansing, Numbing, Override, Treatment, UsedItem
from services.treatment.projectors.following import projects


async def _use(rows: Rows, clinic_id: UUID, treatment_id: UUID, items: tuple[UUID, ...]) -> None:
    for item_id in items:
        new = insert(UsedItem).values(clinic_id=clinic_id, item_id=item_id, treatment_id=treatment_id)
        await rows.execute(new.on_conflict_do_nothing())


def _of(entry: Entry[Any]) -> tuple[Any, ...]:
    return (Treatment.clinic_id == entry.clinic_id, Treatment.treatment_id == entry.event.treatment_id)


def _depths(depths: tuple[AreaDepth, ...]) -> list[dict[str, Any]]:
    return [depth.model_dump(mode="json") for depth in depths]


def _shared(entry: Entry[TreatmentStarted] | Entry[TreatmentRecordedLate]) -> dict[str, Any]:
    """What a start and a treatment recorded late have in common."""
    said = entry.event
    return {
        "clinic_id": entry.clinic_id,
        "treatment_id": said.treatment_id,
        "event_id": entry.event_id,
        "booking_id": said.booking_id,
        "client_id": said.client_id,
        "practitioner_id": said.practitioner_id,
        "room_id": said.equipment.room_id,
        "handpiece_id": said.equipment.handpiece_id,
        "unit_ids": list(said.equipment.cartridge_unit_ids),
        "pack_ids": list(said.equipment.pack_ids),
        "lot_ids": list(said.lot_ids),
        "cycle_ids": list(said.cycle_ids),
        "modality": said.modality.value,
        "paused": False,
        "end_missing": False,
        "stop_causes": [],
        "end_findings": [],
        "findings": [finding.model_dump(mode="json") for finding in said.findings],
    }


@projects(TreatmentStarted)
async def begin_treatment(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    started = entry.event
    new = insert(Treatment).values(
        **_shared(entry),
        reprocessing_id=started.reprocessing_id,
        turnover_id=started.turnover_id,
        consent_id=started.consent_id,
        areas=[area.value for area in started.areas],
        max_depth_um=started.max_depth_um,
        planned_areas=[area.value for area in started.planned_areas],
        planned_depth_um=started.planned_depth_um,
        started_at=entry.recorded_at,
        planned_end_at=started.planned_end_at,
        late=False,
        needle_contact=bool(started.areas),
        depths=_depths(tuple(AreaDepth(area=area, depth_um=started.max_depth_um) for area in started.areas)),
    )
    await rows.execute(new)
    await _use(rows, entry.clinic_id, started.treatment_id, started.equipment.cartridge_unit_ids + started.equipment.pack_ids)


@projects(TreatmentRecordedLate)
async def keep_late_treatment(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    """It counts in full for spacing and look-back, at the time it happened."""
    late = entry.event
    depths = _depths(late.depths)
    deepest = max((depth.depth_um for depth in late.depths), default=0)
    areas = [depth.area.value for depth in late.depths]
    new = insert(Treatment).values(
        **_shared(entry),
        end_event_id=entry.event_id,
        areas=areas,
        max_depth_um=deepest,
        planned_areas=areas,
        planned_depth_um=deepest,
        started_at=late.started_at,
        planned_end_at=late.ended_at,
        late=True,
        ended_at=late.ended_at,
        needle_contact=late.needle_contact,
        depths=depths,
    )
    await rows.execute(new)
    await _use(rows, entry.clinic_id, late.treatment_id, late.equipment.cartridge_unit_ids + late.equipment.pack_ids)


@projects(TreatmentEnded)
async def end_treatment(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended = entry.event
    done = (
        update(Treatment)
        .where(*_of(entry))
        .values(
            ended_at=ended.ended_at,
            end_event_id=entry.event_id,
            needle_contact=ended.needle_contact,
            depths=_depths(ended.depths),
            end_findings=[finding.model_dump(mode="json") for finding in ended.findings],
            paused=False,
        )
    )
    await rows.execute(done)


@projects(CartridgeAdded)
async def add_cartridge(rows: Rows, entry: Entry[CartridgeAdded]) -> None:
    added = entry.event
    units = func.array_append(Treatment.unit_ids, added.unit_id)
    lots = func.array_append(Treatment.lot_ids, added.lot_id)
    await rows.execute(update(Treatment).where(*_of(entry)).values(unit_ids=units, lot_ids=lots))
    await _use(rows, entry.clinic_id, added.treatment_id, (added.unit_id,))


@projects(TreatmentPaused)
async def pause_treatment(rows: Rows, entry: Entry[TreatmentPaused]) -> None:
    await rows.execute(update(Treatment).where(*_of(entry)).values(paused=True))


@projects(TreatmentResumed)
async def resume_treatment(rows: Rows, entry: Entry[TreatmentResumed]) -> None:
    await rows.execute(update(Treatment).where(*_of(entry)).values(paused=False))


@projects(TreatmentEndMissing)
async def note_missing_end(rows: Rows, entry: Entry[TreatmentEndMissing]) -> None:
    await rows.execute(update(Treatment).where(*_of(entry)).values(end_missing=True))


@projects(TreatmentStopAdvised)
async def note_stop_advice(rows: Rows, entry: Entry[TreatmentStopAdvised]) -> None:
    causes = func.array_append(Treatment.stop_causes, entry.event.cause)
    await rows.execute(update(Treatment).where(*_of(entry)).values(stop_causes=causes))


@projects(SkinCleansed)
async def keep_cleansing(rows: Rows, entry: Entry[SkinCleansed]) -> None:
    cleansed = entry.event
    new = insert(Cleansing).values(
        clinic_id=entry.clinic_id,
        booking_id=cleansed.booking_id,
        event_id=entry.event_id,
        product=cleansed.product,
        occurred_at=min(cleansed.occurred_at, entry.recorded_at),
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(NumbingApplied)
async def keep_numbing(rows: Rows, entry: Entry[NumbingApplied]) -> None:
    applied = entry.event
    new = insert(Numbing).values(
        clinic_id=entry.clinic_id,
        numbing_id=applied.numbing_id,
        event_id=entry.event_id,
        booking_id=applied.booking_id,
        product=applied.product,
        lidocaine_permille=applied.lidocaine_permille,
        occluded=applied.occluded,
        prescriber_order=applied.prescriber_order,
        applied_at=applied.occurred_at,
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(NumbingRemoved)
async def note_removal(rows: Rows, entry: Entry[NumbingRemoved]) -> None:
    removed = entry.event
    of = (Numbing.clinic_id == entry.clinic_id, Numbing.numbing_id == removed.numbing_id)
    await rows.execute(update(Numbing).where(*of).values(removed_at=removed.occurred_at, removed_event_id=entry.event_id))


@projects(RuleOverridden)
async def keep_override(rows: Rows, entry: Entry[RuleOverridden]) -> None:
    overridden = entry.event
    new = insert(Override).values(
        clinic_id=entry.clinic_id,
        override_id=overridden.override_id,
        event_id=entry.event_id,
        booking_id=overridden.booking_id,
        rule=overridden.rule,
        reason=overridden.reason,
        role=entry.actor.role.value,
        valid_until=overridden.valid_until,
    )
    await rows.execute(new.on_conflict_do_nothing())
