"""Whom to call because they did not answer: who, since when, under which number, and who sees to it. No word of health stands here."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.recovery import Call, FollowUp, FollowUpNote
from services.door import Asking, Problem, ProblemError, may
from services.recovery import queries
from services.recovery.commands import follow_up_checkin
from services.recovery.pages.words import CALLS, called
from services.screens.forms import Sent, asked_of, command_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import clients_of, people_of, phones_of
from services.screens.words import Wall

routes = APIRouter(prefix="/clinics/{clinic}/to-call", include_in_schema=False)

DONE = {
    "taken": "You have taken this call. Others see that.",
    "not_reached": "Kept: nobody answered. Try again later.",
    "reached": "Kept: the client was reached.",
}


def seen_to(call: Call, wall: Wall) -> str | None:
    """Who saw to it last, and when."""
    if call.outcome is None or call.called_by is None or call.called_at is None:
        return None
    what = "has taken it" if call.outcome == "taken" else "called and reached nobody"
    who = wall.people.get(call.called_by) or "Somebody of the staff"
    return f"{who} {what}, {wall.day_and_time(call.called_at)}"


async def _show(request: Request, ask: Asking, refused: Problem | None = None) -> Response:
    people = await people_of(request, ask)
    async with ask.reading("recovery") as view:
        wall = Wall(ZoneInfo((await queries.symptoms_known(view))[1]), people)
        calls = await queries.calls(view)
    clients = {call.client_id for call in calls}
    named, phones = await clients_of(request, ask, clients), await phones_of(request, ask, clients)
    done = DONE.get(asked_of(request).one("done") or "")
    return page(
        request,
        "recovery/calls.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.status if refused else 200,
        refused=refused,
        done=None if refused else done,
        calls=[
            (
                one,
                called(named, one.client_id),
                phones.get(one.client_id),
                wall.day_and_time(one.missed_at),
                CALLS[one.outcome],
                seen_to(one, wall),
            )
            for one in calls
        ],
    )


@routes.get("")
async def to_call(ask: Annotated[Asking, may("follow_up_checkin")], request: Request) -> Response:
    """Those who have waited longest first."""
    return await _show(request, ask)


@routes.post("/{checkin_id}")
async def follow_up(checkin_id: UUID, ask: Annotated[Asking, may("follow_up_checkin")], request: Request, sent: Sent) -> Response:
    """Taken, tried in vain, or reached. Another button of the same form is another answer."""
    note = understood(FollowUpNote, sent.given("outcome"))
    command_id = f"{command_of(sent)}.{note.outcome}"
    try:
        reply = await ask.decide("recovery", follow_up_checkin, FollowUp(checkin_id=checkin_id, note=note), command_id=command_id)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await _show(request, ask, refused.problem)
    async with ask.reading("recovery", reply.index + 1):
        pass
    return RedirectResponse(f"/clinics/{ask.clinic}/to-call?done={note.outcome}", 303, HEADERS)
