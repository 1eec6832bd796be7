"""Recalls and their look-back lists follow the ledger. Nothing is ever taken off a list."""

from uuid import UUID

from sqlalchemy import func, select, update

from events.catalog.hygiene import Exposure, ExposureFound, RecallDecided, RecallOpened
from events.envelope import Entry
from events.tables import Rows
from services.hygiene.models import Recall, RecallExposure, SterilizationCycle
from services.hygiene.projectors.rows import projects, put, put_all


@projects(RecallOpened)
async def open_recall(rows: Rows, entry: Entry[RecallOpened]) -> None:
    said = entry.event
    await put(
        rows,
        Recall,
        clinic_id=entry.clinic_id,
        recall_id=said.recall_id,
        kind=said.kind,
        subject_id=said.subject_id,
        cause=said.cause,
        window_from=said.window_from,
        window_until=said.window_until,
        opened_at=entry.recorded_at,
        decision=said.decision,
        decide_by=said.decide_by,
        pack_ids=[],
        causation=entry.causation,
    )
    await _put_in_doubt(rows, entry, said.cycle_ids, said.pack_ids)
    await _list_exposures(rows, entry, said.exposures, found_late=False)


@projects(ExposureFound)
async def widen_recall(rows: Rows, entry: Entry[ExposureFound]) -> None:
    """What a late record adds; what did not fit into `recall.opened` came with the same command, and is not late."""
    said = entry.event
    recall = select(Recall.causation).where(Recall.clinic_id == entry.clinic_id, Recall.recall_id == said.recall_id)
    late = await rows.scalar(recall) != entry.causation
    await _put_in_doubt(rows, entry, said.cycle_ids, said.pack_ids)
    await _list_exposures(rows, entry, said.exposures, found_late=late)


async def _put_in_doubt(
    rows: Rows, entry: Entry[RecallOpened | ExposureFound], cycle_ids: tuple[UUID, ...], pack_ids: tuple[UUID, ...]
) -> None:
    recall_id = entry.event.recall_id
    if cycle_ids:
        await rows.execute(
            update(SterilizationCycle)
            .where(
                SterilizationCycle.clinic_id == entry.clinic_id,
                SterilizationCycle.cycle_id.in_(cycle_ids),
                ~SterilizationCycle.recall_ids.contains([recall_id]),
            )
            .values(recall_ids=func.array_append(SterilizationCycle.recall_ids, recall_id))
        )
    if pack_ids:
        await rows.execute(
            update(Recall)
            .where(Recall.clinic_id == entry.clinic_id, Recall.recall_id == recall_id)
            .values(pack_ids=func.array_cat(Recall.pack_ids, list(pack_ids)))
        )


async def _list_exposures(
    rows: Rows, entry: Entry[RecallOpened | ExposureFound], exposures: tuple[Exposure, ...], *, found_late: bool
) -> None:
    listed = [
        {"clinic_id": entry.clinic_id, "recall_id": entry.event.recall_id, "found_late": found_late, **exposure.model_dump()}
        for exposure in exposures
    ]
    await put_all(rows, RecallExposure, listed)


@projects(RecallDecided)
async def decide_recall(rows: Rows, entry: Entry[RecallDecided]) -> None:
    said = entry.event
    await rows.execute(
        update(Recall).where(Recall.clinic_id == entry.clinic_id, Recall.recall_id == said.recall_id).values(decision=said.decision)
    )
