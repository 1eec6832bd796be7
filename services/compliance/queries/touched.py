"""Q2: every treatment a thing or a person touched, with the proof that nothing of a load or a lot is unaccounted for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from events.transaction import View
from schemas.compliance import LoadAccount, LotAccount, Subject, Touched, TouchedQuestion, TouchedTreatment
from services.compliance.models import (
    ExposureRow,
    LoadRow,
    LotRow,
    PackRow,
    QuarantineRow,
    TreatmentRow,
    UnitRow,
    UseRow,
)
from services.compliance.queries.among import among
from services.compliance.queries.clients import persons, records_of
from services.compliance.queries.record import ledger_head
from services.compliance.rules.accounting import account_for_load, account_for_lot

Asked = Mapping[Subject, Collection[UUID]]
"""Ids, by what they are."""

Uses = Mapping[Subject, Mapping[UUID, Collection[UUID]]]
"""The treatments of each of them."""


async def touched_by(view: View, question: TouchedQuestion) -> Touched:
    """The answer as of the entries this service has projected, in as many statements for a thousand loads as for one."""
    head = await ledger_head(view)
    loads = await _loads(view, question)
    packs = await _packs_of(view, [load.cycle_id for load in loads])
    every = [pack for load in packs.values() for pack in load]
    lots = [question.subject_id] if question.kind == "lot" else []
    units = await _units_of(view, lots)
    asked = await _asked(view, question, packs, units)
    # What a pack's load has to answer for is more than what was asked about.
    wanted: Asked = {**asked, "cycle": packs.keys(), "pack": every} if packs else asked
    uses: Uses = {kind: await _uses(view, kind, subjects) for kind, subjects in wanted.items()}
    held = await _held(view, [*every, *lots])
    treatments = await _treatments(view, question, _touching(asked, uses))
    clients = await persons(view.rows, view.clinic_id, {treatment.client_id for treatment in treatments})
    lot_accounts = [account for lot in lots if (account := await _account_lot(view, lot, units, uses, held)) is not None]
    load_accounts = [_account_load(load, packs[load.cycle_id], uses, held) for load in loads]
    return Touched(
        question=question,
        head=head,
        projected=view.size,
        treatments=treatments,
        clients=clients,
        loads=tuple(load_accounts),
        lots=tuple(lot_accounts),
        complete=all(load.complete for load in load_accounts) and all(lot.complete for lot in lot_accounts),
    )


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


def _touching(asked: Asked, uses: Uses) -> dict[UUID, set[UUID]]:
    """Of each treatment touched, by which ids."""
    by: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for kind, subjects in asked.items():
        for subject in subjects:
            for treatment in uses[kind].get(subject, ()):
                by[treatment].add(subject)
    return by


async def _treatments(view: View, question: TouchedQuestion, by: dict[UUID, set[UUID]]) -> tuple[TouchedTreatment, ...]:
    query = (
        select(TreatmentRow)
        .where(TreatmentRow.clinic_id == view.clinic_id, among(TreatmentRow.treatment_id, by))
        .order_by(TreatmentRow.started_at, TreatmentRow.treatment_id)
    )
    if question.begins_at is not None:
        query = query.where(TreatmentRow.started_at >= question.begins_at)
    if question.until is not None:
        query = query.where(TreatmentRow.started_at < question.until)
    exposed = select(ExposureRow.treatment_id, ExposureRow.recall_id).where(
        ExposureRow.clinic_id == view.clinic_id, among(ExposureRow.treatment_id, by)
    )
    recalls: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for treatment, recall in (await view.rows.execute(exposed)).all():
        recalls[treatment].add(recall)
    return tuple(
        TouchedTreatment(
            treatment_id=row.treatment_id,
            client_id=row.client_id,
            booking_id=row.booking_id,
            practitioner_id=row.practitioner_id,
            started_at=row.started_at,
            needle_contact=row.needle_contact,
            recorded_late=row.recorded_late,
            index=row.index,
            by=tuple(sorted(by[row.treatment_id])),
            recall_ids=tuple(sorted(recalls[row.treatment_id])),
        )
        for row in (await view.rows.execute(query)).scalars()
    )


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
