"""Sterilizers, cycles, indicators and packs follow the ledger."""

from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, false, func, select, update
from sqlalchemy.dialects.postgresql import array, insert

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
from events.tables import Rows, Write
from services.hygiene.models import Indicator, ItemUse, Outage, Pack, SterilizationCycle, Sterilizer
from services.hygiene.projectors.rows import projects

_WEIGHT = ("none", "pending", "invalid", "negative", "positive")
"""What several indicators of one cycle say together: one positive is positive, a negative outweighs an invalid one."""

_OF_STERILIZER = (Sterilizer.clinic_id == bindparam("clinic"), Sterilizer.sterilizer_id == bindparam("sterilizer"))
_OF_CYCLE = (SterilizationCycle.clinic_id == bindparam("clinic"), SterilizationCycle.cycle_id == bindparam("cycle"))
_OF_PACK = (Pack.clinic_id == bindparam("clinic"), Pack.pack_id == bindparam("pack"))

MOVE = Write(
    update(Sterilizer)
    .where(*_OF_STERILIZER)
    .values(in_service=bindparam("stays"), removed_at=bindparam("at"), removal_reason=bindparam("reason"))
)
_PROOF = select(func.max(SterilizationCycle.ended_at)).where(
    SterilizationCycle.clinic_id == bindparam("clinic"), SterilizationCycle.cycle_id == any_(bindparam("evidence", type_=ARRAY(Uuid())))
)
END_OUTAGE = Write(
    update(Outage)
    .where(Outage.clinic_id == bindparam("clinic"), Outage.sterilizer_id == bindparam("sterilizer"), Outage.returned_at.is_(None))
    .values(returned_at=func.greatest(bindparam("claimed_at"), _PROOF.scalar_subquery()))
)
_LAST = select(func.max(SterilizationCycle.started_at)).where(
    SterilizationCycle.clinic_id == bindparam("clinic"),
    SterilizationCycle.sterilizer_id == bindparam("sterilizer"),
    SterilizationCycle.indicator == any_(array(["pending", "negative", "positive"])),
)
FIND_LAST_RUN = Write(update(Sterilizer).where(*_OF_STERILIZER).values(last_run_at=_LAST.scalar_subquery()))
"""The start of the last cycle whose indicator is not invalid: the days of the indicator calendar count from there."""

_USED = select(ItemUse.item_id).where(ItemUse.clinic_id == bindparam("clinic"), ItemUse.item_id == bindparam("pack"))
KEEP_PACK = Write(
    insert(Pack)
    .from_select(
        ["clinic_id", "pack_id", "cycle_id", "contents", "sterile_until", "released", "used"],
        select(
            bindparam("clinic", type_=Uuid()),
            bindparam("pack", type_=Uuid()),
            bindparam("cycle", type_=Uuid()),
            bindparam("contents", type_=Pack.contents.type),
            bindparam("sterile_until", type_=Pack.sterile_until.type),
            false(),
            _USED.exists(),
        ).where(*_OF_CYCLE, SterilizationCycle.event_id == bindparam("event")),
    )
    .on_conflict_do_nothing()
)
"""If the cycle is this entry's, and not one that was recorded before under the same id."""

RELEASE_CYCLE = Write(update(SterilizationCycle).where(*_OF_CYCLE).values(released=bindparam("basis"), release_id=bindparam("event")))
RELEASE_PACKS = Write(update(Pack).where(Pack.clinic_id == bindparam("clinic"), Pack.cycle_id == bindparam("cycle")).values(released=True))
WEIGH = Write(
    update(SterilizationCycle)
    .where(*_OF_CYCLE, SterilizationCycle.indicator == any_(bindparam("lighter", type_=ARRAY(Text()))))
    .values(indicator=bindparam("result"))
)
HOLD_PACK = Write(
    update(Pack).where(*_OF_PACK, Pack.quarantined.is_(None)).values(quarantined=bindparam("reason"), quarantine_id=bindparam("event"))
)


@projects(SterilizerCommissioned)
async def commission(rows: Rows, entry: Entry[SterilizerCommissioned]) -> None:
    said = entry.event
    rows.add(
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


@projects(SterilizerRemoved)
async def begin_outage(rows: Rows, entry: Entry[SterilizerRemoved]) -> None:
    said = entry.event
    said_at = said.occurred_at or entry.recorded_at
    rows.write(MOVE, clinic=entry.clinic_id, sterilizer=said.sterilizer_id, stays=False, at=said_at, reason=said.reason)
    rows.add(
        Outage,
        clinic_id=entry.clinic_id,
        sterilizer_id=said.sterilizer_id,
        event_id=entry.event_id,
        removed_at=min(said_at, entry.recorded_at),
    )


@projects(SterilizerReturned)
async def end_outage(rows: Rows, entry: Entry[SterilizerReturned]) -> None:
    """It lasted until the last of the cycles that prove the return had ended, whatever was claimed."""
    said = entry.event
    this = {"clinic": entry.clinic_id, "sterilizer": said.sterilizer_id}
    rows.write(MOVE, **this, stays=True, at=None, reason=None)
    claimed_at = min(said.occurred_at or entry.recorded_at, entry.recorded_at)
    rows.write(END_OUTAGE, **this, claimed_at=claimed_at, evidence=list(said.evidence))


@projects(CycleRecorded)
async def keep_cycle(rows: Rows, entry: Entry[CycleRecorded]) -> None:
    said = entry.event
    rows.add(
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
    rows.write(FIND_LAST_RUN, clinic=entry.clinic_id, sterilizer=said.sterilizer_id)
    for pack in said.packs:
        label = {"pack": pack.pack_id, "contents": pack.contents, "sterile_until": pack.sterile_until}
        rows.write(KEEP_PACK, clinic=entry.clinic_id, cycle=said.cycle_id, event=entry.event_id, **label)


@projects(LoadReleased)
async def release_packs(rows: Rows, entry: Entry[LoadReleased]) -> None:
    said = entry.event
    rows.write(RELEASE_CYCLE, clinic=entry.clinic_id, cycle=said.cycle_id, basis=said.basis, event=entry.event_id)
    rows.write(RELEASE_PACKS, clinic=entry.clinic_id, cycle=said.cycle_id)


@projects(IndicatorRead)
async def weigh_indicator(rows: Rows, entry: Entry[IndicatorRead]) -> None:
    said = entry.event
    rows.add(
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
    lighter = list(_WEIGHT[: _WEIGHT.index(said.result)])
    rows.write(WEIGH, clinic=entry.clinic_id, cycle=said.cycle_id, lighter=lighter, result=said.result)
    rows.write(FIND_LAST_RUN, clinic=entry.clinic_id, sterilizer=said.sterilizer_id)


@projects(PackQuarantined)
async def hold_packs(rows: Rows, entry: Entry[PackQuarantined]) -> None:
    for pack_id in entry.event.pack_ids:
        rows.write(HOLD_PACK, clinic=entry.clinic_id, pack=pack_id, reason=entry.event.reason, event=entry.event_id)
