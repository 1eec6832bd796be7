"""The record for elsewhere: a table for a spreadsheet, and a document that an inspector keeps."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from events.transaction import View
from schemas.compliance import FoundEntry, LedgerHead, RecordFilter
from services.compliance.pages.looking import caught_up, seen, words_of
from services.compliance.pages.printing import printed
from services.compliance.pages.searching import Question, question_of
from services.compliance.pages.words import Words, type_of
from services.compliance.queries import found_entries
from services.door import Asking, may
from services.screens.forms import asked_of
from services.screens.frame import HEADERS
from services.screens.names import people_of

routes = APIRouter(prefix="/clinics/{clinic}/record", include_in_schema=False)

PAGE = 500
MOST_PRINTED = 1000
"""Rows of a document: a thousand take about a second, and nobody reads more on paper. The table has them all."""

BYTE_ORDER_MARK = "\ufeff"
"""Or a spreadsheet takes the file for something else than UTF-8."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet would compute a cell that begins so."""

COLUMNS = (
    "index",
    "epoch",
    "recorded_at",
    "on_the_clinics_clock",
    "type",
    "what",
    "who",
    "role",
    "identity_id",
    "device",
    "policy_version",
    "event_id",
    "data",
    "body_sha256",
    "chain",
    "chain_position",
)


def cell(value: object) -> str:
    """What stands in a cell: never something to compute."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def row(words: Words, entry: FoundEntry) -> list[str]:
    """An entry as a row of the table. The chain's position is what a kept head begins with: epoch and size."""
    actor = entry.actor
    return [
        cell(value)
        for value in (
            entry.index,
            entry.epoch,
            entry.recorded_at.isoformat(),
            words.exactly(entry.recorded_at),
            type_of(entry),
            words.summary(entry),
            words.who(entry),
            actor.role.value,
            actor.identity_id,
            actor.device,
            entry.policy,
            entry.event_id,
            json.dumps(entry.data, ensure_ascii=False),
            entry.body_digest,
            entry.chain,
            f"{entry.epoch}:{entry.index + 1}",
        )
    ]


def lines_of_cells(rows: Iterable[list[str]]) -> str:
    """Rows as they stand in the file."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerows(rows)
    return written.getvalue()


async def table(words: Words, wanted: RecordFilter, look: Any) -> AsyncIterator[str]:
    """The table, a page of entries at a time. Each page is a look of its own: however slowly somebody reads, nothing waits for them."""
    yield BYTE_ORDER_MARK + lines_of_cells([list(COLUMNS)])
    while True:
        opened: AbstractAsyncContextManager[View] = look()
        async with opened as view:
            found = await found_entries(view, wanted, PAGE)
        yield lines_of_cells(row(words, entry) for entry in found.entries)
        if found.before is None:
            return
        wanted = wanted.model_copy(update={"before": found.before})


def _name(clinic: UUID, head: LedgerHead, ending: str) -> dict[str, str]:
    """A file is called by the clinic and by how far the record was."""
    return dict(HEADERS) | {"Content-Disposition": f'attachment; filename="record-{str(clinic)[:8]}-{head.epoch}-{head.size}.{ending}"'}


async def _asked(request: Request, ask: Asking, limit: int) -> tuple[Words, Question, Any]:
    """The question of the address, and its first entries."""
    people = await people_of(request, ask)
    await caught_up(ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        question = await question_of(view, words, asked_of(request))
        found = await found_entries(view, question.wanted, limit)
    return words, question, found


@routes.get("/export.csv")
async def as_table(ask: Annotated[Asking, may("view_ledger")], request: Request) -> Response:
    """Every entry that answers the question, the newest first. What is recorded meanwhile is not in it."""
    words, question, found = await _asked(request, ask, 1)
    before = found.head.size if question.wanted.before is None else min(found.head.size, question.wanted.before)
    await seen(ask, "record_export", before)
    wanted = question.wanted.model_copy(update={"before": before})
    lines = table(words, wanted, lambda: ask.reading("compliance"))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8; header=present", headers=_name(ask.clinic, found.head, "csv"))


@routes.get("/export.pdf")
async def as_document(ask: Annotated[Asking, may("view_ledger")], request: Request) -> Response:
    """The newest entries that answer the question, as PDF/A-3 and PDF/UA, with the entries themselves inside as JSON."""
    words, question, found = await _asked(request, ask, MOST_PRINTED)
    await seen(ask, "record_export", len(found.entries))
    async with ask.reading("compliance") as view:
        made_at = view.now
    rows = [
        [str(entry.index), words.exactly(entry.recorded_at), words.summary(entry), type_of(entry), words.who(entry), entry.chain]
        for entry in found.entries
    ]
    document = {
        "title": f"Record of clinic {str(ask.clinic)[:8]}",
        "asked": question.said or ["Everything but looks at the record"],
        "made": f"{words.exactly(made_at)} ({words.zone.key})",
        "head": f"{found.head.epoch}:{found.head.size}:{found.head.chain}",
        "cut": f"These are the newest {len(rows)}: the table (CSV) has all of them." if found.before is not None else "",
        "rows": rows,
    }
    records = json.dumps(
        {"clinic_id": str(ask.clinic), "head": found.head.model_dump(mode="json"), "complete": found.before is None}
        | {"entries": [entry.model_dump(mode="json") for entry in found.entries]},
        ensure_ascii=False,
    )
    made = await printed("record.typ", document, records, made_at)
    return Response(made, media_type="application/pdf", headers=_name(ask.clinic, found.head, "pdf"))
