"""One client's consents and restrictions, and handing the tablet over."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from events.transaction import View
from schemas.consent import ClearanceSheet, Clearing, ConsentRecord, Guardian, RestrictionReason, ScreeningRecord, StandingRestriction
from schemas.vocabulary import Modality, RestrictionClass, Role
from services.consent import queries
from services.consent.commands import grant_clearance
from services.consent.pages.handing import Handing, keep
from services.consent.pages.questions import asked
from services.consent.pages.wishes import Wish, wish_of
from services.consent.pages.words import AREAS, look_of, state_of
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.screens.forms import Fields, Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.languages import NAMES, language, spoken
from services.screens.names import clients_of, held, people_of
from services.screens.signing_in import end_here
from services.screens.words import Look, Wall, areas_of, day, millimeters, plain, thing

routes = APIRouter(prefix="/clinics/{clinic}/consent", include_in_schema=False)

DONE = {
    "withdrawn": "The withdrawal is recorded. It holds from now on; what was done before stays as it was.",
    "cleared": "Cleared.",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature as it is shown."""

    record: ConsentRecord
    state: Look
    facts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Restricted:
    """A restriction as it is shown: its reason for clinical roles only."""

    standing: StandingRestriction
    look: Look
    where: str
    until: str | None
    cleared: str | None
    reasons: list[str]
    needs: str | None


async def wall_of(view: View, people: dict[UUID, str] | None = None) -> Wall:
    """The clinic's wall."""
    return Wall(ZoneInfo((await queries.clock_of(view))[0]), people or {})


@routes.get("")
async def start(ask: Annotated[Asking, may("view_consent")], request: Request) -> Response:
    """Where a client's page is opened from, and who signed lately."""
    async with ask.reading("consent") as view:
        wall, lately = await wall_of(view), await queries.last_signed(view)
        forms = await queries.current_forms(view)
    named = await clients_of(request, ask, (client for client, _, _ in lately))
    lines = [
        (client, named.get(client) or thing("Client", client), wall.day_and_time(at), None if gone is None else wall.day_and_time(gone))
        for client, at, gone in lately
    ]
    texts = [
        (language(form.language), f"{areas_of(form.areas)}, up to {millimeters(form.max_depth_um)}", form.form_version) for form in forms
    ]
    return page(request, "consent/start.html", clinic=ask.clinic, actor=ask.actor, lately=lines, forms=texts)


@routes.get("/{client_id}")
async def client(client_id: UUID, ask: Annotated[Asking, may("view_consent")], request: Request) -> Response:
    """One client. The address may say what the tablet is handed over for, as a booking's page does."""
    return await show(request, ask, client_id, wish_of(asked_of(request)))


async def show(request: Request, ask: Asking, client_id: UUID, wish: Wish, *, refused: Problem | None = None, done: str = "") -> Response:
    """The client's page. `refused`: what was just asked for, with every reason."""
    acts = held(request, "sign_consent", "answer_screening", "withdraw_consent", "view_screening", "grant_clearance")
    people = await people_of(request, ask)
    async with ask.reading("consent") as view:
        wall, minors = await wall_of(view, people), (await queries.clock_of(view))[1]
        now = view.now
        consents = await queries.consents_of_client(view, client_id)
        declines = await queries.declines_of_client(view, client_id)
        screening = await queries.screening_of_client(view, client_id) if acts["view_screening"] else None
        as_role = Role.CLINICIAN if Role.CLINICIAN in request.state.roles else ask.actor.role
        reasons = await queries.reasons_of_client(view, client_id, as_role) if screening else []
        extent = await queries.questions_due(view, screening) if screening else "full"
        explain = await queries.explainers(view)
        modalities = sorted({form.modality for form in await queries.current_forms(view)} | {Modality(wish.modality)})
    named = await clients_of(request, ask, {client_id})
    done = done or DONE.get(asked_of(request).one("done") or "", "")
    return page(
        request,
        "consent/client.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.status if refused else 200,
        client_id=client_id,
        who=named.get(client_id) or thing("Client", client_id),
        booking=wish.booking,
        wish=wish,
        acts=acts,
        consents=[_signed(record, wall, now) for record in consents],
        declines=[(wall.day_and_time(at), f"{language(code)}, version {version}") for at, code, version in declines],
        standing=any(record.in_force for record in consents),
        screening=screening,
        answered=[_day(wall, screening.full_answered_at), _day(wall, screening.volatile_answered_at)] if screening else [],
        restrictions=_restricted(screening, reasons, wall) if screening else [],
        extent=extent,
        areas=AREAS,
        modalities=[(modality.value, plain(modality.value)) for modality in modalities],
        explain=[(who, wall.person(who)) for who in explain],
        explained_by=wish.explained_by or ask.actor.identity_id,
        people=sorted(people.items(), key=lambda pair: pair[1]),
        languages=sorted(NAMES.items(), key=lambda pair: pair[1].casefold()),
        minors=minors,
        refused=refused,
        done=done,
    )


def _day(wall: Wall, at: datetime | None) -> str:
    return "never" if at is None else wall.day_and_time(at)


def _signed(record: ConsentRecord, wall: Wall, now: datetime) -> Signed:
    facts = [
        ("Signed", wall.day_and_time(record.signed_at)),
        ("For", f"{areas_of(record.areas)}, up to {millimeters(record.max_depth_um)}, {plain(record.modality).lower()}"),
        ("Text", f"{language(record.language)}, version {record.form_version}"),
        ("Explained by", wall.person(record.explained_by)),
    ]
    if record.withdrawn_at is not None:
        facts.append(("Withdrawn", wall.day_and_time(record.withdrawn_at)))
    else:
        facts.append(("Until", wall.day_and_time(record.valid_until)))
    return Signed(record, state_of(record, now), facts)


