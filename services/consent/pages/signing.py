"""The client's pages on the clinic's tablet: begin, read, sign, hand it back. No navigation, no name, nothing of the record."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from events.transaction import IdReusedError
from schemas.consent import ConsentSheet, ConsentSigning, Declining, DrawnSignature, FormOnScreen, TypedSignature
from schemas.vocabulary import Verdict
from services.consent import queries
from services.consent.commands import decline_consent, sign_consent
from services.consent.pages.handing import Handed, handed
from services.consent.pages.words import WORDS
from services.door import Problem, ProblemError, problem, unmet
from services.screens.forms import Fields, Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.languages import ENGLISH, Tongue, direction, language, spoken
from services.screens.names import people_of

routes = APIRouter(prefix="/clinics/{clinic}/signing", include_in_schema=False)

Holding = Annotated[Handed, handed("sign_consent")]
Wrong = Sequence[tuple[str, bool]]

CHANGED = frozenset({"form_must_not_be_superseded", "text_on_screen_must_be_the_forms", "form_must_be_published"})


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
    handing, count, offered = tablet.handing, 0, list(WORDS.tongues)
    async with tablet.ask.reading("consent") as view:
        if handing.extent:
            found = await queries.question_list(view, handing.extent)
            count = len(found.questions) if found else 0
        if handing.sign:
            texts = await queries.texts_covering(view, handing.modality, handing.areas, handing.max_depth_um)
            offered += [text.language for text in texts if spoken(text.language) not in WORDS.tongues]
    tablet, picked = _picked(request, tablet, offered)
    tongue = tablet.tongue
    languages = [(code, language(code), direction(code)) for code in offered]
    said: dict[str, Any] = {
        "to": to,
        "count": count,
        "sign": handing.sign,
        "languages": languages,
        "chosen": tablet.handing.language or tongue.lang,
    }
    response = page(request, "consent/begin.html", clinic=None, here=tablet.here, tongue=tongue, **said)
    if picked:
        tablet.keep(request, response)
    return response


def _picked(request: Request, tablet: Handed, offered: list[str]) -> tuple[Handed, bool]:
    """The tablet in the language that the client has just picked, if they did."""
    wanted = asked_of(request).one("lang")
    if wanted not in offered or wanted == tablet.handing.language:
        return tablet, False
    return replace(tablet, handing=tablet.handing.model_copy(update={"language": wanted})), True


async def _texts(tablet: Handed) -> list[FormOnScreen]:
    handing = tablet.handing
    async with tablet.ask.reading("consent") as view:
        found = await queries.texts_covering(view, handing.modality, handing.areas, handing.max_depth_um)
    if not found:
        raise problem(409, "refused", "Nothing to sign", unmet("form_must_cover_the_treatment"))
    return found


def _chosen(tablet: Handed, texts: list[FormOnScreen], wanted: str | None) -> FormOnScreen:
    """The language that was asked for, else the client's, else one that this tablet is set to, else English, else the first."""
    for wish in (wanted, tablet.handing.language, tablet.handing.client_language, *tablet.set_to, ENGLISH):
        for text in texts:
            if wish and spoken(text.language) == spoken(wish):
                return text
    return texts[0]


def _tongue(tablet: Handed, form: FormOnScreen) -> Tongue:
    """The words around a text: the client's, else the text's."""
    return WORDS.best(tablet.speaks, form.language)


