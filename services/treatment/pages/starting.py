"""Start, and whatever puts right what it would be refused for: skin cleansed, cream on and off, a rule let pass."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.responses import Response

from schemas.policy import local_instants
from schemas.sentences import Said
from schemas.treatment import (
    Cleansing,
    CleansingNote,
    Numbing,
    NumbingNote,
    NumbingRemoval,
    Override,
    OverrideNote,
    RemovalNote,
)
from schemas.vocabulary import Verdict, within_reach
from services.door import Asking, ProblemError, may, problem, unmet
from services.screens.forms import Fields, Sent, as_findings, asked_of, command_of, understood, wrong
from services.screens.frame import page
from services.screens.names import clients_of
from services.screens.words import plain, thing
from services.treatment import commands, queries
from services.treatment.pages.chair import gone_on, words_of
from services.treatment.pages.checklist import titled
from services.treatment.pages.naming import asked_for, query_of, start_of
from services.treatment.pages.preparing import show
from services.treatment.pages.words import Words

routes = APIRouter(prefix="/clinics/{clinic}/chair", include_in_schema=False)

LEAST_VALID = timedelta(hours=1)
"""Until when a rule is let pass, unless somebody says: until the slot ends, and at least so long."""


async def _visit_of(ask: Asking, booking_id: UUID) -> queries.Sitting:
    async with ask.reading("treatment") as view:
        sitting = await queries.sitting_of(view, booking_id)
    if sitting is None:
        raise problem(404, "unknown", "Not found", unmet("booking_must_be_known"))
    return sitting


@routes.post("/{booking_id}/start")
async def start(booking_id: UUID, ask: Annotated[Asking, may("start_treatment")], request: Request, sent: Sent) -> Response:
    """The gate. It starts with what was really scanned, or says every reason why not; nobody is kept from asking."""
    sitting = await _visit_of(ask, booking_id)
    body = start_of(asked_for(sent, booking_id), sitting.visit)
    try:
        reply = await ask.decide("treatment", commands.start_treatment, body, command_id=command_of(sent))
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await show(request, ask, booking_id, sent, refused=refused.problem, title="The treatment cannot start yet")
    return await gone_on(ask, reply.index, f"/treatments/{reply.data['treatment_id']}", "started")


def typed_code(field: str, typed: str | None) -> str:
    """A product or reason as a code. Raises `RequestValidationError`."""
    found = re.sub(r"[^a-z0-9.-]+", "_", (typed or "").lower()).strip("_")[:64]
    if not found:
        raise wrong(field, "Say which.")
    return found


def typed_time(words: Words, now: datetime, typed: str | None, field: str = "time") -> datetime | None:
    """A time of today on the clinic's wall, or nothing. Raises for one that is none, or that exists twice."""
    if typed is None:
        return None
    try:
        wall = datetime.combine(words.day_of(now), datetime.strptime(typed, "%H:%M").time())  # noqa: DTZ007 - the clinic's wall
    except ValueError as unreadable:
        raise wrong(field, "This is no time.") from unreadable
    instants = local_instants(words.policy, wall) if words.policy else ()
    if len(instants) != 1:
        raise problem(422, "input", "Input not understood", unmet("time_must_exist_once", time=typed))
    return instants[0]


def typed_moment(words: Words, day: str | None, time: str | None, field: str) -> datetime:
    """A day and time on the clinic's wall. Raises `RequestValidationError` for one that is none, or that exists twice."""
    try:
        wall = within_reach(datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=None))
    except ValueError as unreadable:
        raise wrong(field, "Say on which day, and at what time.") from unreadable
    instants = local_instants(words.policy, wall) if words.policy else ()
    if len(instants) != 1:
        raise wrong(field, "The clocks are changed then: this time does not exist, or twice. Choose another one.")
    return instants[0]


async def _when(ask: Asking, sent: Fields) -> datetime | None:
    async with ask.reading("treatment") as view:
        return typed_time(await words_of(view, {}), view.now, sent.one("time"))


async def _do(request: Request, ask: Asking, booking_id: UUID, done: str, command: Any, body: BaseModel, command_id: str) -> Response:
    """Give a command; then the booking's page says so, or why not. What was named for the start stays named."""
    named = asked_of(request)
    try:
        reply = await ask.decide("treatment", command, body, command_id=command_id)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await show(request, ask, booking_id, named, refused=refused.problem, title="This was not recorded")
    return await gone_on(ask, reply.index, f"/{booking_id}", done, query_of(asked_for(named, booking_id)))


@routes.post("/{booking_id}/cleansing")
async def cleanse(booking_id: UUID, ask: Annotated[Asking, may("cleanse_skin")], request: Request, sent: Sent) -> Response:
    """The skin was cleansed; now, or when somebody says."""
    note = CleansingNote(product=typed_code("product", sent.one("product")), occurred_at=await _when(ask, sent))
    body = understood(Cleansing, {"booking_id": booking_id, "cleansing_id": sent.one("id"), "note": note})
    return await _do(request, ask, booking_id, "cleansed", commands.cleanse_skin, body, f"cleansing.{body.cleansing_id}")


