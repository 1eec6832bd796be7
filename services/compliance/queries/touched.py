"""Q2: every treatment a thing or a person touched, with the proof that nothing of a load or a lot is unaccounted for."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select

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
from services.compliance.queries.clients import persons, records_of
from services.compliance.queries.record import ledger_head
from services.compliance.rules.accounting import account_for_load, account_for_lot


async def touched_by(view: View, question: TouchedQuestion) -> Touched:
    """The answer as of the entries this service has projected."""
    loads = await _loads(view, question)
    packs = await _packs_of(view, [load.cycle_id for load in loads])
    lots = [question.subject_id] if question.kind == "lot" else []
    units = await _units_of(view, lots)
    by = await _touching(view, question, packs, units)
    treatments = await _treatments(view, question, by)
    load_accounts = [await _account_load(view, load, packs[load.cycle_id]) for load in loads]
    lot_accounts = [account for lot in lots if (account := await _account_lot(view, lot, units)) is not None]
    return Touched(
        question=question,
        head=await ledger_head(view),
        projected=view.size,
        treatments=treatments,
        clients=await persons(view.rows, view.clinic_id, {treatment.client_id for treatment in treatments}),
        loads=tuple(load_accounts),
        lots=tuple(lot_accounts),
        complete=all(load.complete for load in load_accounts) and all(lot.complete for lot in lot_accounts),
    )


async def _loads(view: View, question: TouchedQuestion) -> Sequence[LoadRow]:
    """The loads that are asked about: the cycle's own, the pack's, or all of a sterilizer up to the end of the window."""
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
        case _:
            return ()
    return (await view.rows.execute(query)).scalars().all()


async def _packs_of(view: View, cycles: Collection[UUID]) -> dict[UUID, list[UUID]]:
    query = select(PackRow.cycle_id, PackRow.pack_id).where(PackRow.clinic_id == view.clinic_id, PackRow.cycle_id.in_(cycles))
    packs: dict[UUID, list[UUID]] = {cycle: [] for cycle in cycles}
    for cycle, pack in (await view.rows.execute(query)).all():
        packs[cycle].append(pack)
    return packs


async def _units_of(view: View, lots: Collection[UUID]) -> dict[UUID, bool]:
    """Every cartridge unit known of the lots, and whether it was wasted."""
    query = select(UnitRow.unit_id, UnitRow.wasted).where(UnitRow.clinic_id == view.clinic_id, UnitRow.lot_id.in_(lots))
    return {unit: wasted for unit, wasted in (await view.rows.execute(query)).all()}  # noqa: C416 - rows are no pairs to mypy


async def _uses(view: View, kind: Subject, subjects: Collection[UUID]) -> dict[UUID, set[UUID]]:
    """The treatments of each subject."""
    query = select(UseRow.subject_id, UseRow.treatment_id).where(
        UseRow.clinic_id == view.clinic_id, UseRow.kind == kind, UseRow.subject_id.in_(subjects)
    )
    uses: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for subject, treatment in (await view.rows.execute(query)).all():
        uses[subject].add(treatment)
    return uses


async def _touching(view: View, question: TouchedQuestion, packs: dict[UUID, list[UUID]], units: dict[UUID, bool]) -> dict[UUID, set[UUID]]:
    """Of each treatment touched, by which ids: the thing itself, its loads, their packs, its units."""
    if question.kind == "sterilizer":
        asked: list[tuple[Subject, Collection[UUID]]] = [
            ("cycle", packs.keys()),
            ("pack", [pack for load in packs.values() for pack in load]),
        ]
    elif question.kind == "cycle":
        asked = [("cycle", [question.subject_id]), ("pack", [pack for load in packs.values() for pack in load])]
    elif question.kind == "lot":
        asked = [("lot", [question.subject_id]), ("cartridge", units.keys())]
    elif question.kind == "client":
        asked = [("client", await records_of(view.rows, view.clinic_id, question.subject_id))]
    else:
        asked = [(question.kind, [question.subject_id])]
    by: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for kind, subjects in asked:
        for subject, treatments in (await _uses(view, kind, subjects)).items():
            for treatment in treatments:
                by[treatment].add(subject)
    return by


async def _treatments(view: View, question: TouchedQuestion, by: dict[UUID, set[UUID]]) -> tuple[TouchedTreatment, ...]:
    query = (
        select(TreatmentRow)
        .where(TreatmentRow.clinic_id == view.clinic_id, TreatmentRow.treatment_id.in_(by))
        .order_by(TreatmentRow.started_at, TreatmentRow.treatment_id)
    )
    if question.begins_at is not None:
        query = query.where(TreatmentRow.started_at >= question.begins_at)
    if question.until is not None:
        query = query.where(TreatmentRow.started_at < question.until)
    exposed = select(ExposureRow.treatment_id, ExposureRow.recall_id).where(
        ExposureRow.clinic_id == view.clinic_id, ExposureRow.treatment_id.in_(by)
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


async def _account_load(view: View, load: LoadRow, packs: Sequence[UUID]) -> LoadAccount:
    return account_for_load(
        load.cycle_id,
        load.sterilizer_id,
        load.index,
        labeled=packs,
        uses=await _uses(view, "pack", packs),
        naming=(await _uses(view, "cycle", [load.cycle_id])).get(load.cycle_id, ()),
        held=await _held(view, packs),
    )


async def _account_lot(view: View, lot_id: UUID, units: dict[UUID, bool]) -> LotAccount | None:
    query = select(LotRow.received).where(LotRow.clinic_id == view.clinic_id, LotRow.lot_id == lot_id)
    received = (await view.rows.execute(query)).scalar_one_or_none()
    if received is None:
        return None
    return account_for_lot(
        lot_id,
        received=received,
        uses=await _uses(view, "cartridge", units.keys()),
        wasted=[unit for unit, wasted in units.items() if wasted],
        naming=(await _uses(view, "lot", [lot_id])).get(lot_id, ()),
        quarantined=bool(await _held(view, [lot_id])),
    )


async def _held(view: View, items: Collection[UUID]) -> frozenset[UUID]:
    query = select(QuarantineRow.item_id).where(QuarantineRow.clinic_id == view.clinic_id, QuarantineRow.item_id.in_(items))
    return frozenset((await view.rows.execute(query)).scalars())
