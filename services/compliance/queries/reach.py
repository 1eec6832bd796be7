"""What a question about a thing reaches: its loads, their packs, its units, the treatments of each, and where they all went."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from events.transaction import View
from schemas.compliance import LoadAccount, LotAccount, Subject, TouchedQuestion
from services.compliance.models import LoadRow, LotRow, PackRow, QuarantineRow, TreatmentRow, UnitRow, UseRow
from services.compliance.queries.among import among
from services.compliance.queries.clients import records_of
from services.compliance.rules.accounting import account_for_load, account_for_lot, is_accounted_for

Asked = Mapping[Subject, Collection[UUID]]
"""Ids, by what they are."""

Uses = Mapping[Subject, Mapping[UUID, Collection[UUID]]]
"""The treatments of each of them."""


@dataclass(frozen=True, slots=True)
class Reach:
    """A question with what has to be known to answer it."""

    question: TouchedQuestion
    asked: Asked
    """By what a treatment is touched: the thing itself, its loads, their packs, its units."""
    loads: Sequence[LoadRow]
    packs: Mapping[UUID, Sequence[UUID]]
    """Of each load."""
    units: Mapping[UUID, bool]
    """Of a lot; whether they were wasted."""


async def reach_of(view: View, question: TouchedQuestion) -> Reach:
    """In as many statements for a thousand loads as for one."""
    loads = await _loads(view, question)
    packs = await _packs_of(view, [load.cycle_id for load in loads])
    units = await _units_of(view, [question.subject_id] if question.kind == "lot" else [])
    return Reach(question, await _asked(view, question, packs, units), loads, packs, units)


async def uses_of(view: View, asked: Asked) -> Uses:
    """The treatments of each subject."""
    return {kind: await _uses(view, kind, subjects) for kind, subjects in asked.items()}


async def accounts(view: View, reach: Reach, uses: Uses) -> tuple[tuple[LoadAccount, ...], tuple[LotAccount, ...]]:
    """Where everything of the loads and of the lot went. `uses`: of the packs, cycles, units and lots."""
    every = [pack for load in reach.packs.values() for pack in load]
    lots = [reach.question.subject_id] if reach.question.kind == "lot" else []
    held = await _held(view, [*every, *lots])
    found = [await _account_lot(view, lot, reach.units, uses, held) for lot in lots]
    loads = tuple(_account_load(load, reach.packs[load.cycle_id], uses, held) for load in reach.loads)
    return loads, tuple(account for account in found if account is not None)


def incomplete(reach: Reach, uses: Uses) -> frozenset[UUID]:
    """The loads of which not everything is accounted for."""
    return frozenset(
        cycle
        for cycle, packs in reach.packs.items()
        if not is_accounted_for(labeled=packs, uses=uses["pack"], naming=uses["cycle"].get(cycle, ()))
    )


def answered_for(reach: Reach) -> Asked:
    """What the accounts are made of: what a pack's load has to answer for is more than what was asked about."""
    every = [pack for load in reach.packs.values() for pack in load]
    batches: Asked = {"cycle": reach.packs.keys(), "pack": every} if reach.packs else {}
    return {**reach.asked, **batches} if reach.question.kind == "lot" else batches


def within(question: TouchedQuestion) -> list[ColumnElement[bool]]:
    """Whether a treatment started in the window that is asked about."""
    said: list[ColumnElement[bool]] = []
    if question.begins_at is not None:
        said.append(TreatmentRow.started_at >= question.begins_at)
    if question.until is not None:
        said.append(TreatmentRow.started_at < question.until)
    return said


async def _loads(view: View, question: TouchedQuestion) -> Sequence[LoadRow]:
    """The loads that are asked about: the cycle's own, the pack's, or those of a sterilizer that have to do with the window."""
    query = select(LoadRow).where(LoadRow.clinic_id == view.clinic_id).order_by(LoadRow.started_at, LoadRow.cycle_id)
    match question.kind:
        case "cycle":
            query = query.where(LoadRow.cycle_id == question.subject_id)
        case "pack":
            cycles = select(PackRow.cycle_id).where(PackRow.clinic_id == view.clinic_id, PackRow.pack_id == question.subject_id)
            query = query.where(LoadRow.cycle_id.in_(cycles))
        case "sterilizer":
            query = query.where(LoadRow.sterilizer_id == question.subject_id)
            if question.until is not None:
                query = query.where(LoadRow.started_at < question.until)
            if question.begins_at is not None:
                query = query.where(_run_or_used_since(view, question.begins_at, question.until))
        case _:
            return ()
    return (await view.rows.execute(query)).scalars().all()


