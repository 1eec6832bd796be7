"""The health questions, one on a page. Answers so far stand in the sealed pass: no address holds them, and the back button works."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from events.transaction import IdReusedError
from schemas.consent import Question, Screening, ScreeningSheet
from schemas.vocabulary import LocalDate, Shape, Verdict
from services.consent import queries
from services.consent.commands import answer_screening
from services.consent.pages.handing import ALL_AREAS, Given, Handed, handed
from services.consent.pages.questions import asked
from services.door import Problem, ProblemError, problem, unmet
from services.screens.forms import Fields, Sent, understood
from services.screens.frame import HEADERS, page
from services.screens.languages import Tongue

routes = APIRouter(prefix="/clinics/{clinic}/signing/questions", include_in_schema=False)

ANSWERS = {"yes": "y", "no": "n", "prefer_not_to_say": "p"}
Holding = Annotated[Handed, handed("answer_screening")]


class Day(Shape):
    on: LocalDate | None = None


async def questions_of(tablet: Handed) -> tuple[Question, ...]:
    """What is asked on this tablet. Raises a problem where nothing is."""
    if not tablet.handing.extent or tablet.handing.done:
        raise problem(409, "not_handed_over", "Not handed over", unmet("tablet_must_be_handed_over"))
    async with tablet.ask.reading("consent") as view:
        found = await queries.question_list(view, tablet.handing.extent)
    if found is None:
        raise problem(409, "refused", "Not ready", unmet("policy_must_be_in_force"))
    return found.questions


def _at(questions: tuple[Question, ...], number: int) -> Question:
    if not 1 <= number <= len(questions):
        raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
    return questions[number - 1]


def _to(tablet: Handed, where: object) -> RedirectResponse:
    return RedirectResponse(f"{tablet.here}/{where}", 303, HEADERS)


def _first_open(tablet: Handed, questions: tuple[Question, ...]) -> int | None:
    given = tablet.handing.answers
    return next((number for number, question in enumerate(questions, 1) if question.code not in given), None)


@routes.get("/check")
async def check(tablet: Holding, request: Request) -> Response:
    """Everything that was answered, before it is sent."""
    questions = await questions_of(tablet)
    missing = _first_open(tablet, questions)
    return _to(tablet, f"questions/{missing}") if missing else await _checked(request, tablet, questions)


async def _checked(request: Request, tablet: Handed, questions: tuple[Question, ...], refused: Problem | None = None) -> Response:
    async with tablet.ask.reading("consent") as view:
        now = view.now
    notable: list[tuple[int, str, str]] = []
    others: list[tuple[int, str, str]] = []
    for number, question in enumerate(questions, 1):
        given = tablet.handing.answers[question.code]
        (others if given.answer == "no" else notable).append((number, asked(question.code), _said(given, tablet.tongue)))
    reasons = [(found.reason, False) for found in refused.findings if found.verdict is not Verdict.MET] if refused else []
    return page(
        request,
        "consent/questions_check.html",
        clinic=None,
        status=refused.status if refused else 200,
        here=tablet.here,
        tongue=tablet.tongue,
        notable=notable,
        others=others,
        last=len(questions),
        refused=reasons,
        answered_at=now.isoformat(),
    )


def _said(given: Given, tongue: Tongue) -> str:
    more = [tongue("check.over", day=tongue.day(given.on))] if given.on else []
    return ", ".join([tongue(f"question.{given.answer}"), *more, *(tongue(f"areas.{area.value}") for area in given.areas)])


@routes.post("/check")
async def send(tablet: Holding, request: Request, sent: Sent) -> Response:
    """All answers at once, as the tablet's routes take them. The pass's id makes sent twice once."""
    questions = await questions_of(tablet)
    missing = _first_open(tablet, questions)
    if missing:
        return _to(tablet, f"questions/{missing}")
    given = {question.code: tablet.handing.answers[question.code] for question in questions}
    answers = [{"code": code, "answer": said.answer, "on": said.on, "areas": said.areas} for code, said in given.items()]
    sheet = {"client_id": tablet.handing.client_id, "extent": tablet.handing.extent, "answers": answers, **sent.given("answered_at")}
    body = understood(Screening, {"sheet": understood(ScreeningSheet, sheet), "screening_id": tablet.id_of("screening")})
    try:
        await tablet.ask.decide("consent", answer_screening, body, command_id=f"screening.{body.screening_id}", by=tablet.client)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return tablet.refused(request, await _checked(request, tablet, questions, refused.problem))
    except IdReusedError:
        async with tablet.ask.reading("consent") as view:
            answered = await queries.is_answered(view, body.screening_id, tablet.handing.client_id)
        if not answered:  # they were refused before, and the page that said so was lost
            again = problem(409, "refused", "Not sent", unmet("answers_must_be_sent_once_more")).problem
            return tablet.refused(request, await _checked(request, tablet, questions, again))
        # the same form, pressed twice, with an answer changed in between: the first one stands
    response = _to(tablet, "consent" if tablet.handing.sign else "done")
    tablet.keep(request, response, answers={}, answered=True, extent="", done="" if tablet.handing.sign else "answered")
    return response


@routes.get("/{number}")
async def question(number: int, tablet: Holding, request: Request) -> Response:
    """One question."""
    questions = await questions_of(tablet)
    return _show(request, tablet, questions, number, more=False)


@routes.get("/{number}/more")
async def more(number: int, tablet: Holding, request: Request) -> Response:
    """What a yes asks for: when, and where."""
    questions = await questions_of(tablet)
    return _show(request, tablet, questions, number, more=True)


def _show(request: Request, tablet: Handed, questions: tuple[Question, ...], number: int, *, more: bool, wrong: str = "") -> Response:
    """`wrong` names the sentence that says what is the matter."""
    known = _at(questions, number)
    given = tablet.handing.answers.get(known.code)
    return page(
        request,
        "consent/question_more.html" if more else "consent/question.html",
        clinic=None,
        status=422 if wrong else 200,
        here=tablet.here,
        number=number,
        of=len(questions),
        question=known,
        asked=asked(known.code),
        given=given,
        tongue=tablet.tongue,
        areas=[area.value for area in ALL_AREAS],
        wrong=wrong and tablet.tongue(wrong),
    )


@routes.post("/{number}")
async def answer(number: int, tablet: Holding, request: Request, sent: Sent) -> Response:
    """An answer, kept until all are sent. A yes goes on to when and where."""
    questions = await questions_of(tablet)
    known = _at(questions, number)
    short = ANSWERS.get(sent.one("answer") or "")
    if short is None:
        return _show(request, tablet, questions, number, more=False, wrong="question.press")
    earlier = tablet.handing.answers.get(known.code)
    same = earlier is not None and earlier.a == short
    asks_more = short == "y" and (known.asks_areas or known.asks_day)
    to = f"questions/{number}/more" if asks_more else _after(tablet, questions, number)
    response = _to(tablet, to)
    given = earlier if same and earlier is not None else Given(a=short)
    tablet.keep(request, response, answers=tablet.handing.answers | {known.code: given})
    return response


@routes.post("/{number}/more")
async def detail(number: int, tablet: Holding, request: Request, sent: Sent) -> Response:
    """When it was over or done, and where. Whoever does not know leaves it open: the longest wait and the whole body are taken then."""
    questions = await questions_of(tablet)
    known = _at(questions, number)
    try:
        on = understood(Day, sent.given("on")).on
    except RequestValidationError:
        return _show(request, tablet, questions, number, more=True, wrong="question.no_day")
    given = Given(a="y", on=on if known.asks_day else None, at=_places(sent) if known.asks_areas else ())
    response = _to(tablet, _after(tablet, questions, number))
    tablet.keep(request, response, answers=tablet.handing.answers | {known.code: given})
    return response


def _places(sent: Fields) -> tuple[int, ...]:
    return tuple(place for place, area in enumerate(ALL_AREAS) if area.value in sent.all("areas"))


def _after(tablet: Handed, questions: tuple[Question, ...], number: int) -> str:
    """The next question; back to the check for whoever changes one of all answers."""
    others = {question.code for place, question in enumerate(questions, 1) if place != number}
    complete = others <= tablet.handing.answers.keys()
    return "questions/check" if complete or number == len(questions) else f"questions/{number + 1}"
