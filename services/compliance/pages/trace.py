"""The trace in both directions: from a thing to the clients it touched, and from a treatment back to everything behind it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, get_args
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from schemas.compliance import Subject, TouchedPage, TouchedQuestion
from schemas.vocabulary import LocalDate
from services.compliance.pages.behind import Behind, behind_in_words, sketch_behind
from services.compliance.pages.looking import address, caught_up, seen, words_of
from services.compliance.pages.picture import Sketch, Thing
from services.compliance.pages.words import Words
from services.compliance.queries import behind_treatment, touched_page
from services.door import Asking, may, problem, unmet
from services.screens.frame import page
from services.screens.names import people_of

routes = APIRouter(prefix="/clinics/{clinic}/record", include_in_schema=False)


PAGE = 100

DRAWN = 20
"""Treatments in the picture, and loads: more than it has rows for, so that it says how many it leaves out."""


class Drawing:
    """Draws what a thing touched, from left to right: where it comes from, itself, treatments, clients."""

    def __init__(self, clinic: UUID, words: Words, answer: TouchedPage) -> None:
        self._clinic, self._words, self._answer = clinic, words, answer
        self.sketch = Sketch()

    def _thing(self, kind: Subject | str, identity: UUID, hint: str | None = None) -> Thing:
        """Leads to the trace of itself."""
        question = self._answer.question
        if kind == "treatment":
            path = address(self._clinic, f"/treatments/{identity}")
        else:
            path = address(self._clinic, "/touched", kind=kind, id=identity)
        word = self._words.called("Person" if kind == "practitioner" else kind.capitalize(), identity)
        here = identity == question.subject_id
        return Thing(str(identity), word, hint or ("asked about" if here else kind), path, here)

    def drawn(self) -> Sketch:
        """The sketch of the first of them."""
        question, answer = self._answer.question, self._answer
        treatments = answer.treatments[:DRAWN]
        shown = {treatment.treatment_id for treatment in treatments}
        reached: dict[UUID, set[str]] = {treatment: set() for treatment in shown}
        for load in answer.loads[:DRAWN]:
            machine = self.sketch.add(0, self._thing("sterilizer", load.sterilizer_id))
            cycle = self.sketch.add(1, self._thing("cycle", load.cycle_id), after=[machine])
            for pack in sorted(load.packs, key=lambda pack: not shown.intersection(pack.treatment_ids))[:DRAWN]:
                key = self.sketch.add(2, self._thing("pack", pack.pack_id, pack.fate.replace("_", " ")), after=[cycle])
                for treatment in shown.intersection(pack.treatment_ids):
                    reached[treatment].add(key)
            for treatment in shown.intersection(load.untraced):
                reached[treatment].add(cycle)
        if not answer.loads:
            self.sketch.add(0, self._thing(question.kind, question.subject_id))
        for done in treatments:
            after = reached[done.treatment_id] or self._directly(done.by)
            key = self.sketch.add(3, self._thing("treatment", done.treatment_id, self._words.day_and_time(done.started_at)), after=after)
            if question.kind != "client":
                self.sketch.add(4, self._thing("client", done.client_id), after=[key])
        return self.sketch

    def _directly(self, by: Iterable[UUID]) -> set[str]:
        """The thing itself, or the unit of a lot that was used."""
        question = self._answer.question
        keys: set[str] = set()
        for identity in by:
            if question.kind == "lot" and identity != question.subject_id:
                keys.add(self.sketch.add(1, self._thing("cartridge", identity), after=[str(question.subject_id)]))
        return keys or {str(question.subject_id)}


def _names(answer: TouchedPage) -> dict[UUID, str]:
    """What the things are by which treatments were touched."""
    kind = answer.question.kind
    inner = {"lot": "Cartridge", "client": "Client"}.get(kind, "Pack")
    names = {identity: inner for treatment in answer.treatments for identity in treatment.by}
    names |= {load.cycle_id: "Cycle" for load in answer.loads}
    return names | {answer.question.subject_id: "Person" if kind == "practitioner" else kind.capitalize()}


def _midnight(words: Words, on: date | None, later: int = 0) -> datetime | None:
    return None if on is None else datetime.combine(on + timedelta(days=later), time(), words.zone)


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """What an address asks: what did this touch, in these days of the clinic's wall?"""

    kind: Annotated[Subject, Query()]
    subject_id: Annotated[UUID, Query(alias="id")]
    since: Annotated[LocalDate | None, Query(alias="from")] = None
    until: Annotated[LocalDate | None, Query()] = None

    def question(self, words: Words) -> TouchedQuestion:
        """Raises `ProblemError` for a window that ends before it begins."""
        if self.since is not None and self.until is not None and self.until < self.since:
            raise problem(422, "input", "Input not understood", unmet("window_must_not_be_empty").model_copy(update={"field": "until"}))
        begins_at, until = _midnight(words, self.since), _midnight(words, self.until, 1)
        return TouchedQuestion(kind=self.kind, subject_id=self.subject_id, begins_at=begins_at, until=until)


@routes.get("/touched")
async def touched(
    ask: Annotated[Asking, may("ask_record")],
    request: Request,
    asked: Annotated[AskedAbout, Depends()],
    before: Annotated[UUID | None, Query()] = None,
) -> Response:
    """What a thing or a person touched, the newest first, with the proof that nothing of a load or a lot is unaccounted for."""
    people = await people_of(request, ask)
    await caught_up(ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        answer = await touched_page(view, asked.question(words), PAGE, before)
    await seen(ask, f"touched_by_{asked.kind}", len(answer.treatments), asked.subject_id)
    these = {"kind": asked.kind, "id": asked.subject_id, "from": asked.since, "until": asked.until}
    return page(
        request,
        "compliance/touched.html",
        clinic=ask.clinic,
        actor=ask.actor,
        answer=answer,
        words=words,
        subject=words.called("Person" if asked.kind == "practitioner" else asked.kind.capitalize(), asked.subject_id),
        names=_names(answer),
        picture=Drawing(ask.clinic, words, answer).drawn().drawn(),
        kinds=get_args(Subject),
        since=asked.since or "",
        until=asked.until or "",
        drawn=min(DRAWN, len(answer.treatments)),
        most=DRAWN,
        newest=address(ask.clinic, "/touched", **these) if before else None,
        earlier=address(ask.clinic, "/touched", **these, before=answer.before) if answer.before else None,
        table=address(ask.clinic, "/touched.csv", **these),
        to=lambda path="", **more: address(ask.clinic, path, **more),
    )


@routes.get("/treatments/{treatment_id}")
async def treatment(treatment_id: UUID, ask: Annotated[Asking, may("ask_record")], request: Request) -> Response:
    """Everything that stands behind a treatment: as the record knew it at the start, and what it learned since."""
    people = await people_of(request, ask)
    await caught_up(ask)
    async with ask.reading("compliance") as view:
        words = await words_of(view, people)
        record = await behind_treatment(view, treatment_id)
    count = 0 if record is None else len(record.known_at_start) + len(record.learned_since)
    await seen(ask, "behind_treatment", count, treatment_id)
    if record is None:
        raise problem(404, "unknown", "Not found", unmet("treatment_must_be_known"))
    behind: Behind = behind_in_words(words, record)
    return page(
        request,
        "compliance/behind.html",
        clinic=ask.clinic,
        actor=ask.actor,
        record=record,
        behind=behind,
        words=words,
        picture=sketch_behind(ask.clinic, words, record).drawn(),
        to=lambda path="", **more: address(ask.clinic, path, **more),
    )
