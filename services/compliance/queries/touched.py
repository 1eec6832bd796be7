"""Q2: every treatment a thing or a person touched, with the proof that nothing of a load or a lot is unaccounted for."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from events.transaction import View
from schemas.compliance import Touched, TouchedPage, TouchedQuestion, TouchedTreatment
from services.compliance.models import ExposureRow, LoadRow, MergeRow, TreatmentRow, UseRow
from services.compliance.queries.among import among
from services.compliance.queries.clients import persons
from services.compliance.queries.reach import Asked, Reach, Uses, accounts, answered_for, incomplete, reach_of, uses_of, within
from services.compliance.queries.record import ledger_head

MOST_LOADS = 50
"""Loads that are told one by one beside a page of treatments: a sterilizer runs as many in a week or two."""


async def touched_by(view: View, question: TouchedQuestion) -> Touched:
    """The whole answer as of the entries this service has projected, in as many statements for a thousand loads as for one."""
    head = await ledger_head(view)
    reach = await reach_of(view, question)
    uses = await uses_of(view, {**reach.asked, **answered_for(reach)})
    by = _touching(reach.asked, uses)
    query = select(TreatmentRow).where(TreatmentRow.clinic_id == view.clinic_id, among(TreatmentRow.treatment_id, by), *within(question))
    rows = (await view.rows.execute(query.order_by(TreatmentRow.started_at, TreatmentRow.treatment_id))).scalars().all()
    loads, lots = await accounts(view, reach, uses)
    return Touched(
        question=question,
        head=head,
        projected=view.size,
        treatments=await _treatments(view, rows, by),
        clients=await persons(view.rows, view.clinic_id, {row.client_id for row in rows}),
        loads=loads,
        lots=lots,
        complete=all(load.complete for load in loads) and all(lot.complete for lot in lots),
    )


async def touched_page(view: View, question: TouchedQuestion, limit: int, before: UUID | None = None) -> TouchedPage:
    """The newest treatments, or those before the one named, with how many there are; the proof is that of the whole answer."""
    head = await ledger_head(view)
    reach = await reach_of(view, question)
    counted = (
        select(func.count(), func.count(func.coalesce(MergeRow.into_client_id, TreatmentRow.client_id).distinct()))
        .select_from(TreatmentRow)
        .outerjoin(MergeRow, and_(MergeRow.clinic_id == TreatmentRow.clinic_id, MergeRow.client_id == TreatmentRow.client_id))
        .where(*_reached(view, reach))
    )
    count, clients = (await view.rows.execute(counted)).one()
    treatments, more = await newest_touched(view, reach, limit, before)
    uses = await uses_of(view, answered_for(reach))
    unclear = incomplete(reach, uses)
    loads, lots = await accounts(view, _first_to_see(reach, uses, unclear, treatments), uses)
    return TouchedPage(
        question=question,
        head=head,
        projected=view.size,
        treatments=treatments,
        count=count,
        clients=clients,
        before=treatments[-1].treatment_id if more else None,
        loads=loads,
        load_count=len(reach.loads),
        lots=lots,
        complete=not unclear and all(lot.complete for lot in lots),
    )


async def newest_touched(view: View, reach: Reach, limit: int, before: UUID | None) -> tuple[tuple[TouchedTreatment, ...], bool]:
    """Up to so many treatments, the newest first, and whether there are earlier ones."""
    place = tuple_(TreatmentRow.started_at, TreatmentRow.treatment_id)
    query = select(TreatmentRow).where(*_reached(view, reach))
    if before is not None:
        last = select(TreatmentRow.started_at, TreatmentRow.treatment_id).where(
            TreatmentRow.clinic_id == view.clinic_id, TreatmentRow.treatment_id == before
        )
        found = (await view.rows.execute(last)).one_or_none()
        if found is None:
            return (), False
        query = query.where(place < tuple_(*found))
    query = query.order_by(TreatmentRow.started_at.desc(), TreatmentRow.treatment_id.desc()).limit(limit + 1)
    rows = (await view.rows.execute(query)).scalars().all()
    shown = rows[:limit]
    used = select(UseRow.treatment_id, UseRow.subject_id).where(
        UseRow.clinic_id == view.clinic_id, among(UseRow.treatment_id, [row.treatment_id for row in shown]), _by(reach.asked)
    )
    by: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for treatment, subject in (await view.rows.execute(used)).all():
        by[treatment].add(subject)
    return await _treatments(view, shown, by), len(rows) > limit


def _by(asked: Asked) -> ColumnElement[bool]:
    """Whether a use is one of those that are asked about."""
    return or_(*(and_(UseRow.kind == kind, among(UseRow.subject_id, subjects)) for kind, subjects in asked.items()))


def _reached(view: View, reach: Reach) -> list[ColumnElement[bool]]:
    """Whether a treatment belongs to the answer."""
    reached = select(UseRow.treatment_id).where(UseRow.clinic_id == view.clinic_id, _by(reach.asked))
    return [TreatmentRow.clinic_id == view.clinic_id, TreatmentRow.treatment_id.in_(reached), *within(reach.question)]


def _first_to_see(reach: Reach, uses: Uses, unclear: Collection[UUID], treatments: Sequence[TouchedTreatment]) -> Reach:
    """With those loads only: what is not accounted for, then what the treatments shown come from, then the newest."""
    shown = {treatment.treatment_id for treatment in treatments}

    def rank(load: LoadRow) -> tuple[bool, bool]:
        cycle = load.cycle_id
        used = (uses["cycle"].get(cycle, ()), *(uses["pack"].get(pack, ()) for pack in reach.packs[cycle]))
        return cycle not in unclear, all(shown.isdisjoint(some) for some in used)

    newest_first = reach.loads[::-1]
    loads = sorted(newest_first, key=rank)[:MOST_LOADS]
    return replace(reach, loads=loads, packs={load.cycle_id: reach.packs[load.cycle_id] for load in loads})


def _touching(asked: Asked, uses: Uses) -> dict[UUID, set[UUID]]:
    """Of each treatment touched, by which ids."""
    by: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for kind, subjects in asked.items():
        for subject in subjects:
            for treatment in uses[kind].get(subject, ()):
                by[treatment].add(subject)
    return by


async def _treatments(view: View, rows: Sequence[TreatmentRow], by: Mapping[UUID, Collection[UUID]]) -> tuple[TouchedTreatment, ...]:
    exposed = select(ExposureRow.treatment_id, ExposureRow.recall_id).where(
        ExposureRow.clinic_id == view.clinic_id, among(ExposureRow.treatment_id, [row.treatment_id for row in rows])
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
        for row in rows
    )
