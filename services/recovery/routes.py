"""Recovery over HTTP: the client's link, and what the staff sees and says."""

from typing import Annotated
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Scope

from events.transaction import reading, transaction
from schemas.recovery import (
    Call,
    CheckInAnswer,
    CheckInLine,
    CheckInQuestions,
    CheckInReply,
    CheckInSheet,
    FollowUp,
    FollowUpNote,
    GivenAnswer,
    HoldLifting,
    HoldNote,
    HoldPlacing,
    Incident,
    LiftNote,
    Reaction,
    ReactionReport,
    ReactionReporting,
    SafetyHold,
)
from schemas.vocabulary import MAX_INTEGER, Actor, LocalDate, Role, Shape
from services.door import Asking, Reply, database_of, may, problem, unmet
from services.recovery import queries
from services.recovery.commands import answer_checkin, follow_up_checkin, lift_safety_hold, place_safety_hold, report_reaction
from services.screens.frame import wants_page

Cursor = Annotated[int, Query(ge=0, le=MAX_INTEGER, description="The `ledger_index` of the last line seen: what follows is older.")]


class ForPrograms(APIRoute):
    """Steps aside for a browser: the link in the message leads a person to a page at the same address."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, below = super().matches(scope)
        return (Match.NONE, {}) if match is not Match.NONE and wants_page(Request(scope)) else (match, below)


links = APIRouter(prefix="/check-ins/{token}", tags=["check-in"], route_class=ForPrograms)
house = APIRouter(prefix="/clinics/{clinic}", tags=["recovery"])


class OpenLink(Shape):
    """A genuine link whose time has not passed."""

    clinic_id: UUID
    checkin_id: UUID
    questions: CheckInQuestions


async def _open_link(
    token: Annotated[str, Path(max_length=200, description="The opaque part of the link in the message.")],
    request: Request,
    response: Response,
) -> OpenLink:
    """404 for a link we did not make, 410 for one whose time has passed. Looks only: mail scanners follow links too."""
    database = database_of(request)
    target = queries.link_target(database.secret, token)
    if target is None:
        raise problem(404, "unknown", "Not found", unmet("link_must_be_ours"))
    async with reading(database, target.clinic_id, "recovery") as view:
        questions = await queries.check_in_questions(view, target.checkin_id)
        if questions is None:
            raise problem(404, "unknown", "Not found", unmet("link_must_be_ours"))
        if view.now >= questions.open_until:
            raise problem(410, "gone", "No longer open", unmet("link_must_be_in_time"))
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return OpenLink(clinic_id=target.clinic_id, checkin_id=target.checkin_id, questions=questions)


Link = Annotated[OpenLink, Depends(_open_link, scope="function")]


@links.get("", summary="What the client is asked; nothing is changed by looking")
async def get_check_in(link: Link) -> CheckInQuestions:
    return link.questions


@links.post("", summary="The client's answer; a later, worse one is taken too")
async def post_check_in(link: Link, body: CheckInSheet, request: Request) -> CheckInReply:
    """The same answer again is the same answer: the command compares, so a client needs no key."""
    client = Actor(identity_id=uuid5(link.checkin_id, "client link"), role=Role.CLIENT)
    async with transaction(database_of(request), link.clinic_id, "recovery", client, f"check-in.{uuid4()}") as tx:
        answer = await tx.once(answer_checkin, CheckInAnswer(checkin_id=link.checkin_id, sheet=body))
    if answer.event.refusal:
        raise problem(410, "gone", "No longer open", *answer.event.findings)
    return queries.reply_to_client(answer.event.tier)


@house.get("/check-ins", summary="The check-ins of a day")
async def get_check_ins(on: Annotated[LocalDate, Query()], ask: Annotated[Asking, may("view_recovery")]) -> list[CheckInLine]:
    async with ask.reading("recovery") as view:
        return await queries.check_ins_on(view, on)


@house.get("/calls", summary="Who did not answer a check-in and is to be called; no word of health")
async def get_calls(ask: Annotated[Asking, may("follow_up_checkin")]) -> list[Call]:
    async with ask.reading("recovery") as view:
        return await queries.calls(view)


@house.post("/check-ins/{checkin_id}/follow-ups", summary="Say that somebody calls a client who did not answer, or has called")
async def post_follow_up(checkin_id: UUID, body: FollowUpNote, ask: Annotated[Asking, may("follow_up_checkin")]) -> Reply:
    return await ask.decide("recovery", follow_up_checkin, FollowUp(checkin_id=checkin_id, note=body))


@house.get("/check-ins/{checkin_id}/answers", summary="What a client answered, the newest first")
async def get_answers(checkin_id: UUID, ask: Annotated[Asking, may("view_recovery")]) -> list[GivenAnswer]:
    async with ask.reading("recovery") as view:
        return await queries.answers_to(view, checkin_id)


@house.put("/reactions/{reaction_id}", status_code=201, summary="Report a reaction that staff saw or heard of")
async def put_reaction(reaction_id: UUID, body: ReactionReport, ask: Annotated[Asking, may("report_reaction")]) -> Reply:
    reporting = ReactionReporting(reaction_id=reaction_id, report=body)
    return await ask.decide("recovery", report_reaction, reporting, command_id=f"reaction.{reaction_id}")


@house.get("/reactions", summary="Reactions, the newest first")
async def get_reactions(ask: Annotated[Asking, may("view_recovery")], cursor: Cursor = MAX_INTEGER) -> list[Reaction]:
    async with ask.reading("recovery") as view:
        return await queries.reactions(view, cursor)


@house.put("/safety-holds/{hold_id}", status_code=201, summary="Stop a client's next treatment")
async def put_hold(hold_id: UUID, body: HoldNote, ask: Annotated[Asking, may("place_safety_hold")]) -> Reply:
    placing = HoldPlacing(hold_id=hold_id, note=body)
    return await ask.decide("recovery", place_safety_hold, placing, command_id=f"hold.{hold_id}")


@house.post("/safety-holds/{hold_id}/lift", summary="End a safety hold as a clinician")
async def post_lift(hold_id: UUID, body: LiftNote, ask: Annotated[Asking, may("lift_safety_hold")]) -> Reply:
    return await ask.decide("recovery", lift_safety_hold, HoldLifting(hold_id=hold_id, note=body))


@house.get("/safety-holds", summary="Safety holds, the newest first")
async def get_holds(
    ask: Annotated[Asking, may("view_recovery")],
    client_id: Annotated[UUID | None, Query()] = None,
    cursor: Cursor = MAX_INTEGER,
    *,
    open_only: Annotated[bool, Query()] = True,
) -> list[SafetyHold]:
    async with ask.reading("recovery") as view:
        return await queries.safety_holds(view, open_only=open_only, client_id=client_id, before=cursor)


@house.get("/incidents", summary="Incidents, the newest first")
async def get_incidents(ask: Annotated[Asking, may("view_recovery")], cursor: Cursor = MAX_INTEGER) -> list[Incident]:
    async with ask.reading("recovery") as view:
        return await queries.incidents(view, cursor)


routes = APIRouter()
routes.include_router(links)
routes.include_router(house)
