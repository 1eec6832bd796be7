"""The day board: a column for each practitioner, live."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from events.transaction import View
from schemas.booking import BookingReply
from schemas.vocabulary import LocalDate, Visit
from services.booking import queries
from services.booking.pages.words import LOOK_AT_IT, LOOKS, Words, look_of, reasons_of
from services.door import Asking, may, problem, unmet
from services.screens.forms import asked_of
from services.screens.frame import page, render
from services.screens.live import stream
from services.screens.names import held, people_of
from services.screens.words import Look, day, thing, what_of

routes = APIRouter(prefix="/clinics/{clinic}/board", include_in_schema=False)

DONE = {
    "booked": "Booked.",
    "promised": "Recorded as it was promised.",
    "walked_in": "Booked, and the client is here.",
    "arrived": "The client is here.",
    "not_here": "The client is not here: the booking waits for them again.",
    "moved": "Moved.",
    "canceled": "Canceled: the slot is free again.",
    "resolved": "The conflict is resolved: the booking stands.",
    "no_show": "Recorded as a no-show. An arrival undoes it.",
}
"""What a page says after something was done; its address names the word only."""


@dataclass(frozen=True, slots=True)
class Card:
    """One booking on the board."""

    visit: Visit
    look: Look
    time: str
    who: str
    what: str
    room: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Board:
    """One day."""

    on: date
    today: date
    columns: list[tuple[str, list[Card]]]
    counts: list[tuple[Look, int]]


async def words_of(view: View, people: dict[UUID, str]) -> Words:
    """The clinic's clock and people. Raises a 409 problem before there is a policy: nobody knows its time zone."""
    known = await queries.load_policy(view.rows, view.clinic_id, view.now)
    if known is None:
        raise problem(409, "refused", "Not ready", unmet("policy_must_be_in_force"))
    return Words(ZoneInfo(known.policy.clinic.timezone), people)


def _named(request: Request) -> bool:
    return held(request, "view_client")["view_client"]


async def client_names(request: Request, view: View, bookings: tuple[BookingReply, ...]) -> dict[UUID, str]:
    """What clients are called, for whoever may know with any of their roles."""
    if not _named(request):
        return {}
    return await queries.clients_named(view, {booking.visit.client_id for booking in bookings})


async def noes_of(request: Request, view: View, words: Words, bookings: tuple[BookingReply, ...]) -> dict[UUID, str]:
    """Bookings whose client said no to the consent, in words, for whoever may know who it is."""
    if not _named(request):
        return {}
    return {booking_id: words.no(said) for booking_id, said in (await queries.noes_ahead(view, bookings)).items()}


def all_reasons(booking: BookingReply, noes: dict[UUID, str]) -> list[str]:
    """What speaks against a booking, and a no for whose sake it may well not take place."""
    no = noes.get(booking.visit.booking_id)
    return [*([no] if no else []), *reasons_of(booking)]


async def _board(request: Request, ask: Asking, wanted: date | None, size: int | None = None) -> Board:
    people = await people_of(request, ask)
    async with ask.reading("booking", size) as view:
        words = await words_of(view, people)
        today = words.day_of(view.now)
        sheet = await queries.day_sheet(view, wanted or today)
        known = await queries.bookable(view)
        named = await client_names(request, view, sheet.bookings)
        noes = await noes_of(request, view, words, sheet.bookings)
    cards: defaultdict[UUID, list[Card]] = defaultdict(list)
    for booking in sheet.bookings:
        visit = booking.visit
        cards[visit.practitioner_id].append(
            Card(
                visit=visit,
                look=look_of(booking),
                time=words.span(visit),
                who=named.get(visit.client_id) or thing("Client", visit.client_id),
                what=what_of(visit),
                room=thing("Room", visit.room_id),
                reasons=all_reasons(booking, noes),
            )
        )
    here = words.practitioners(known)
    gone = sorted(cards.keys() - {identity for identity, _ in here})
    counted = Counter(card.look for column in cards.values() for card in column)
    to_look_at = sum(bool(card.reasons) for column in cards.values() for card in column)
    return Board(
        on=sheet.on,
        today=today,
        columns=[(name, cards[identity]) for identity, name in [*here, *((who, words.person(who)) for who in gone)]],
        counts=[*((look, counted[look]) for look in LOOKS.values() if counted[look]), *([(LOOK_AT_IT, to_look_at)] if to_look_at else [])],
    )


def _undo(request: Request) -> dict[str, Any] | None:
    """What takes the last act back: a canceled booking is made again, a moved one moves to where it was, who came has not come.

    Only on the way from a page of ours: a link from elsewhere could offer to undo what nobody did, with a slot of its own choosing.
    """
    if request.headers.get("sec-fetch-site") != "same-origin":
        return None
    asked = asked_of(request)
    done, booking = asked.one("done"), asked.one("booking")
    was = asked.given("starts_at", "ends_at", "practitioner_id", "room_id")
    if booking is None or (done == "moved" and len(was) < 4):  # noqa: PLR2004 - those four
        return None
    try:
        known = str(UUID(booking))
    except ValueError:
        return None
    ways_back = {
        "canceled": {"path": f"{known}/book-again", "fields": {}},
        "moved": {"path": f"{known}/move", "fields": was},
        "arrived": {"path": f"{known}/arrival/withdraw", "fields": {}},
    }
    return ways_back.get(done or "")


@routes.get("")
async def board(
    ask: Annotated[Asking, may("view_day_sheet")], request: Request, on: Annotated[LocalDate | None, Query()] = None
) -> Response:
    """A day; without one, today."""
    found = await _board(request, ask, on)
    one = timedelta(days=1)
    return page(
        request,
        "booking/board.html",
        clinic=ask.clinic,
        actor=ask.actor,
        board=found,
        day=day,
        before=found.on - one,
        after=found.on + one,
        done=DONE.get(asked_of(request).one("done") or ""),
        undo=_undo(request),
        may_book=held(request, "request_booking")["request_booking"],
    )


@routes.get("/live")
async def live(ask: Annotated[Asking, may("view_day_sheet")], request: Request, on: Annotated[LocalDate, Query()]) -> Response:
    """The cards of a day as they change."""

    async def look(size: int) -> str:
        return render("booking/cards.html", clinic=ask.clinic, board=await _board(request, ask, on, size))

    return stream(request, ask, f"board of {on}, {'named' if _named(request) else 'unnamed'}", look)
