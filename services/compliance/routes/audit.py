"""HTTP door: the auditor's questions, the ledger, its verification and export. Who looked is recorded before the answer leaves."""

from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from events.transaction import project
from schemas.compliance import (
    KeptCheckpoint,
    LedgerHead,
    LedgerPage,
    LedgerVerdict,
    RecordView,
    Subject,
    Touched,
    TouchedQuestion,
    TreatmentRecord,
)
from schemas.vocabulary import MAX_INTEGER, Instant
from services.compliance.commands import record_viewed
from services.compliance.queries import (
    NoHeadOfItsEpochError,
    behind_treatment,
    export,
    head_of_epoch,
    ledger_head,
    ledger_page,
    touched_by,
    verify_ledger,
)
from services.door import Asking, may, problem, unmet

routes = APIRouter()

PAGE = 100
LARGEST_PAGE = 500


async def _caught_up(ask: Asking) -> None:
    """An auditor's answer is complete to the ledger's last entry, whatever the streams did."""
    while await project(ask.database, ask.clinic, "compliance"):
        pass


async def _seen(ask: Asking, question: str, answers: int, subject_id: UUID | None = None) -> None:
    """Every look is a look of its own."""
    view = RecordView(question=question, subject_id=subject_id, answers=answers)
    await ask.decide("compliance", record_viewed, view, command_id=f"view.{uuid4()}")


@routes.get("/clinics/{clinic}/audit/treatments/{treatment_id}", summary="Everything that stands behind a treatment")
async def get_treatment_record(treatment_id: UUID, ask: Annotated[Asking, may("ask_record")]) -> TreatmentRecord:
    """Q1: certificate, consent and its form, screening verdict, sterilization, lots, handpiece, room, policy and approver:
    as the ledger knew them at the start, and what it learned since. Each with its index and chain.
    """
    await _caught_up(ask)
    async with ask.reading("compliance") as view:
        record = await behind_treatment(view, treatment_id)
    count = 0 if record is None else len(record.known_at_start) + len(record.learned_since)
    await _seen(ask, "behind_treatment", count, treatment_id)
    if record is None:
        raise problem(404, "unknown", "Not found", unmet("treatment_must_be_known"))
    return record


@routes.get("/clinics/{clinic}/audit/touched", summary="Every treatment a thing or a person touched")
async def get_touched(
    ask: Annotated[Asking, may("ask_record")],
    kind: Subject,
    subject_id: Annotated[UUID, Query(alias="id", description="The sterilizer, cycle, pack, lot, cartridge, handpiece, room, person.")],
    begins_at: Annotated[Instant | None, Query(alias="from", description="Treatments that started at or after.")] = None,
    until: Annotated[Instant | None, Query(description="Treatments that started before.")] = None,
) -> Touched:
    """Q2: with the proof of completeness: where every pack of a load, every cartridge of a lot went."""
    if begins_at is not None and until is not None and until <= begins_at:
        raise problem(422, "input", "Input not understood", unmet("window_must_not_be_empty").model_copy(update={"field": "until"}))
    await _caught_up(ask)
    question = TouchedQuestion(kind=kind, subject_id=subject_id, begins_at=begins_at, until=until)
    async with ask.reading("compliance") as view:
        answer = await touched_by(view, question)
    await _seen(ask, f"touched_by_{kind}", len(answer.treatments), subject_id)
    return answer


@routes.get("/clinics/{clinic}/ledger", summary="The ledger, entry by entry")
async def get_ledger(
    ask: Annotated[Asking, may("view_ledger")],
    cursor: Annotated[int, Query(ge=0, description="The index to begin at.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
) -> LedgerPage:
    async with ask.reading("compliance") as view:
        page = await ledger_page(view, cursor, limit)
    await _seen(ask, "ledger", len(page.entries))
    return page


@routes.get("/clinics/{clinic}/ledger/head", summary="Epoch, size and chain: the checkpoint to keep outside")
async def get_head(ask: Annotated[Asking, may("verify_ledger")]) -> LedgerHead:
    async with ask.reading("compliance") as view:
        return await ledger_head(view)


@routes.get("/clinics/{clinic}/ledger/verify", summary="Compute every hash anew")
async def get_verdict(
    ask: Annotated[Asking, may("verify_ledger")],
    kept: Annotated[KeptCheckpoint | None, Query(description="`epoch:size:chain` of a head that was kept earlier.")] = None,
) -> LedgerVerdict:
    """In all epochs: a changed byte, a swapped pair, a gap are found where they are; a cut tail, a rewritten history against `kept`."""
    try:
        return await verify_ledger(ask.database, ask.clinic, kept)
    except NoHeadOfItsEpochError as early:
        raise problem(422, "input", "Input not understood", early.finding) from early


LINES = "application/x-ndjson"


@routes.get(
    "/clinics/{clinic}/ledger/export",
    summary="The whole ledger for verification elsewhere",
    response_class=StreamingResponse,
    responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}},
)
async def get_export(
    ask: Annotated[Asking, may("view_ledger")],
    epoch: Annotated[int | None, Query(ge=1, le=MAX_INTEGER, description="An epoch from before a restore.")] = None,
) -> StreamingResponse:
    """Lines of JSON: one about the ledger, then one per entry with its exact bytes. `asepsis verify --file` checks them."""
    async with ask.reading("compliance") as view:
        head = await head_of_epoch(view, epoch)
    if head is None:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist", what="epoch"))
    await _seen(ask, "ledger_export", head.size)

    return StreamingResponse(export(head, lambda: ask.reading("compliance")), media_type=LINES)
