"""Recalls and their look-back lists follow the ledger. Nothing is ever taken off a list."""

from sqlalchemy import ARRAY, Uuid, all_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.hygiene import ExposureFound, RecallDecided, RecallOpened
from events.envelope import Entry
from events.tables import Rows, Write
from services.hygiene.models import Recall, RecallExposure, SterilizationCycle
from services.hygiene.projectors.rows import projects

_OF_RECALL = (Recall.clinic_id == bindparam("clinic"), Recall.recall_id == bindparam("recall"))
_RECALL = bindparam("recall", type_=Uuid())
DOUBT_CYCLE = Write(
    update(SterilizationCycle)
    .where(
        SterilizationCycle.clinic_id == bindparam("clinic"),
        SterilizationCycle.cycle_id == bindparam("cycle"),
        all_(SterilizationCycle.recall_ids) != _RECALL,
    )
    .values(recall_ids=func.array_append(SterilizationCycle.recall_ids, _RECALL))
)
DOUBT_PACKS = Write(
    update(Recall).where(*_OF_RECALL).values(pack_ids=func.array_cat(Recall.pack_ids, bindparam("packs", type_=ARRAY(Uuid()))))
)
_OPENED_BY = select(Recall.causation).where(*_OF_RECALL).scalar_subquery()
LIST_FOUND = Write(
    insert(RecallExposure)
    .values(
        clinic_id=bindparam("clinic"),
        recall_id=bindparam("recall"),
        treatment_id=bindparam("treatment"),
        item_id=bindparam("item"),
        client_id=bindparam("client"),
        found_late=_OPENED_BY.is_distinct_from(bindparam("causation")),
    )
    .on_conflict_do_nothing()
)
"""What a late record adds; what did not fit into `recall.opened` came with the same command, and is not late."""

DECIDE = Write(update(Recall).where(*_OF_RECALL).values(decision=bindparam("now")))


@projects(RecallOpened)
async def open_recall(rows: Rows, entry: Entry[RecallOpened]) -> None:
    said = entry.event
    rows.add(
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
    _put_in_doubt(rows, entry)
    for exposure in said.exposures:
        rows.add(
            RecallExposure,
            clinic_id=entry.clinic_id,
            recall_id=said.recall_id,
            treatment_id=exposure.treatment_id,
            item_id=exposure.item_id,
            client_id=exposure.client_id,
            found_late=False,
        )


@projects(ExposureFound)
async def widen_recall(rows: Rows, entry: Entry[ExposureFound]) -> None:
    _put_in_doubt(rows, entry)
    for exposure in entry.event.exposures:
        this = {"clinic": entry.clinic_id, "recall": entry.event.recall_id, "causation": entry.causation}
        rows.write(LIST_FOUND, **this, treatment=exposure.treatment_id, item=exposure.item_id, client=exposure.client_id)


def _put_in_doubt(rows: Rows, entry: Entry[RecallOpened] | Entry[ExposureFound]) -> None:
    said = entry.event
    for cycle_id in said.cycle_ids:
        rows.write(DOUBT_CYCLE, clinic=entry.clinic_id, cycle=cycle_id, recall=said.recall_id)
    if said.pack_ids:
        rows.write(DOUBT_PACKS, clinic=entry.clinic_id, recall=said.recall_id, packs=list(said.pack_ids))


@projects(RecallDecided)
async def decide_recall(rows: Rows, entry: Entry[RecallDecided]) -> None:
    rows.write(DECIDE, clinic=entry.clinic_id, recall=entry.event.recall_id, now=entry.event.decision)
