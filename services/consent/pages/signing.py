"""The client's pages on the clinic's tablet: begin, read, sign, hand it back. No navigation, no name, nothing of the record."""

import json
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from events.transaction import IdReusedError
from schemas.consent import ConsentSheet, ConsentSigning, DrawnSignature, FormOnScreen, TypedSignature
from schemas.vocabulary import Verdict
from services.consent import queries
from services.consent.commands import sign_consent
from services.consent.pages.handing import Handed, handed
from services.consent.pages.words import direction, language
from services.door import ProblemError, problem, unmet
from services.screens.forms import Fields, Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import people_of
from services.screens.words import areas_of, millimeters

routes = APIRouter(prefix="/clinics/{clinic}/signing", include_in_schema=False)

Holding = Annotated[Handed, handed("sign_consent")]

CHANGED = frozenset({"form_must_not_be_superseded", "text_on_screen_must_be_the_forms", "form_must_be_published"})
TEXT_CHANGED = "The text has changed since you opened it. This is the new one: please read it, then sign again."
AGAIN = "This could not be signed before. Please sign once more, or hand the tablet back."
EMPTY = "There is no signature yet. Sign in the box with your finger or a pen, or type your name."
UNREADABLE = "The drawing did not arrive whole. Clear it and sign again, or type your name."
TYPE = "There is no name yet. Type your name."


def _to(tablet: Handed, where: str = "") -> RedirectResponse:
    return RedirectResponse(f"{tablet.here}/{where}".rstrip("/"), 303, HEADERS)


def _next(tablet: Handed) -> str:
    """Where the tablet stands: questions first, then the text, then thanks."""
    handing = tablet.handing
    if handing.done or not (handing.extent or handing.sign):
        return "done"
    return "questions/1" if handing.extent else "consent"


@routes.get("")
async def begin(tablet: Holding, request: Request) -> Response:
    """What comes, before it comes."""
    to = _next(tablet)
    if to == "done":
        return _to(tablet, to)
    count = 0
    if tablet.handing.extent:
        async with tablet.ask.reading("consent") as view:
            found = await queries.question_list(view, tablet.handing.extent)
        count = len(found.questions) if found else 0
    return page(request, "consent/begin.html", clinic=None, here=tablet.here, to=to, count=count, sign=tablet.handing.sign)


async def _texts(tablet: Handed) -> list[FormOnScreen]:
    handing = tablet.handing
    async with tablet.ask.reading("consent") as view:
        found = await queries.texts_covering(view, handing.modality, handing.areas, handing.max_depth_um)
    if not found:
        raise problem(409, "refused", "Nothing to sign", unmet("form_must_cover_the_treatment"))
    return found


def _chosen(request: Request, texts: list[FormOnScreen], wanted: str | None, spoken: str | None) -> FormOnScreen:
    """The language that was asked for, else the client's, else one that this tablet is set to, else the first."""
    tablet = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "").split(",")]
    for wish in (wanted, spoken, *tablet):
        for text in texts:
            if wish and text.language.partition("-")[0] == wish.partition("-")[0]:
                return text
    return texts[0]


def _show(
    request: Request, tablet: Handed, texts: list[FormOnScreen], people: dict[UUID, str], *, wanted: str | None, **said: Any
) -> Response:
    handing = tablet.handing
    form = _chosen(request, texts, wanted, handing.client_language)
    wrong = said.pop("wrong", None)
    return page(
        request,
        "consent/sign.html",
        clinic=None,
        status=said.pop("status", 200),
        here=tablet.here,
        form=form,
        # A carriage return in the page's source would reach the screen as a line feed, and the text would be another one.
        lines=form.text.split("\r"),
        languages=[(text.language, language(text.language), direction(text.language)) for text in texts],
        direction=direction(form.language),
        about=f"{areas_of(handing.areas)}, up to {millimeters(handing.max_depth_um)} deep",
        explained_by=people.get(handing.explained_by) if handing.explained_by else None,
        guardian=handing.guardian,
        wrong=wrong or [],
        title=said.pop("title", "There is a problem"),
        typed=said.pop("typed", ""),
        stuck=said.pop("stuck", False),
    )


@routes.get("/consent")
async def read(tablet: Holding, request: Request) -> Response:
    """The newest text in the client's language, and below it the signature."""
    if _next(tablet) != "consent":
        return _to(tablet, _next(tablet))
    people = await people_of(request, tablet.ask)
    return _show(request, tablet, await _texts(tablet), people, wanted=asked_of(request).one("lang"))


