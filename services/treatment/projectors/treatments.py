"""The service's own facts: starts, ends, preparation, overrides."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, update

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
from events.tables import Rows, Write
from schemas.vocabulary import AreaDepth
from services.treatment.models import Cleansing, Numbing, Override, Treatment, UsedItem
from services.treatment.projectors.following import projects


def _use(rows: Rows, clinic_id: UUID, treatment_id: UUID, items: tuple[UUID, ...]) -> None:
    for item_id in items:
        rows.add(UsedItem, clinic_id=clinic_id, item_id=item_id, treatment_id=treatment_id)


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
    rows.add(
        Treatment,
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
    _use(rows, entry.clinic_id, started.treatment_id, started.equipment.cartridge_unit_ids + started.equipment.pack_ids)


@projects(TreatmentRecordedLate)
async def keep_late_treatment(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    """It counts in full for spacing and look-back, at the time it happened."""
    late = entry.event
    depths = _depths(late.depths)
    deepest = max((depth.depth_um for depth in late.depths), default=0)
    areas = [depth.area.value for depth in late.depths]
    rows.add(
        Treatment,
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
    _use(rows, entry.clinic_id, late.treatment_id, late.equipment.cartridge_unit_ids + late.equipment.pack_ids)


_OF_TREATMENT = (Treatment.clinic_id == bindparam("clinic"), Treatment.treatment_id == bindparam("treatment"))
END = Write(
    update(Treatment)
    .where(*_OF_TREATMENT)
    .values(
        ended_at=bindparam("at"),
        end_event_id=bindparam("event"),
        needle_contact=bindparam("contact"),
        depths=bindparam("reached"),
        end_findings=bindparam("found"),
        paused=False,
    )
)
ADD_UNIT = Write(
    update(Treatment)
    .where(*_OF_TREATMENT)
    .values(
        unit_ids=func.array_append(Treatment.unit_ids, bindparam("unit")), lot_ids=func.array_append(Treatment.lot_ids, bindparam("lot"))
    )
)
PAUSE = Write(update(Treatment).where(*_OF_TREATMENT).values(paused=bindparam("now")))
MISS_END = Write(update(Treatment).where(*_OF_TREATMENT).values(end_missing=True))
ADVISE_STOP = Write(
    update(Treatment).where(*_OF_TREATMENT).values(stop_causes=func.array_append(Treatment.stop_causes, bindparam("cause")))
)


def _this(entry: Entry[Any]) -> dict[str, UUID]:
    return {"clinic": entry.clinic_id, "treatment": entry.event.treatment_id}


@projects(TreatmentEnded)
async def end_treatment(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    ended = entry.event
    rows.write(
        END,
        **_this(entry),
        at=ended.ended_at,
        event=entry.event_id,
        contact=ended.needle_contact,
        reached=_depths(ended.depths),
        found=[finding.model_dump(mode="json") for finding in ended.findings],
    )


@projects(CartridgeAdded)
async def add_cartridge(rows: Rows, entry: Entry[CartridgeAdded]) -> None:
    added = entry.event
    rows.write(ADD_UNIT, **_this(entry), unit=added.unit_id, lot=added.lot_id)
    _use(rows, entry.clinic_id, added.treatment_id, (added.unit_id,))


@projects(TreatmentPaused)
async def pause_treatment(rows: Rows, entry: Entry[TreatmentPaused]) -> None:
    rows.write(PAUSE, **_this(entry), now=True)


@projects(TreatmentResumed)
async def resume_treatment(rows: Rows, entry: Entry[TreatmentResumed]) -> None:
    rows.write(PAUSE, **_this(entry), now=False)


@projects(TreatmentEndMissing)
async def note_missing_end(rows: Rows, entry: Entry[TreatmentEndMissing]) -> None:
    rows.write(MISS_END, **_this(entry))


@projects(TreatmentStopAdvised)
async def note_stop_advice(rows: Rows, entry: Entry[TreatmentStopAdvised]) -> None:
    rows.write(ADVISE_STOP, **_this(entry), cause=entry.event.cause)


@projects(SkinCleansed)
async def keep_cleansing(rows: Rows, entry: Entry[SkinCleansed]) -> None:
    cleansed = entry.event
    rows.add(
        Cleansing,
        clinic_id=entry.clinic_id,
        booking_id=cleansed.booking_id,
        event_id=entry.event_id,
        product=cleansed.product,
        occurred_at=min(cleansed.occurred_at, entry.recorded_at),
    )


@projects(NumbingApplied)
async def keep_numbing(rows: Rows, entry: Entry[NumbingApplied]) -> None:
    applied = entry.event
    rows.add(
        Numbing,
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


REMOVE = Write(
    update(Numbing)
    .where(Numbing.clinic_id == bindparam("clinic"), Numbing.numbing_id == bindparam("numbing"))
    .values(removed_at=bindparam("at"), removed_event_id=bindparam("event"))
)


@projects(NumbingRemoved)
async def note_removal(rows: Rows, entry: Entry[NumbingRemoved]) -> None:
    removed = entry.event
    rows.write(REMOVE, clinic=entry.clinic_id, numbing=removed.numbing_id, at=removed.occurred_at, event=entry.event_id)


@projects(RuleOverridden)
async def keep_override(rows: Rows, entry: Entry[RuleOverridden]) -> None:
    overridden = entry.event
    rows.add(
        Override,
        clinic_id=entry.clinic_id,
        override_id=overridden.override_id,
        event_id=entry.event_id,
        booking_id=overridden.booking_id,
        rule=overridden.rule,
        reason=overridden.reason,
        role=entry.actor.role.value,
        valid_until=overridden.valid_until,
    )