def _restricted(screening: ScreeningRecord, reasons: list[RestrictionReason], wall: Wall) -> list[Restricted]:
    found = []
    for standing in screening.restrictions:
        restriction = standing.restriction
        mine = [reason for reason in reasons if reason.restriction_id == restriction.restriction_id]
        where = areas_of(restriction.areas) if restriction.areas else "whole body"
        said = [f"{asked(reason.code)} {_answered(reason)}" for reason in mine]
        opens = restriction.restriction_class is RestrictionClass.CLEARANCE and standing.cleared_until is None
        needs = next((reason.needs for reason in mine), None) or "clinician"
        found.append(
            Restricted(
                standing=standing,
                look=look_of(standing),
                where=f"{where}; the numbing cream only" if restriction.numbing_only else where,
                until=day(restriction.until) if restriction.until else None,
                cleared=wall.day_and_time(standing.cleared_until) if standing.cleared_until else None,
                reasons=said,
                needs=needs if opens else None,
            )
        )
    return found


def _answered(reason: RestrictionReason) -> str:
    return f"{plain(reason.answer)}, {day(reason.on)}." if reason.on else f"{plain(reason.answer)}."


@routes.post("/{client_id}/hand-over")
async def hand_over(client_id: UUID, ask: Annotated[Asking, may("sign_consent")], request: Request, sent: Sent) -> Response:
    """From here on the tablet is the client's: the staff's session in this browser ends, a pass for this one purpose begins."""
    wish = wish_of(sent)
    handing = await _handing(ask, client_id, wish, sent)
    if isinstance(handing, Problem):
        return await show(request, ask, client_id, wish, refused=handing)
    response = RedirectResponse(f"/clinics/{ask.clinic}/signing", 303, HEADERS)
    keep(request, Response(), handing)  # what it cannot hold is said before anybody is signed out
    await end_here(request, ask.clinic, response)
    keep(request, response, handing)
    return response


async def _handing(ask: Asking, client_id: UUID, wish: Wish, sent: Fields) -> Handing | Problem:
    """What the tablet is handed over for; or why there is nothing to hand it over for, before the client holds it."""
    sign, extent = sent.one("sign") == "yes", sent.one("extent") or ""
    findings = []
    if not sign and extent not in {"full", "volatile"}:
        findings.append(unmet("tablet_must_be_handed_over_for_something"))
    if sign:
        async with ask.reading("consent") as view:
            texts = await queries.texts_covering(view, wish.modality, wish.areas, wish.depth_um)
            explain = await queries.explainers(view)
        if (wish.explained_by or ask.actor.identity_id) not in explain:
            findings.append(unmet("explainer_must_be_a_practitioner"))
        if not wish.areas or not texts:
            findings.append(unmet("form_must_cover_the_treatment"))
        wanted = spoken(wish.language)
        if wanted and wish.interpreter is None and texts and all(spoken(text.language) != wanted for text in texts):
            findings.append(unmet("interpreter_must_be_recorded"))
    if findings:
        return problem(422, "input", "Not handed over", *findings).problem
    guardian = sent.one("guardian_name") if sign else None
    proof = {"name": guardian, "proof": sent.one("guardian_proof"), "proof_seen_by": ask.actor.identity_id}
    return Handing(
        handing_id=uuid4(),
        clinic=ask.clinic,
        token=ask.shown.token,
        client_id=client_id,
        extent=extent if extent in {"full", "volatile"} else "",
        sign=sign,
        modality=wish.modality,
        areas=wish.areas,
        max_depth_um=wish.depth_um,
        explained_by=wish.explained_by or ask.actor.identity_id,
        client_language=wish.language or None,
        interpreter_id=wish.interpreter,
        guardian=understood(Guardian, proof) if guardian else None,
    )


@routes.post("/{client_id}/clearance")
async def clear(client_id: UUID, ask: Annotated[Asking, may("grant_clearance")], request: Request, sent: Sent) -> Response:
    """A clinician opens what was ticked; each rests on what its reason asks for."""
    ticked = [pair.partition(".") for pair in sent.all("restriction")]
    restrictions = [{"restriction_id": identity, "basis": basis} for identity, _, basis in ticked]
    if not ticked:
        nothing = problem(422, "input", "Nothing was cleared", unmet("restriction_must_be_chosen")).problem
        return await show(request, ask, client_id, wish_of(sent), refused=nothing)
    sheet = understood(ClearanceSheet, {"client_id": client_id, "restrictions": restrictions})
    body = understood(Clearing, {"sheet": sheet, **sent.given("clearance_id")})
    try:
        reply = await ask.decide("consent", grant_clearance, body, command_id=f"clearance.{body.clearance_id}")
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await show(request, ask, client_id, wish_of(sent), refused=refused.problem)
    return await gone_back(ask, client_id, reply.index, "cleared")


async def gone_back(ask: Asking, client_id: UUID, index: int, done: str) -> Response:
    """The client's page, as it is after that."""
    async with ask.reading("consent", index + 1):
        pass
    return RedirectResponse(f"/clinics/{ask.clinic}/consent/{client_id}?done={done}", 303, HEADERS)
