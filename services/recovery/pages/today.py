"""What the staff sees of recovery: who must be looked at, who did not answer, who is asked today."""

from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.vocabulary import LocalDate
from services.door import Asking, may
from services.recovery import queries
from services.recovery.pages.calls import seen_to
from services.recovery.pages.words import INCIDENTS, STATES, TIERS, called, plain
from services.screens.frame import page
from services.screens.names import clients_of, people_of
from services.screens.words import Wall, day

routes = APIRouter(prefix="/clinics/{clinic}/recovery", include_in_schema=False)

MOST_REACTIONS = 20


@routes.get("")
async def today(
    ask: Annotated[Asking, may("view_recovery")], request: Request, on: Annotated[LocalDate | None, Query()] = None
) -> Response:
    """The worst first: holds, reactions, silence, and then the day's check-ins."""
    people = await people_of(request, ask)
    async with ask.reading("recovery") as view:
        wall = Wall(ZoneInfo((await queries.symptoms_known(view))[1]), people)
        now = view.now
        wanted = on or wall.day_of(now)
        holds = await queries.safety_holds(view, open_only=True)
        reactions = [one for one in await queries.reactions(view) if one.tier != "none"][:MOST_REACTIONS]
        incidents = (await queries.incidents(view))[:MOST_REACTIONS]
        silent = await queries.unanswered_check_ins(view)
        calls = {call.checkin_id: call for call in await queries.calls(view)}
        check_ins = await queries.check_ins_on(view, wanted)
    clients = {*(one.client_id for one in holds), *(one.client_id for one in reactions), *(one.client_id for one in (*silent, *check_ins))}
    named = await clients_of(request, ask, clients)
    one_day = timedelta(days=1)
    return page(
        request,
        "recovery/today.html",
        clinic=ask.clinic,
        actor=ask.actor,
        on=wanted,
        is_today=wanted == wall.day_of(now),
        before=wanted - one_day,
        after=wanted + one_day,
        day=day,
        called=lambda client_id: called(named, client_id),
        holds=[(one, TIERS[one.tier], plain(one.reason), wall.day_and_time(one.placed_at)) for one in holds],
        reactions=[(one, TIERS[one.tier], wall.day_and_time(one.reported_at), wall.day_and_time(one.respond_by)) for one in reactions],
        incidents=[
            (INCIDENTS.get(one.kind) or plain(one.kind), wall.day_and_time(one.become_aware_at), one.report_due_on, one.reporting)
            for one in incidents
        ],
        silent=[(one, wall.day_and_time(one.due_at), calls.get(one.checkin_id)) for one in silent],
        seen_to=lambda call: seen_to(call, wall),
        check_ins=[
            (one, wall.time(one.due_at), TIERS[one.tier] if one.tier else STATES[one.state], STATES[one.state].word) for one in check_ins
        ],
    )
