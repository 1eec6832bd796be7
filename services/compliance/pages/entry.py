"""One entry: what it says, what it is about, where it stands in the chain, and its exact bytes."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import JsonValue
from starlette.responses import Response

from schemas.compliance import RecordEntry
from schemas.vocabulary import MAX_INTEGER
from services.compliance.pages.looking import address, seen, words_of
from services.compliance.pages.searching import line_of
from services.compliance.pages.words import Words, reasons
from services.compliance.queries import exact_entry, ledger_head
from services.door import Asking, may, problem, unmet
from services.screens.frame import page
from services.screens.names import held, people_of

routes = APIRouter(prefix="/clinics/{clinic}/record", include_in_schema=False)

ALL = 100
"""More reasons than any decision has."""


def _reasons(findings: JsonValue) -> list[str]:
    """Everything that spoke against it, if it can still be read."""
    try:
        return list(reasons(findings, ALL)) if isinstance(findings, list) else []
    except ValueError:
        return []


def _facts(words: Words, entry: RecordEntry) -> list[tuple[str, str]]:
    """Every field of the event with its value in words; findings have a list of their own."""
    return [
        (name.removesuffix("_id").removesuffix("_ids").replace("_", " ").capitalize(), words.shown(name, value))
        for name, value in entry.data.items()
        if name != "findings"
    ]


@routes.get("/entries/{index}")
async def entry(
    index: Annotated[int, Path(ge=0, le=MAX_INTEGER)], ask: Annotated[Asking, may("view_ledger")], request: Request
) -> Response:
    """The entry at an index."""
    people = await people_of(request, ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        exact = await exact_entry(view, index)
        head = await ledger_head(view)
    await seen(ask, "ledger_entry", 0 if exact is None else 1, None if exact is None else exact.entry.event_id)
    if exact is None:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist", what="entry"))
    found = exact.entry
    return page(
        request,
        "compliance/entry.html",
        clinic=ask.clinic,
        actor=ask.actor,
        exact=exact,
        entry=found,
        line=line_of(words, found),
        reasons=_reasons(found.data.get("findings")),
        facts=_facts(words, found),
        links=words.links(found),
        actor_word=words.called("Person", found.actor.identity_id),
        earlier=index - 1 if index else None,
        later=index + 1 if index + 1 < head.size else None,
        to=lambda path="", **more: address(ask.clinic, path, **more),
        may_trace=held(request, "ask_record")["ask_record"],
    )
