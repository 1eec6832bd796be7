"""Sterilizers, cycles, indicators and packs follow the ledger."""

from uuid import UUID

from sqlalchemy import func, select, update

from events.catalog.hygiene import (
    CycleRecorded,
    IndicatorRead,
    LoadReleased,
    PackQuarantined,
    SterilizerCommissioned,
    SterilizerRemoved,
    SterilizerReturned,
)
from events.envelope import Entry
from events.tables import Rows
from services.hygiene.models import Indicator, ItemUse, Outage, Pack, SterilizationCycle, Sterilizer
from services.hygiene.projectors.rows import projects, put, put_all

_WEIGHT = ("none", "pending", "invalid", "negative", "positive")
"""What several indicators of one cycle say together: one positive is positive, a negative outweighs an invalid one."""


@projects(SterilizerCommissioned)
async def commission(rows: Rows, entry: Entry[SterilizerCommissioned]) -> None:
    said = entry.event
    await put(
        rows,
        Sterilizer,
        clinic_id=entry.clinic_id,
        sterilizer_id=said.sterilizer_id,
        serial=said.serial,
        air_removal=said.air_removal,
        programs=list(said.programs),
        commissioned_at=said.occurred_at or entry.recorded_at,
        in_service=True,
        event_id=entry.event_id,
    )


@projects(SterilizerRemoved, SterilizerReturned)
async def move_in_or_out_of_service(rows: Rows, entry: Entry[SterilizerRemoved | SterilizerReturned]) -> None:
    said = entry.event
    removed = isinstance(said, SterilizerRemoved)
    await rows.execute(
        update(Sterilizer)
        .where(Sterilizer.clinic_id == entry.clinic_id, Sterilizer.sterilizer_id == said.sterilizer_id)
        .values(
            in_service=not removed,
            removed_at=(said.occurred_at or entry.recorded_at) if removed else None,
            removal_reason=said.reason if isinstance(said, SterilizerRemoved) else None,
        )
    )


@projects(SterilizerRemoved)
async def begin_outage(rows: Rows, entry: Entry[SterilizerRemoved]) -> None:
    said = entry.event
    seen_at = min(said.occurred_at or entry.recorded_at, entry.recorded_at)
    await put(rows, Outage, clinic_id=entry.clinic_id, sterilizer_id=said.sterilizer_id, event_id=entry.event_id, removed_at=seen_at)


@projects(SterilizerReturned)
async def end_outage(rows: Rows, entry: Entry[SterilizerReturned]) -> None:
    """It lasted until the last of the cycles that prove the return had ended, whatever was claimed."""
    said = entry.event
    claimed_at = min(said.occurred_at or entry.recorded_at, entry.recorded_at)
    proof = select(func.max(SterilizationCycle.ended_at)).where(
        SterilizationCycle.clinic_id == entry.clinic_id, SterilizationCycle.cycle_id.in_(said.evidence)
    )
    await rows.execute(
        update(Outage)
        .where(Outage.clinic_id == entry.clinic_id, Outage.sterilizer_id == said.sterilizer_id, Outage.returned_at.is_(None))
        .values(returned_at=func.greatest(claimed_at, proof.scalar_subquery()))
    )


@projects(CycleRecorded)
async def keep_cycle(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    said = entry.event
    new = await put(
        rows,
        SterilizationCycle,
        clinic_id=entry.clinic_id,
        cycle_id=said.cycle_id,
        sterilizer_id=said.sterilizer_id,
        cycle_number=said.cycle_number,
        program=said.program,
        purpose=said.purpose,
        started_at=said.started_at,
        ended_at=said.ended_at,
        external_indicator=said.external_indicator,
        internal_indicator=said.internal_indicator,
        mechanical=said.mechanical,
        indicator="pending" if said.indicator_product else "none",
        indicator_product=said.indicator_product,
        packs=len(said.packs),
        recall_ids=[],
        occurred_at=said.occurred_at,
        event_id=entry.event_id,
    )
    await _find_last_run(rows, entry.clinic_id, said.sterilizer_id)
    if not new or not said.packs:
        return
    ids = [pack.pack_id for pack in said.packs]
    found = select(ItemUse.item_id).where(ItemUse.clinic_id == entry.clinic_id, ItemUse.item_id.in_(ids))
    used = set(await rows.scalars(found))
    packs = [
        {
            "clinic_id": entry.clinic_id,
            "pack_id": pack.pack_id,
            "cycle_id": said.cycle_id,
            "contents": pack.contents,
            "sterile_until": pack.sterile_until,
            "released": False,
            "used": pack.pack_id in used,
        }
        for pack in said.packs
    ]
    await put_all(rows, Pack, packs)


@projects(LoadReleased)
async def release_packs(rows: Rows, entry: Entry[LoadReleased]) -> None:
    said = entry.event
    cycle = (SterilizationCycle.clinic_id == entry.clinic_id, SterilizationCycle.cycle_id == said.cycle_id)
    await rows.execute(update(SterilizationCycle).where(*cycle).values(released=said.basis, release_id=entry.event_id))
    await rows.execute(update(Pack).where(Pack.clinic_id == entry.clinic_id, Pack.cycle_id == said.cycle_id).values(released=True))


@projects(IndicatorRead)
async def weigh_indicator(rows: Rows, entry: Entry[IndicatorRead]) -> None:
    said = entry.event
    await put(
        rows,
        Indicator,
        clinic_id=entry.clinic_id,
        indicator_id=said.indicator_id,
        sterilizer_id=said.sterilizer_id,
        cycle_id=said.cycle_id,
        product=said.product,
        lot=said.indicator_lot,
        result=said.result,
        control_grew=said.control_grew,
        incubated_seconds=said.incubated_seconds,
        occurred_at=said.occurred_at,
        event_id=entry.event_id,
    )
    lighter = _WEIGHT[: _WEIGHT.index(said.result)]
    await rows.execute(
        update(SterilizationCycle)
        .where(
            SterilizationCycle.clinic_id == entry.clinic_id,
            SterilizationCycle.cycle_id == said.cycle_id,
            SterilizationCycle.indicator.in_(lighter),
        )
        .values(indicator=said.result)
    )
    await _find_last_run(rows, entry.clinic_id, said.sterilizer_id)


async def _find_last_run(rows: Rows, clinic_id: UUID, sterilizer_id: UUID) -> None:
    """The start of the last cycle whose indicator is not invalid: the days of the indicator calendar count from there."""
    last = select(func.max(SterilizationCycle.started_at)).where(
        SterilizationCycle.clinic_id == clinic_id,
        SterilizationCycle.sterilizer_id == sterilizer_id,
        SterilizationCycle.indicator.in_(["pending", "negative", "positive"]),
    )
    await rows.execute(
        update(Sterilizer)
        .where(Sterilizer.clinic_id == clinic_id, Sterilizer.sterilizer_id == sterilizer_id)
        .values(last_run_at=last.scalar_subquery())
    )


@projects(PackQuarantined)
async def hold_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    await rows.execute(
        update(Pack)
        .where(Pack.clinic_id == entry.clinic_id, Pack.pack_id.in_(entry.event.pack_ids), Pack.quarantined.is_(None))
        .values(quarantined=entry.event.reason, quarantine_id=entry.event_id)
    )