@routes.post("/consent")
async def sign(tablet: Holding, request: Request, sent: Sent) -> Response:
    """The client signs what was on the screen, by the hash of it; or says no."""
    if _next(tablet) != "consent":
        return _to(tablet, _next(tablet))
    if sent.one("decline") is not None:
        return _over(request, tablet, "declined")
    people, wanted = await people_of(request, tablet.ask), sent.one("lang")
    signature = _signature(sent)
    if isinstance(signature, str):
        wrong = [{"reason": signature, "field": None}]
        return _show(request, tablet, await _texts(tablet), people, wanted=wanted, status=422, wrong=wrong, typed=sent.one("name") or "")
    handing = tablet.handing
    async with tablet.ask.reading("consent") as view:
        signed_at = view.now
    sheet = {
        **handing.model_dump(include={"client_id", "areas", "max_depth_um", "explained_by", "client_language", "interpreter_id"}),
        **sent.given("form_id", "form_version", "text_digest"),
        "guardian": handing.guardian.model_dump() if handing.guardian else None,
        "signed_at": signed_at,
        "signature": signature,
    }
    body = understood(ConsentSigning, {"sheet": understood(ConsentSheet, sheet), "consent_id": tablet.id_of("consent")})
    try:
        await tablet.ask.decide("consent", sign_consent, body, command_id=f"consent.{body.consent_id}", by=tablet.client)
    except IdReusedError:
        async with tablet.ask.reading("consent") as view:
            signed = await queries.is_signed(view, body.consent_id, handing.client_id)
        if not signed:  # it was refused before, and the page that said so was lost
            said = {"wrong": [{"reason": AGAIN, "field": None}], "title": "Nothing is signed yet", "typed": sent.one("name") or ""}
            return tablet.refused(request, _show(request, tablet, await _texts(tablet), people, wanted=wanted, status=409, **said))
        # the same form, pressed twice: the first signature stands
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        found = [finding for finding in refused.problem.findings if finding.verdict is not Verdict.MET]
        changed = any(finding.rule in CHANGED for finding in found)
        wrong = [{"reason": TEXT_CHANGED, "field": None}] if changed else [{"reason": f.reason, "field": None} for f in found]
        title = "The text has changed" if changed else "This could not be signed. Please hand the tablet back"
        more = {"wrong": wrong, "title": title, "typed": sent.one("name") or "", "stuck": not changed}
        return tablet.refused(request, _show(request, tablet, await _texts(tablet), people, wanted=wanted, status=409, **more))
    return _over(request, tablet, "signed")


def _over(request: Request, tablet: Handed, how: str) -> Response:
    """The tablet is good for nothing any more but a word of thanks."""
    response = _to(tablet, "done")
    tablet.keep(request, response, done=how, sign=False, answers={}, guardian=None, extent="")
    return response


def _signature(sent: Fields) -> DrawnSignature | TypedSignature | str:
    """What was drawn or typed; or what is missing, in words. Pressure is not kept: it would tell more of a hand than is needed."""
    name, drawn = sent.one("name"), sent.one("strokes")
    if sent.one("method") == "typed":
        return TYPE if name is None else understood(TypedSignature, {"method": "typed", "name": name})
    if drawn is None:
        return EMPTY
    try:
        strokes = [[{"x": x, "y": y, "t": t} for x, y, t in stroke] for stroke in json.loads(drawn)]
        png = (sent.one("png") or "").removeprefix("data:image/png;base64,") or None
        if not strokes:
            return EMPTY
        return DrawnSignature.model_validate({"method": "drawn", "strokes": strokes, "png": png})
    except (ValueError, TypeError, ValidationError, RequestValidationError):
        return UNREADABLE


@routes.get("/done")
async def done(tablet: Holding, request: Request) -> Response:
    """Thanks. The way back leads through signing in: what the client holds opens nothing of the staff's."""
    if _next(tablet) != "done":
        return _to(tablet)
    clinic = tablet.ask.clinic
    back = f"/clinics/{clinic}/sign-in?next=/clinics/{clinic}/consent/{tablet.handing.client_id}"
    return page(request, "consent/done.html", clinic=None, how=tablet.handing.done, back=back)
