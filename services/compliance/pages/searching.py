"""The record, searched: the question stands in the address, so that it can be kept, sent and gone back to."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from events.catalog import PUBLISHERS
from events.transaction import View
from schemas.compliance import FoundEntries, FoundEntry, RecordEntry, RecordFilter
from schemas.vocabulary import MAX_INTEGER, Verdict, within_reach
from services.compliance.pages.looking import address, caught_up, seen, words_of
from services.compliance.pages.words import SUBJECTS, Words, kind_of, summaries, type_of
from services.compliance.queries import found_entries, meant_by, named_by
from services.door import Asking, may
from services.screens.forms import Fields, asked_of, wrong
from services.screens.frame import HEADERS, page
from services.screens.names import held, people_of
from services.screens.words import day

routes = APIRouter(prefix="/clinics/{clinic}/record", include_in_schema=False)

PAGE = 50
LOOKS = "record.viewed"
"""Whoever searches adds one with each page: they are shown when asked for."""


LONGEST = 200
"""Signs of what somebody looks for: more than any label holds."""

FIELDS = ("type", "about", "from", "until", "refused", "looks")


class Line(NamedTuple):
    """An entry as it stands in a list."""

    entry: RecordEntry
    when: str
    what: str
    who: str
    kind: str
    refused: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody looks for: as they put it, and as it is looked for."""

    asked: dict[str, str]
    wanted: RecordFilter
    said: list[str] = field(default_factory=list)
    """In words, for the page and the exports."""
    subjects: list[tuple[str, str | None, UUID]] = field(default_factory=list)
    """What it is about: word, as what it can be traced, id."""


def line_of(words: Words, entry: RecordEntry) -> Line:
    """An entry in words."""
    kind = type_of(entry)
    refused = kind.endswith("refused") or kind == "command.rejected"
    return Line(entry, words.exactly(entry.recorded_at), words.summary(entry), words.who(entry), kind, refused)


def lines_of(words: Words, entries: tuple[FoundEntry, ...]) -> list[Line]:
    """A page of them."""
    return [line_of(words, entry) for entry in entries]


def types_by_publisher() -> dict[str, list[str]]:
    """What can be chosen: every type of event, by the service that says it."""
    return {name: [kind for kind in summaries() if kind in _said_by(name)] for name in PUBLISHERS}


def _said_by(publisher: str) -> frozenset[str]:
    return frozenset(getattr(found, "type", "") for found in vars(PUBLISHERS[publisher]).values() if isinstance(found, type))


def _date(fields: Fields, name: str) -> date | None:
    value = fields.one(name)
    try:
        return None if value is None else within_reach(date.fromisoformat(value))
    except ValueError:
        raise wrong(name, "This is no date: write it as 2026-11-23.") from None


def _midnight(words: Words, on: date) -> datetime:
    return datetime.combine(on, time(), words.zone)


async def question_of(view: View, words: Words, fields: Fields) -> Question:
    """What the address asks for. Raises `RequestValidationError` for what is no question."""
    kind, about, before = fields.one("type"), fields.one("about"), fields.one("before")
    if kind is not None and kind not in summaries():
        raise wrong("type", "There is no such type of event.")
    if before is not None and not (before.isascii() and before.isdecimal() and len(before) < LONGEST and int(before) <= MAX_INTEGER):
        raise wrong("before", "This is no number of an entry.")
    if about is not None and ("\0" in about or len(about) > LONGEST):
        raise wrong("about", "This is no label, no name and no id: scan again.")
    since, until = _date(fields, "from"), _date(fields, "until")
    if since and until and until < since:
        raise wrong("until", "The last day lies before the first.")
    refused, looks = fields.one("refused") == "yes", fields.one("looks") == "yes"
    meant = None if about is None else await meant_by(view, about)
    ids = None if meant is None else meant.ids
    subjects = [await _subject(view, words, one) for one in (ids or ())[:10]]
    said = [f"Type: {kind}"] if kind else []
    said += [f"About: {about} ({', '.join(word for word, _, _ in subjects) or 'nothing is called so'})"] if about else []
    said += [f"From {day(since)}"] if since else []
    said += [f"Until {day(until)}"] if until else []
    said += ["Refusals only"] if refused else []
    wanted = RecordFilter(
        types=(kind,) if kind else (),
        without=() if looks or kind else (LOOKS,),
        refused=refused,
        about=ids,
        begins_at=None if since is None else _midnight(words, since),
        until=None if until is None else _midnight(words, until + timedelta(days=1)),
        before=None if before is None else int(before),
    )
    return Question(fields.given(*FIELDS), wanted, said, subjects)


async def _subject(view: View, words: Words, identity: UUID) -> tuple[str, str | None, UUID]:
    kind = kind_of(await named_by(view, identity) or "subject_id")
    return words.called(kind, identity), "treatment" if kind == "Treatment" else SUBJECTS.get(kind), identity


def _said(question: Question, found: FoundEntries) -> str:
    """How many there are, as far as anybody has looked."""
    count = len(found.entries)
    if not count:
        unknown = question.asked.get("about") and not question.subjects
        return "Nothing in the record answers this." + (
            f" Nothing is called “{question.asked['about']}”: scan again, or type more of it." if unknown else ""
        )
    later = "" if question.wanted.before is None else f" before entry {question.wanted.before}"
    if found.before is not None:
        return f"The newest {count} entries{later} that answer this. There are more."
    return f"{count} {'entry answers' if count == 1 else 'entries answer'} this{later}."


@routes.get("")
async def search(ask: Annotated[Asking, may("view_ledger")], request: Request) -> Response:
    """The entries that answer the question, the newest first. A form sends its empty fields too: the same question has one address."""
    if "" in request.query_params.values():
        return RedirectResponse(address(ask.clinic, **asked_of(request).given(*FIELDS)), 303, HEADERS)
    people = await people_of(request, ask)
    fields = asked_of(request)
    await caught_up(ask)
    refused: list[dict[str, Any]] = []
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        try:
            question = await question_of(view, words, fields)
        except RequestValidationError as unclear:
            refused = [{"reason": error["msg"], "field": error["loc"][1], "verdict": Verdict.UNMET} for error in unclear.errors()]
            kept = set(FIELDS) - {found["field"] for found in refused}
            question = Question(fields.given(*sorted(kept)), RecordFilter(about=()))
        found = await found_entries(view, question.wanted, PAGE)
    await seen(ask, "ledger", len(found.entries), question.subjects[0][2] if len(question.subjects) == 1 else None)
    asked = question.asked
    earlier = None if found.before is None else address(ask.clinic, **asked, before=found.before)
    return page(
        request,
        "compliance/search.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=422 if refused else 200,
        asked=dict.fromkeys(FIELDS, "") | asked,
        lines=lines_of(words, found.entries),
        said="" if refused else _said(question, found),
        head=found.head,
        question=question,
        refused=refused,
        types=types_by_publisher(),
        earlier=earlier,
        narrowed=bool(asked),
        newest=address(ask.clinic, **asked) if question.wanted.before is not None else None,
        exports=[(kind.upper(), address(ask.clinic, f"/export.{kind}", **asked)) for kind in ("csv", "pdf")],
        to=lambda path="", **more: address(ask.clinic, path, **more),
        may_trace=held(request, "ask_record")["ask_record"],
    )