@routes.post("/{booking_id}/numbing")
async def numb(booking_id: UUID, ask: Annotated[Asking, may("apply_numbing")], request: Request, sent: Sent) -> Response:
    """Cream went on."""
    try:
        thousandths = {
            "lidocaine_permille": round(float((sent.one("percent") or "").replace(",", ".")) * 10),
            "milligrams": round(float((sent.one("grams") or "").replace(",", ".")) * 1000),
        }
    except (ValueError, OverflowError) as unreadable:
        raise wrong("percent", "Say how strong the cream is, in percent, and how much of it, in grams.") from unreadable
    note = understood(
        NumbingNote,
        {
            "product": typed_code("product", sent.one("product")),
            **thousandths,
            "areas": sent.all("areas"),
            "occluded": sent.one("occluded") == "yes",
            "prescriber_order": sent.one("prescriber_order") == "yes",
            "occurred_at": await _when(ask, sent),
        },
    )
    body = understood(Numbing, {"booking_id": booking_id, "numbing_id": sent.one("id"), "note": note})
    return await _do(request, ask, booking_id, "numbed", commands.apply_numbing, body, f"numbing.{body.numbing_id}")


@routes.post("/{booking_id}/numbing/{numbing_id}/off")
async def take_off(booking_id: UUID, numbing_id: UUID, ask: Annotated[Asking, may("remove_numbing")], request: Request) -> Response:
    """Cream came off, now. It comes off once, so it is its own id."""
    body = NumbingRemoval(booking_id=booking_id, numbing_id=numbing_id, note=RemovalNote())
    return await _do(request, ask, booking_id, "removed", commands.remove_numbing, body, f"removal.{numbing_id}")


@routes.get("/{booking_id}/waive/{rule}")
async def waive_page(booking_id: UUID, rule: str, ask: Annotated[Asking, may("override_rule")], request: Request) -> Response:
    """Which rule this booking may pass, for which of the reasons that policy knows."""
    return await _show_waiver(request, ask, booking_id, rule)


async def _show_waiver(
    request: Request,
    ask: Asking,
    booking_id: UUID,
    rule: str,
    *,
    sent: Fields | None = None,
    status: int = 200,
    findings: Sequence[Said] = (),
) -> Response:
    async with ask.reading("treatment") as view:
        words = await words_of(view, {})
        sitting = await queries.sitting_of(view, booking_id)
        now = view.now
    if sitting is None:
        raise problem(404, "unknown", "Not found", unmet("booking_must_be_known"))
    named = await clients_of(request, ask, [sitting.visit.client_id])
    until = max(sitting.visit.ends_at, now + LEAST_VALID) + timedelta(seconds=59)  # whole minutes are shown
    gate = words.policy.gate if words.policy else None
    return page(
        request,
        "treatment/waive.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=status,
        findings=findings,
        booking_id=booking_id,
        rule=rule,
        title=titled(rule),
        who=named.get(sitting.visit.client_id) or thing("Client", sitting.visit.client_id),
        reasons=[(code, plain(code)) for code in (gate.override_reasons if gate else ())],
        chosen=sent.one("reason") if sent else None,
        until_day=(sent.one("until_day") if sent else None) or words.day_of(until),
        until=(sent.one("until") if sent else None) or words.time(until),
        most_days=gate.override_limit_days if gate else 0,
        query=query_of(asked_for(asked_of(request), booking_id)),
    )


@routes.post("/{booking_id}/waive/{rule}")
async def waive(booking_id: UUID, rule: str, ask: Annotated[Asking, may("override_rule")], request: Request, sent: Sent) -> Response:
    """Let the booking pass the rule. Sterility, consent, recall and safety holds nobody can."""
    try:
        async with ask.reading("treatment") as view:
            until = typed_moment(await words_of(view, {}), sent.one("until_day"), sent.one("until"), "until")
        note = understood(OverrideNote, {"booking_id": booking_id, "rule": rule, "valid_until": until, **sent.given("reason")})
        body = understood(Override, {"override_id": sent.one("id"), "note": note})
        reply = await ask.decide("treatment", commands.override_rule, body, command_id=f"override.{body.override_id}")
    except RequestValidationError as unreadable:
        return await _show_waiver(request, ask, booking_id, rule, sent=sent, status=422, findings=as_findings(unreadable))
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        findings = [found for found in refused.problem.findings if found.verdict is not Verdict.MET]
        return await _show_waiver(request, ask, booking_id, rule, sent=sent, status=refused.problem.status, findings=findings)
    return await gone_on(ask, reply.index, f"/{booking_id}", "waived", query_of(asked_for(asked_of(request), booking_id)))