def _run_or_used_since(view: View, begins_at: datetime, until: datetime | None) -> ColumnElement[bool]:
    """Whether a load was run in the window, or a treatment of the window names it or used one of its packs, however old it is."""
    used = (
        select(UseRow.subject_id)
        .join(TreatmentRow, (TreatmentRow.clinic_id == UseRow.clinic_id) & (TreatmentRow.treatment_id == UseRow.treatment_id))
        .where(UseRow.clinic_id == view.clinic_id, TreatmentRow.started_at >= begins_at)
    )
    if until is not None:
        used = used.where(TreatmentRow.started_at < until)
    packed = select(PackRow.cycle_id).where(PackRow.clinic_id == view.clinic_id, PackRow.pack_id.in_(used.where(UseRow.kind == "pack")))
    return or_(
        LoadRow.started_at >= begins_at,
        LoadRow.cycle_id.in_(used.where(UseRow.kind == "cycle")),
        LoadRow.cycle_id.in_(packed),
    )


async def _packs_of(view: View, cycles: Collection[UUID]) -> dict[UUID, list[UUID]]:
    query = select(PackRow.cycle_id, PackRow.pack_id).where(PackRow.clinic_id == view.clinic_id, among(PackRow.cycle_id, cycles))
    packs: dict[UUID, list[UUID]] = {cycle: [] for cycle in cycles}
    for cycle, pack in (await view.rows.execute(query)).all():
        packs[cycle].append(pack)
    return packs


async def _units_of(view: View, lots: Collection[UUID]) -> dict[UUID, bool]:
    """Every cartridge unit known of the lots, and whether it was wasted."""
    query = select(UnitRow.unit_id, UnitRow.wasted).where(UnitRow.clinic_id == view.clinic_id, among(UnitRow.lot_id, lots))
    return {unit: wasted for unit, wasted in (await view.rows.execute(query)).all()}  # noqa: C416 - rows are no pairs to mypy


async def _uses(view: View, kind: Subject, subjects: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The treatments of each subject."""
    query = select(UseRow.subject_id, UseRow.treatment_id).where(
        UseRow.clinic_id == view.clinic_id, UseRow.kind == kind, among(UseRow.subject_id, subjects)
    )
    uses: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for subject, treatment in (await view.rows.execute(query)).all():
        uses[subject].add(treatment)
    return uses


async def _asked(view: View, question: TouchedQuestion, packs: Mapping[UUID, Sequence[UUID]], units: Mapping[UUID, bool]) -> Asked:
    """By what a treatment is touched: the thing itself, its loads, their packs, its units."""
    match question.kind:
        case "sterilizer":
            return {"cycle": packs.keys(), "pack": [pack for load in packs.values() for pack in load]}
        case "cycle":
            return {"cycle": [question.subject_id], "pack": [pack for load in packs.values() for pack in load]}
        case "lot":
            return {"lot": [question.subject_id], "cartridge": units.keys()}
        case "client":
            return {"client": await records_of(view.rows, view.clinic_id, question.subject_id)}
        case kind:
            return {kind: [question.subject_id]}


def _account_load(load: LoadRow, packs: Sequence[UUID], uses: Uses, held: Collection[UUID]) -> LoadAccount:
    return account_for_load(
        load.cycle_id,
        load.sterilizer_id,
        load.index,
        labeled=packs,
        uses=uses["pack"],
        naming=uses["cycle"].get(load.cycle_id, ()),
        held=held,
    )


async def _account_lot(view: View, lot_id: UUID, units: Mapping[UUID, bool], uses: Uses, held: Collection[UUID]) -> LotAccount | None:
    query = select(LotRow.received).where(LotRow.clinic_id == view.clinic_id, LotRow.lot_id == lot_id)
    received = (await view.rows.execute(query)).scalar_one_or_none()
    if received is None:
        return None
    return account_for_lot(
        lot_id,
        received=received,
        uses=uses["cartridge"],
        wasted=[unit for unit, wasted in units.items() if wasted],
        naming=uses["lot"].get(lot_id, ()),
        quarantined=lot_id in held,
    )


async def _held(view: View, items: Collection[UUID]) -> frozenset[UUID]:
    query = select(QuarantineRow.item_id).where(QuarantineRow.clinic_id == view.clinic_id, among(QuarantineRow.item_id, items))
    return frozenset((await view.rows.execute(query)).scalars())
