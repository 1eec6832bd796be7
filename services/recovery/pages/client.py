"""One client after a treatment: what was said, what holds, and what the staff reports or ends."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from schemas.recovery import HoldLifting, HoldNote, HoldPlacing, LiftNote, ReactionReport, ReactionReporting
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.recovery import queries
from services.recovery.commands import lift_safety_hold, place_safety_hold, report_reaction
from services.recovery.pages.words import TIERS, called, plain
from services.screens.drafts import Drafts
from services.screens.forms import Fields, Sent, asked_of, command_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import clients_of, held
from services.screens.words import Wall, thing

routes = APIRouter(prefix="/clinics/{clinic}/recovery/clients/{client_id}", include_in_schema=False)

REPORTED = Drafts("reported")

DONE = {"reported": "Reported.", "held": "The next treatment is stopped until a clinician lifts the hold.", "lifted": "The hold is lifted."}
WHY_HELD = {
    "reported_by_phone": "The client called",
    "seen_in_clinic": "Seen in the clinic",
    "awaiting_result": "A result is awaited",
    "other_care": "The client is in other medical care",
}
WHY_LIFTED = {"healed": "It has healed", "examined": "I examined the client", "mistaken": "It was a mistake"}


async def _show(request: Request, ask: Asking, client_id: UUID, *, refused: Problem | None = None, sent: Fields | None = None) -> Response:
    """What somebody sees depends on their role: answers and holds are for clinical roles, reporting is for the whole house."""
    acts = held(request, "view_recovery", "report_reaction", "place_safety_hold", "lift_safety_hold")
    async with ask.reading("recovery") as view:
        symptoms, zone_name = await queries.symptoms_known(view)
        wall = Wall(ZoneInfo(zone_name), {})
        treatments = await queries.treatments_of(view, client_id)
        told = await queries.told_of(view, client_id) if acts["view_recovery"] else []
        holds = await queries.safety_holds(view, open_only=False, client_id=client_id) if acts["view_recovery"] else []
        done = asked_of(request).one("done") or ""
    named = await clients_of(request, ask, {client_id})

    def at(moment: datetime | None) -> str | None:
        return None if moment is None else wall.day_and_time(moment)

    return page(
        request,
        "recovery/client.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.status if refused else 200,
        client_id=client_id,
        who=called(named, client_id),
        acts=acts,
        done=DONE.get(done),
        advice=_advice(request, ask) if done == "reported" else None,
        refused=refused,
        ticked=sent.all("symptoms") if sent else (),
        symptoms=[(code, plain(code)) for code in symptoms],
        treatments=[
            (identity, f"{thing('Treatment', identity)}{f', first asked {wall.day(due)}' if due else ''}") for identity, due in treatments
        ],
        chosen=(sent or asked_of(request)).one("treatment_id") or "",
        told=[(at(one.at), "The client" if one.by_client else "The staff", list(map(plain, one.symptoms))) for one in told],
        holds=[(one, TIERS[one.tier], plain(one.reason), at(one.placed_at), at(one.lifted_at)) for one in holds],
        why_held=WHY_HELD,
        why_lifted=WHY_LIFTED,
    )


@routes.get("")
async def client(client_id: UUID, ask: Annotated[Asking, may("report_reaction")], request: Request) -> Response:
    """One client."""
    return await _show(request, ask, client_id)


def _advice(request: Request, ask: Asking) -> str | None:
    """What to tell the client, for who has just reported it: how bad it is when others say so, not everybody may know."""
    kept = REPORTED.read(request, ask.database.secret)
    if kept is None or kept["by"] != str(ask.actor.identity_id):
        return None
    return queries.reply_to_client(kept["tier"]).advice


async def _do(
    request: Request, ask: Asking, sent: Fields, done: str, *, client_id: UUID, command: Any, body: BaseModel, command_id: str
) -> Response:
    """Give a command; then the client's page says so, or says why not."""
    try:
        reply = await ask.decide("recovery", command, body, command_id=command_id)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await _show(request, ask, client_id, refused=refused.problem, sent=sent)
    async with ask.reading("recovery", reply.index + 1):
        pass
    here = f"/clinics/{ask.clinic}/recovery/clients/{client_id}"
    response = RedirectResponse(f"{here}?done={done}", 303, HEADERS)
    if done == "reported":
        told = {"by": str(ask.actor.identity_id), "tier": reply.data["tier"]}
        REPORTED.keep(request, response, ask.database.secret, here, told)
    return response


@routes.post("/reaction")
async def report(client_id: UUID, ask: Annotated[Asking, may("report_reaction")], request: Request, sent: Sent) -> Response:
    """What somebody of the staff saw or heard: triage, hold and alarm are those of a client's own answer."""
    wrong = []
    if not sent.all("symptoms"):
        wrong.append(unmet("symptom_must_be_chosen"))
    if sent.one("treatment_id") is None:
        wrong.append(unmet("treatment_must_be_chosen"))
    if wrong:
        return await _show(request, ask, client_id, refused=problem(422, "input", "Not reported", *wrong).problem, sent=sent)
    told = understood(ReactionReport, {"symptoms": sent.all("symptoms"), **sent.given("treatment_id")})
    body = understood(ReactionReporting, {"report": told, **sent.given("reaction_id")})
    command_id = f"reaction.{body.reaction_id}"
    return await _do(request, ask, sent, "reported", client_id=client_id, command=report_reaction, body=body, command_id=command_id)


@routes.post("/hold")
async def hold(client_id: UUID, ask: Annotated[Asking, may("place_safety_hold")], request: Request, sent: Sent) -> Response:
    """Anybody who sees a danger may stop the next treatment."""
    note = understood(HoldNote, {"client_id": client_id, **sent.given("reason")})
    body = understood(HoldPlacing, {"note": note, **sent.given("hold_id")})
    command_id = f"hold.{body.hold_id}"
    return await _do(request, ask, sent, "held", client_id=client_id, command=place_safety_hold, body=body, command_id=command_id)


@routes.post("/holds/{hold_id}/lift")
async def lift(client_id: UUID, hold_id: UUID, ask: Annotated[Asking, may("lift_safety_hold")], request: Request, sent: Sent) -> Response:
    """A clinician says that the danger is over."""
    body = HoldLifting(hold_id=hold_id, note=understood(LiftNote, sent.given("reason")))
    command_id = command_of(sent)
    return await _do(request, ask, sent, "lifted", client_id=client_id, command=lift_safety_hold, body=body, command_id=command_id)
