"""A new booking: whose, for what, in which of the free slots; or from now on, for somebody who stands at the desk."""

from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from events.transaction import View
from schemas.booking import BookingRequest, ClientRegistration, SlotSearch, WalkIn
from schemas.booking import ClientReply as Known
from schemas.booking.words import SlotMinutes
from schemas.vocabulary import Area, LocalDate, Shape, VisitType
from services.booking import commands, queries
from services.booking.pages.board import words_of
from services.booking.pages.changing import to_board
from services.booking.pages.slots import Slot, said_time, searched, slots_of, was_refused
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.screens.forms import Fields, Sent, asked_of, command_of, micrometers, understood
from services.screens.frame import HEADERS, page
from services.screens.names import held, people_of
from services.screens.words import day, plain, thing

routes = APIRouter(prefix="/clinics/{clinic}/board", include_in_schema=False)

TYPES = {kind.value: plain(kind.value) for kind in (VisitType.TREATMENT, VisitType.CONSULTATION, VisitType.PATCH_TEST, VisitType.FOLLOW_UP)}
AREAS = {area.value: plain(area.value) for area in Area}
DONE = {"merged": "Both records are one person's from now on."}
MINUTES = [(str(length), str(length)) for length in (15, 30, 45, 60, 75, 90, 120)]


class HowLong(Shape):
    """The length of a visit, as a form says it."""

    minutes: SlotMinutes


class BornOn(Shape):
    """A date of birth in an address: no name ever stands in one."""

    on: LocalDate


def _wish(sent: Fields) -> dict[str, Any]:
    """What a client comes for, as the fields say it. Depth is typed in millimeters, as it is read on the handpiece."""
    depth_um = micrometers(sent.one("depth_mm"))
    return {"areas": sent.all("areas"), "depth_um": depth_um or 0, **sent.given("client_id", "visit_type", "minutes")}


def _search(sent: Fields) -> SlotSearch:
    return understood(SlotSearch, {**_wish(sent), **sent.given("practitioner_id", "from_on"), "days": 1})


async def _client(view: View, sent: Fields) -> Known | None:
    wanted = sent.one("client_id")
    if wanted is None:
        return None
    try:
        found = await queries.client_of(view, UUID(wanted))
    except ValueError:
        found = None
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
    return found


async def _show(request: Request, ask: Asking, sent: Fields, *, refused: Problem | None = None) -> Response:
    """First whose booking it is, then for what, then when. `refused`: every reason, and the next free slots."""
    people = await people_of(request, ask)
    async with ask.reading("booking") as view:
        words = await words_of(view, people)
        client = await _client(view, sent)
        known = await queries.bookable(view)
        found = None
        if client is None and (born := sent.one("date_of_birth")) is not None:
            found = (await queries.clients_born_on(view, understood(BornOn, {"on": born}).on)).clients
        slots: tuple[Slot, ...] | None = None
        none_because: list[str] = []
        if refused is not None and refused.next_slots:
            slots = slots_of(words, refused.next_slots)
        elif refused is None and client is not None and sent.one("minutes"):
            slots, none_because = await searched(view, words, _search(sent))
        today = words.day_of(view.now)
    allowed = held(request, "announce_booking", "merge_client")
    fields = {name: sent.one(name) or "" for name in ("client_id", "visit_type", "depth_mm", "minutes", "practitioner_id", "from_on")}
    return page(
        request,
        "booking/book.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.status if refused else 200,
        client=client,
        found=found,
        day=day,
        fields=fields,
        chosen_areas=sent.all("areas"),
        born=sent.one("date_of_birth") or "",
        today=today,
        types=TYPES,
        areas=AREAS,
        all_minutes=MINUTES,
        practitioners=words.practitioners(known),
        rooms=[(room.resource_id, thing("Room", room.resource_id)) for room in known.rooms],
        slots=slots,
        none_because=none_because,
        refused=refused,
        booking_id=uuid4(),
        announces=allowed["announce_booking"],
        merges=allowed["merge_client"],
        done=DONE.get(asked_of(request).one("done") or "") if refused is None else None,
    )


@routes.get("/book")
async def book_page(ask: Annotated[Asking, may("view_client")], request: Request) -> Response:
    """The form; with a client and a wish in the address, the free slots too."""
    return await _show(request, ask, asked_of(request))


@routes.post("/clients")
async def register(ask: Annotated[Asking, may("register_client")], sent: Sent) -> Response:
    """A client who was never here. The id comes from the form, so that sent twice is once."""
    names = ("client_id", "given_name", "family_name", "date_of_birth", "email", "phone")
    body = understood(ClientRegistration, sent.given(*names))
    reply = await ask.decide("booking", commands.register_client, body, command_id=f"client.{body.client_id}")
    async with ask.reading("booking", reply.index + 1):
        pass
    day_wanted = f"&from_on={on}" if (on := sent.one("from_on")) and on.replace("-", "").isdigit() else ""
    return RedirectResponse(f"/clinics/{ask.clinic}/board/book?client_id={body.client_id}{day_wanted}", 303, HEADERS)


@routes.post("/book")
async def book(ask: Annotated[Asking, may("request_booking")], request: Request, sent: Sent) -> Response:
    """One of the slots that were offered; somebody else may have been faster."""
    slot = sent.given("booking_id", "starts_at", "ends_at", "practitioner_id", "room_id")
    wish = {name: value for name, value in _wish(sent).items() if name != "minutes"}
    body = understood(BookingRequest, wish | slot)
    return await _take(request, ask, sent, "booked", commands.request_booking, body)


@routes.post("/walk-in")
async def walk_in(ask: Annotated[Asking, may("request_booking")], request: Request, sent: Sent) -> Response:
    """From now on, and the client is here."""
    compared = {"identity_confirmed": sent.one("identity_confirmed") == "yes"}
    body = understood(WalkIn, _wish(sent) | sent.given("booking_id", "practitioner_id", "room_id") | {"arrival": compared})
    return await _take(request, ask, sent, "walked_in", commands.walk_in, body)


@routes.post("/promised")
async def promised(ask: Annotated[Asking, may("announce_booking")], request: Request, sent: Sent) -> Response:
    """What somebody was promised elsewhere, for a time that is typed: recorded as it is, a conflict where a rule speaks against it."""
    wish = _wish(sent)
    length = understood(HowLong, {"minutes": wish.pop("minutes", None)}).minutes
    async with ask.reading("booking") as view:
        slot = await said_time(view, sent, timedelta(minutes=length))
    body = understood(BookingRequest, wish | slot | sent.given("booking_id"))
    return await _take(request, ask, sent, "promised", commands.announce_booking, body)


async def _take(request: Request, ask: Asking, sent: Fields, done: str, command: Any, body: BookingRequest | WalkIn) -> Response:
    try:
        reply = await ask.decide("booking", command, body, command_id=command_of(sent))
    except ProblemError as refused:
        if not was_refused(refused) or not held(request, "view_client")["view_client"]:
            raise  # another system may book; the page would say who the client is
        return await _show(request, ask, sent, refused=refused.problem)
    return await to_board(ask, reply, done, body.booking_id)
