"""Every treatment that a thing or a person touched, as a table for a spreadsheet."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response, StreamingResponse

from schemas.compliance import TouchedQuestion, TouchedTreatment
from services.compliance.pages.exports import BYTE_ORDER_MARK, cell, lines_of_cells
from services.compliance.pages.looking import caught_up, seen, words_of
from services.compliance.pages.trace import AskedAbout
from services.compliance.pages.words import Words
from services.compliance.queries import newest_touched, reach_of, touched_page
from services.door import Asking, may
from services.screens.frame import HEADERS
from services.screens.names import people_of

routes = APIRouter(prefix="/clinics/{clinic}/record", include_in_schema=False)

PAGE = 5000
"""What the question reaches is asked for each page anew."""

COLUMNS = (
    "treatment_id",
    "started_at",
    "on_the_clinics_clock",
    "client_id",
    "practitioner_id",
    "practitioner",
    "booking_id",
    "touched_by",
    "recalls",
    "needle_contact",
    "recorded_late",
    "entry",
)


def row(words: Words, done: TouchedTreatment) -> list[str]:
    """A treatment as a row of the table."""
    return [
        cell(value)
        for value in (
            done.treatment_id,
            done.started_at.isoformat(),
            words.day_and_time(done.started_at),
            done.client_id,
            done.practitioner_id,
            words.called("Person", done.practitioner_id),
            done.booking_id,
            " ".join(map(str, done.by)),
            " ".join(map(str, done.recall_ids)),
            {None: "not ended", True: "yes", False: "no"}[done.needle_contact],
            "yes" if done.recorded_late else "no",
            done.index,
        )
    ]


async def table(words: Words, question: TouchedQuestion, look: Any) -> AsyncIterator[str]:
    """The newest first, a page at a time, each a look of its own."""
    yield BYTE_ORDER_MARK + lines_of_cells([list(COLUMNS)])
    before: UUID | None = None
    more = True
    while more:
        async with look() as view:
            found, more = await newest_touched(view, await reach_of(view, question), PAGE, before)
        yield lines_of_cells(row(words, done) for done in found)
        before = found[-1].treatment_id if found else None


@routes.get("/touched.csv")
async def as_table(
    ask: Annotated[Asking, may("ask_record")],
    request: Request,
    asked: Annotated[AskedAbout, Depends()],
) -> Response:
    """All of them, however many."""
    people = await people_of(request, ask)
    await caught_up(ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        question = asked.question(words)
        count = (await touched_page(view, question, 1)).count
    await seen(ask, f"touched_by_{asked.kind}", count, asked.subject_id)
    name = f'attachment; filename="touched-by-{asked.kind}-{str(asked.subject_id)[:8]}.csv"'
    lines = table(words, question, lambda: ask.reading("compliance"))
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8; header=present", headers=HEADERS | {"Content-Disposition": name})