def _show(
    request: Request,
    tablet: Handed,
    form: FormOnScreen,
    texts: list[FormOnScreen],
    people: dict[UUID, str],
    *,
    wrong: Wrong = (),
    title: str = "problem",
    **said: Any,
) -> Response:
    """The text and the signature below it. `wrong`: reasons, and whether each is in the client's language; `title` names theirs."""
    handing, tongue = tablet.handing, _tongue(tablet, form)
    where = ", ".join(tongue(f"areas.{area.value}") for area in handing.areas)
    return page(
        request,
        "consent/sign.html",
        clinic=None,
        status=said.pop("status", 200),
        here=tablet.here,
        tongue=tongue,
        form=form,
        # A carriage return in the page's source would reach the screen as a line feed, and the text would be another one.
        lines=form.text.split("\r"),
        languages=[(text.language, language(text.language), direction(text.language)) for text in texts],
        direction=direction(form.language),
        understood=not tablet.speaks or handing.interpreter_id is not None or spoken(tablet.speaks) == spoken(form.language),
        about=tongue("sign.about", areas=where, depth=tongue.millimeters(handing.max_depth_um)),
        explained_by=people.get(handing.explained_by) if handing.explained_by else None,
        guardian=handing.guardian,
        wrong=wrong,
        title=tongue(title),
        typed=said.pop("typed", ""),
        stuck=said.pop("stuck", False),
    )


@routes.get("/consent")
async def read(tablet: Holding, request: Request) -> Response:
    """The newest text in the client's language, and below it the signature."""
    if _next(tablet) != "consent":
        return _to(tablet, _next(tablet))
    people, texts = await people_of(request, tablet.ask), await _texts(tablet)
    tablet, picked = _picked(request, tablet, [text.language for text in texts])
    response = _show(request, tablet, _chosen(tablet, texts, None), texts, people)
    if picked:
        tablet.keep(request, response)
    return response


@routes.post("/consent")
async def sign(tablet: Holding, request: Request, sent: Sent) -> Response:
    """The client signs what was on the screen, by the hash of it; or says no."""
    if _next(tablet) != "consent":
        return _to(tablet, _next(tablet))
    if sent.one("give_back") is not None:
        return _over(request, tablet, "not_signed")
    people, texts = await people_of(request, tablet.ask), await _texts(tablet)
    form = _chosen(tablet, texts, sent.one("lang"))
    if sent.one("decline") is not None:
        return await _declined(request, tablet, sent, form)
    signature = _signature(sent)
    if isinstance(signature, str):
        wrong = [(_tongue(tablet, form)(signature), True)]
        return _show(request, tablet, form, texts, people, status=422, wrong=wrong, typed=sent.one("name") or "")
    wrong_page = await _signed(request, tablet, sent, signature, people, form)
    return wrong_page or _over(request, tablet, "signed")


async def _signed(
    request: Request,
    tablet: Handed,
    sent: Fields,
    signature: DrawnSignature | TypedSignature,
    people: dict[UUID, str],
    form: FormOnScreen,
) -> Response | None:
    """Record the signature; or the page that says why it is not recorded."""
    body = await _signing(tablet, sent, signature)
    try:
        await tablet.ask.decide("consent", sign_consent, body, command_id=f"consent.{body.consent_id}", by=tablet.client)
    except IdReusedError:
        if await _is_signed(tablet):
            return None  # the same form, pressed twice: the first signature stands
        # It was refused before, and the page that said so was lost.
        said: dict[str, Any] = {
            "wrong": [(_tongue(tablet, form)("sign.again"), True)],
            "title": "sign.not_yet",
            "typed": sent.one("name") or "",
        }
        return tablet.refused(request, _show(request, tablet, form, await _texts(tablet), people, status=409, **said))
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return tablet.refused(request, _refused(request, tablet, refused.problem, sent, people, await _texts(tablet)))
    return None


async def _signing(tablet: Handed, sent: Fields, signature: DrawnSignature | TypedSignature) -> ConsentSigning:
    """The sheet. The client's language is what the staff said; where nobody said, what the client picked."""
    handing = tablet.handing
    async with tablet.ask.reading("consent") as view:
        signed_at = view.now
    sheet = {
        **handing.model_dump(include={"client_id", "areas", "max_depth_um", "explained_by", "interpreter_id"}),
        **sent.given("form_id", "form_version", "text_digest"),
        "client_language": handing.client_language or handing.language or None,
        "guardian": handing.guardian.model_dump() if handing.guardian else None,
        "signed_at": signed_at,
        "signature": signature,
    }
    signing = {"sheet": understood(ConsentSheet, sheet), "consent_id": tablet.id_of("consent"), "handing_id": handing.handing_id}
    return understood(ConsentSigning, signing)


