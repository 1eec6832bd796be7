"""The practitioner's day: who is expected, who has come, whose treatment has begun. And what all these pages have in common."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from events.transaction import View
from schemas.access import may_any
from schemas.vocabulary import Role
from services.door import Asking, may
from services.screens.frame import HEADERS, page, render
from services.screens.live import stream
from services.screens.names import clients_of, people_of
from services.screens.words import Look, thing, what_of
from services.treatment import queries
from services.treatment.pages.words import Words, look_of

routes = APIRouter(prefix="/clinics/{clinic}/chair", include_in_schema=False)

CARE = frozenset({Role.PRACTITIONER, Role.CLINICIAN})


@dataclass(frozen=True, slots=True)
class Card:
    """One sitting in the list."""

    sitting: queries.Sitting
    look: Look
    time: str
    who: str
    what: str
    room: str
    practitioner: str | None
    came: str | None
    path: str


@dataclass(frozen=True, slots=True)
class Day:
    """Today's list, the most urgent part first."""

    title: str
    now: datetime
    parts: list[tuple[str, list[Card]]]
    stopped: list[Card]


async def words_of(view: View, people: dict[UUID, str]) -> Words:
    """The clinic's clock and people. Before there is a policy nobody knows its time zone."""
    known = await queries.policy_of(view)
    return Words(ZoneInfo(known.policy.clinic.timezone if known else "UTC"), people, known.policy if known else None)


async def gone_on(ask: Asking, index: int, path: str, done: str, query: str = "") -> Response:
    """To a page that knows what was just recorded."""
    async with ask.reading("treatment", index + 1):
        pass
    more = f"&{query}" if query else ""
    return RedirectResponse(f"/clinics/{ask.clinic}/chair{path}?done={done}{more}", 303, HEADERS)


def _midnight(words: Words, now: datetime) -> datetime:
    return datetime.combine(words.day_of(now), datetime.min.time(), words.zone)


async def _day(request: Request, ask: Asking, whose: str, size: int | None = None) -> Day:
    people = await people_of(request, ask)
    mine = ask.actor.identity_id if request.state.roles & CARE and whose == "mine" else None
    async with ask.reading("treatment", size) as view:
        words = await words_of(view, people)
        now, today = view.now, _midnight(words, view.now)
        found = await queries.sittings(view, today, today + timedelta(days=1), mine)
    named = await clients_of(request, ask, {one.visit.client_id for one in found})
    cards = [_card(one, words, named, with_whom=mine is None) for one in found]

    def part(*words_of_state: str) -> list[Card]:
        return [card for card in cards if card.look.word in words_of_state]

    parts = [
        ("In treatment", part("Stop", "In treatment", "Paused", "End missing")),
        ("Here", part("Here")),
        ("Expected", part("Expected", "Conflict")),
        ("Done", part("Done", "Canceled")),
    ]
    return Day(f"{today:%A} {today.day} {today:%B}", now, [(title, found) for title, found in parts if found], part("Stop"))


def _card(one: queries.Sitting, words: Words, named: dict[UUID, str], *, with_whom: bool) -> Card:
    visit = one.visit
    return Card(
        sitting=one,
        look=look_of(one),
        time=words.span(visit),
        who=named.get(visit.client_id) or thing("Client", visit.client_id),
        what=what_of(visit),
        room=thing("Room", visit.room_id),
        practitioner=words.person(one.practitioner_id) if with_whom else None,
        came=words.time(one.came_at) if one.came_at else None,
        path=f"chair/treatments/{one.treatment_id}" if one.treatment_id else f"chair/{visit.booking_id}",
    )


Whose = Annotated[Literal["mine", "all"], Query()]
"""Whoever treats sees their own clients first; all others see everybody's."""


@routes.get("")
async def chair(ask: Annotated[Asking, may("view_treatment")], request: Request, whose: Whose = "mine") -> Response:
    """Today, for whoever treats."""
    found = await _day(request, ask, whose)
    return page(
        request,
        "treatment/chair.html",
        clinic=ask.clinic,
        actor=ask.actor,
        day=found,
        whose=whose,
        treats=bool(request.state.roles & CARE),
        records=may_any(request.state.roles, "record_past_treatment") is not None,
    )


@routes.get("/live")
async def live(ask: Annotated[Asking, may("view_treatment")], request: Request, whose: Whose = "mine") -> Response:
    """The list as it changes."""

    async def look(size: int) -> str:
        return render("treatment/sittings.html", clinic=ask.clinic, day=await _day(request, ask, whose, size))

    return stream(request, ask, f"chair {whose} {looker(request, ask)}", look)


def looker(request: Request, ask: Asking) -> str:
    """Whom a look depends on: what is shown is their own, and what their roles allow."""
    return f"{ask.actor.identity_id} {' '.join(sorted(request.state.roles))}"
