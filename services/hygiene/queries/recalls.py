"""Recalls and the look-back on clients."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select

from events.transaction import View
from schemas.hygiene import (
    RecallExposure,
    RecallSheet,
)
from services.hygiene import models
from services.hygiene.models import Recall, SterilizationCycle


async def recalls(view: View, recall_id: UUID | None = None, about: Collection[UUID] | None = None) -> tuple[RecallSheet, ...]:
    """Recalls with their look-back lists, the newest first: the last hundred, the one asked for, or those of some things."""
    query = select(Recall).where(Recall.clinic_id == view.clinic_id)
    if recall_id is not None:
        query = query.where(Recall.recall_id == recall_id)
    if about is not None:
        query = query.where(Recall.subject_id.in_(about))
    found = (await view.rows.scalars(query.order_by(Recall.opened_at.desc()).limit(100))).all()
    ids = [recall.recall_id for recall in found]
    exposures = await _exposures(view, ids)
    cycles = await _cycles_of(view, ids)
    return tuple(_recall(recall, exposures.get(recall.recall_id, []), cycles.get(recall.recall_id, [])) for recall in found)


async def _exposures(view: View, recall_ids: Sequence[UUID]) -> dict[UUID, list[RecallExposure]]:
    table = models.RecallExposure
    query = select(table).where(table.clinic_id == view.clinic_id, table.recall_id.in_(recall_ids))
    found: defaultdict[UUID, list[RecallExposure]] = defaultdict(list)
    for row in await view.rows.scalars(query.order_by(table.recall_id, table.treatment_id, table.item_id)):
        exposure = RecallExposure(treatment_id=row.treatment_id, client_id=row.client_id, item_id=row.item_id, found_late=row.found_late)
        found[row.recall_id].append(exposure)
    return found


async def _cycles_of(view: View, recall_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    query = select(SterilizationCycle.cycle_id, SterilizationCycle.recall_ids).where(
        SterilizationCycle.clinic_id == view.clinic_id,
        SterilizationCycle.recall_ids != [],
        SterilizationCycle.recall_ids.overlap(list(recall_ids)),
    )
    found: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for cycle_id, of in await view.rows.execute(query.order_by(SterilizationCycle.started_at)):
        for recall_id in of:
            found[recall_id].append(cycle_id)
    return found


def _recall(recall: Recall, exposures: list[RecallExposure], cycle_ids: list[UUID]) -> RecallSheet:
    return RecallSheet(
        recall_id=recall.recall_id,
        kind=cast("Any", recall.kind),
        subject_id=recall.subject_id,
        cause=recall.cause,
        window_from=recall.window_from,
        window_until=recall.window_until,
        opened_at=recall.opened_at,
        decision=cast("Any", recall.decision),
        decide_by=recall.decide_by,
        cycle_ids=tuple(cycle_ids),
        pack_ids=tuple(recall.pack_ids),
        client_ids=tuple(sorted({exposure.client_id for exposure in exposures})),
        exposures=tuple(exposures),
    )