async def _is_signed(tablet: Handed) -> bool:
    """In this try or in another one: of a pass that was copied each copy counts its own tries."""
    handing = tablet.handing
    async with tablet.ask.reading("consent") as view:
        return await queries.is_signed(view, handing.client_id, handing.handing_id, tablet.id_of("consent"))


def _refused(
    request: Request, tablet: Handed, refused: Problem, sent: Fields, people: dict[UUID, str], texts: list[FormOnScreen]
) -> Response:
    """A text that changed is read and signed again; with anything else the client hands the tablet back."""
    found = [finding for finding in refused.findings if finding.verdict is not Verdict.MET]
    changed = any(finding.rule in CHANGED for finding in found)
    form = _chosen(tablet, texts, sent.one("lang"))
    wrong = [(_tongue(tablet, form)("sign.read_again"), True)] if changed else [(finding.reason, False) for finding in found]
    title = "sign.text_changed" if changed else "sign.refused"
    more = {"typed": sent.one("name") or "", "stuck": not changed}
    return _show(request, tablet, form, texts, people, status=409, wrong=wrong, title=title, **more)


async def _declined(request: Request, tablet: Handed, sent: Fields, form: FormOnScreen) -> Response:
    """A no is recorded, so that no copy of this pass signs after it; and never asked for a reason.

    It is a no to what was on the screen, though another text may have taken its place since.
    """
    handing = tablet.handing
    names = {"handing_id": handing.handing_id, "consent_id": tablet.id_of("consent"), "client_id": handing.client_id}
    shown = {"form_id": form.form_id, "form_version": form.form_version} | sent.given("form_id", "form_version")
    body = understood(Declining, names | shown)
    try:
        await tablet.ask.decide("consent", decline_consent, body, command_id=f"declined.{handing.handing_id}", by=tablet.client)
    except IdReusedError:  # pressed before, on another text
        return _over(request, tablet, "signed" if await _is_signed(tablet) else "declined")
    except ProblemError as refused:
        if refused.problem.event is None or not await _is_signed(tablet):
            raise
        return _over(request, tablet, "signed")  # before, under this handing over: what is signed is withdrawn, which the staff records
    return _over(request, tablet, "declined")


def _over(request: Request, tablet: Handed, how: str) -> Response:
    """The tablet is good for nothing any more but a word of thanks."""
    response = _to(tablet, "done")
    tablet.keep(request, response, done=how, sign=False, answers={}, guardian=None, extent="")
    return response


def _signature(sent: Fields) -> DrawnSignature | TypedSignature | str:
    """What was drawn or typed; or the sentence that says what is missing. Pressure would tell more of a hand than is needed."""
    name, drawn = sent.one("name"), sent.one("strokes")
    if sent.one("method") == "typed":
        return "sign.no_name" if name is None else understood(TypedSignature, {"method": "typed", "name": name})
    if drawn is None:
        return "sign.empty"
    try:
        strokes = [[{"x": x, "y": y, "t": t} for x, y, t in stroke] for stroke in json.loads(drawn)]
        png = (sent.one("png") or "").removeprefix("data:image/png;base64,") or None
        if not strokes:
            return "sign.empty"
        return DrawnSignature.model_validate({"method": "drawn", "strokes": strokes, "png": png})
    except (ValueError, TypeError, ValidationError, RequestValidationError):
        return "sign.unreadable"


@routes.get("/done")
async def done(tablet: Holding, request: Request) -> Response:
    """Thanks. The way back leads through signing in: what the client holds opens nothing of the staff's."""
    if _next(tablet) != "done":
        return _to(tablet)
    clinic = tablet.ask.clinic
    back = f"/clinics/{clinic}/sign-in?next=/clinics/{clinic}/consent/{tablet.handing.client_id}"
    return page(request, "consent/done.html", clinic=None, how=tablet.handing.done or "answered", back=back, tongue=tablet.tongue)
