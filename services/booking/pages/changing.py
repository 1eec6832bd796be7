"""One booking: what speaks against it, and everything the desk may do with it."""

from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import RedirectResponse, Response

from schemas.booking import (
    ArrivalWithdrawal,
    BookingCancellation,
    BookingMove,
    BookingReply,
    BookingRequest,
    BookingResolution,
    ClientArrival,
    Move,
    NoShow,
    SlotSearch,
)
from schemas.vocabulary import Visit
from services.booking import commands, queries
from services.booking.pages.board import all_reasons, client_names, noes_of, words_of
from services.booking.pages.slots import Slot, said_time, searched, slots_of, was_refused
from services.booking.pages.words import look_of
from services.door import Asking, Problem, ProblemError, Reply, may, problem, unmet
from services.screens.forms import Fields, Sent, asked_of, command_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import held, people_of
from services.screens.words import thing, what_of

routes = APIRouter(prefix="/clinics/{clinic}/board", include_in_schema=False)

REASONS = {
    "client_asked": "The client asked",
    "client_ill": "The client is ill",
    "practitioner_ill": "The practitioner is ill",
    "clinic_closed": "The clinic is closed",
    "booked_by_mistake": "Booked by mistake",
}
"""Why bookings are given up: codes, never free text, which might name an illness."""

SLOT = frozenset({"starts_at", "ends_at", "practitioner_id", "room_id"})
"""The parts of a visit that a move changes, and that its undo puts back."""

DOES_NOT_EXIST = unmet("record_must_exist")


def _search_for(visit: Visit, sent: Fields, today: date) -> SlotSearch:
    return understood(
        SlotSearch,
        {
            "client_id": visit.client_id,
            "device_id": visit.device_id,
            "visit_type": visit.visit_type,
            "modality": visit.modality,
            "areas": visit.areas,
            "depth_um": visit.depth_um,
            "minutes": (visit.ends_at - visit.starts_at) // timedelta(minutes=1),
            "practitioner_id": sent.one("practitioner_id"),
            "from_on": sent.one("from_on") or today,
            "days": 1,
        },
    )


def _acts(request: Request, booking: BookingReply, *, is_today: bool) -> dict[str, bool]:
    """What may be done with it now, by whoever looks. The command decides; this only leaves out what is hopeless."""
    open_ = booking.state in {"confirmed", "conflicted"}
    here = booking.attendance == "arrived"
    wanted = {
        # Also of somebody who is here, but was not compared with the record yet.
        "record_arrival": booking.state == "confirmed" and is_today and not (here and booking.identity_confirmed),
        "withdraw_arrival": open_ and here,
        "record_no_show": booking.state == "confirmed" and booking.attendance == "no_show_due",
        "reschedule_booking": booking.state == "confirmed",
        "resolve_booking": booking.state == "conflicted",
        "cancel_booking": open_,
        "request_booking": booking.state == "canceled",
        "sign_consent": open_,
        "withdraw_consent": True,
        "report_reaction": True,
        "view_treatment": open_,
    }
    allowed = held(request, *wanted)
    return {command: hopeful and allowed[command] for command, hopeful in wanted.items()}


async def _show(
    request: Request, ask: Asking, booking_id: UUID, *, refused: Problem | None = None, asked: Fields | None = None
) -> Response:
    """The page of one booking. `refused`: what was just asked for, with every reason and, for slots, the next free ones."""
    wanted = asked or asked_of(request)
    people = await people_of(request, ask)
    async with ask.reading("booking") as view:
        words = await words_of(view, people)
        booking = await queries.booking_of(view, booking_id)
        if booking is None:
            raise problem(404, "unknown", "Not found", DOES_NOT_EXIST)
        visit, today = booking.visit, words.day_of(view.now)
        named = await client_names(request, view, (booking,))
        noes = await noes_of(request, view, words, (booking,))
        known = await queries.bookable(view)
        slots: tuple[Slot, ...] | None = None
        why: list[str] = []
        if refused is not None and refused.next_slots:
            slots = slots_of(words, tuple(refused.next_slots))
        elif wanted.one("from_on") and held(request, "open_slots")["open_slots"]:
            slots, why = await searched(view, words, _search_for(visit, wanted, today))
        acts = _acts(request, booking, is_today=words.day_of(visit.starts_at) == today)
    return page(
        request,
        "booking/booking.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.status if refused else 200,
        booking=booking,
        visit=visit,
        look=look_of(booking),
        reasons=all_reasons(booking, noes),
        who=named.get(visit.client_id) or thing("Client", visit.client_id),
        what=what_of(visit),
        room=thing("Room", visit.room_id),
        device=thing("Handpiece", visit.device_id),
        practitioner=words.person(visit.practitioner_id),
        when=f"{words.day_and_time(visit.starts_at)}–{words.time(visit.ends_at)}",
        arrived=words.time(booking.arrived_at) if booking.arrived_at else None,
        on=words.day_of(visit.starts_at),
        search_on=wanted.one("from_on") or max(today, words.day_of(visit.starts_at)),
        practitioners=words.practitioners(known),
        chosen=wanted.one("practitioner_id") or "",
        slots=slots,
        none_because=why,
        refused=refused,
        cancel_reasons=REASONS,
        acts=acts,
    )


@routes.get("/{booking_id}")
async def booking(booking_id: UUID, ask: Annotated[Asking, may("view_day_sheet")], request: Request) -> Response:
    """One booking; with `from_on`, other slots for it too."""
    return await _show(request, ask, booking_id)


async def _do(
    request: Request, ask: Asking, sent: Fields, done: str, *, booking_id: UUID, command: Any, body: BaseModel, **more: str
) -> Response:
    """Give a command; then the board of that day says so, or the booking's page says why not."""
    try:
        reply: Reply = await ask.decide("booking", command, body, command_id=command_of(sent))
    except ProblemError as refused:
        async with ask.reading("booking", refused.problem.index) as view:
            if not was_refused(refused) or await queries.booking_of(view, booking_id) is None:
                raise
        return await _show(request, ask, booking_id, refused=refused.problem, asked=sent)
    return await to_board(ask, reply, done, booking_id, **more)


async def to_board(ask: Asking, reply: Reply, done: str, booking_id: UUID, **more: str) -> Response:
    """See other: the board of the booking's day, with a word on what was done."""
    async with ask.reading("booking", reply.index + 1) as view:
        words = await words_of(view, {})
        known = await queries.booking_of(view, booking_id)
    on = words.day_of(known.visit.starts_at) if known else None
    query = "&".join(f"{name}={value}" for name, value in {"on": on, "done": done, "booking": booking_id, **more}.items() if value)
    return RedirectResponse(f"/clinics/{ask.clinic}/board?{query}".replace("+", "%2B"), 303, HEADERS)


@routes.post("/{booking_id}/arrival")
async def arrive(booking_id: UUID, ask: Annotated[Asking, may("record_arrival")], request: Request, sent: Sent) -> Response:
    """The client has come. Whether somebody compared name and date of birth is said, not assumed."""
    body = ClientArrival(booking_id=booking_id, identity_confirmed=sent.one("identity_confirmed") == "yes")
    return await _do(request, ask, sent, "arrived", booking_id=booking_id, command=commands.record_arrival, body=body)


@routes.post("/{booking_id}/arrival/withdraw")
async def withdraw_arrival(booking_id: UUID, ask: Annotated[Asking, may("withdraw_arrival")], request: Request, sent: Sent) -> Response:
    """The client has not come after all."""
    body = ArrivalWithdrawal(booking_id=booking_id)
    return await _do(request, ask, sent, "not_here", booking_id=booking_id, command=commands.withdraw_arrival, body=body)


@routes.post("/{booking_id}/no-show")
async def no_show(booking_id: UUID, ask: Annotated[Asking, may("record_no_show")], request: Request, sent: Sent) -> Response:
    """The client did not come."""
    body = NoShow(booking_id=booking_id)
    return await _do(request, ask, sent, "no_show", booking_id=booking_id, command=commands.record_no_show, body=body)


@routes.post("/{booking_id}/cancel")
async def cancel(booking_id: UUID, ask: Annotated[Asking, may("cancel_booking")], request: Request, sent: Sent) -> Response:
    """The slot is free again; `book-again` undoes it while it is."""
    body = understood(BookingCancellation, {"booking_id": booking_id, **sent.given("reason")})
    return await _do(request, ask, sent, "canceled", booking_id=booking_id, command=commands.cancel_booking, body=body)


async def _wanted_slot(ask: Asking, sent: Fields, booking_id: UUID) -> tuple[Visit, dict[str, Any]]:
    """The booking as it is, and the slot of a form: one that was offered, or a day and time that somebody typed."""
    async with ask.reading("booking") as view:
        known = await queries.booking_of(view, booking_id)
        if known is None:
            raise problem(404, "unknown", "Not found", DOES_NOT_EXIST)
        typed = await said_time(view, sent, known.visit.ends_at - known.visit.starts_at)
    return known.visit, typed or dict(sent.given("starts_at", "ends_at", "practitioner_id", "room_id"))


@routes.post("/{booking_id}/move")
async def move(booking_id: UUID, ask: Annotated[Asking, may("reschedule_booking")], request: Request, sent: Sent) -> Response:
    """Another slot, by the same rules as a new booking; if it is refused, the old one stays."""
    before, wanted = await _wanted_slot(ask, sent, booking_id)
    body = understood(BookingMove, {"booking_id": booking_id, **wanted})
    was = {name: str(value) for name, value in before.model_dump(mode="json").items() if name in SLOT}
    return await _do(request, ask, sent, "moved", booking_id=booking_id, command=commands.reschedule_booking, body=body, **was)


@routes.post("/{booking_id}/resolve")
async def resolve(booking_id: UUID, ask: Annotated[Asking, may("resolve_booking")], request: Request, sent: Sent) -> Response:
    """A conflicted announcement: confirmed in its own slot if that is free by now, or in another."""
    _, wanted = await _wanted_slot(ask, sent, booking_id)
    body = BookingResolution(booking_id=booking_id, move=understood(Move, wanted) if wanted else None)
    return await _do(request, ask, sent, "resolved", booking_id=booking_id, command=commands.resolve_booking, body=body)


@routes.post("/{booking_id}/book-again")
async def book_again(booking_id: UUID, ask: Annotated[Asking, may("request_booking")], request: Request, sent: Sent) -> Response:
    """Undo a cancellation: the same visit under a new id, if its slot is still free."""
    async with ask.reading("booking") as view:
        known = await queries.booking_of(view, booking_id)
    if known is None:
        raise problem(404, "unknown", "Not found", DOES_NOT_EXIST)
    body = understood(BookingRequest, {**known.visit.model_dump(mode="json"), **sent.given("booking_id")})
    try:
        reply = await ask.decide("booking", commands.request_booking, body, command_id=command_of(sent))
    except ProblemError as refused:
        if not was_refused(refused):
            raise
        return await _show(request, ask, booking_id, refused=refused.problem, asked=sent)
    return await to_board(ask, reply, "booked", body.booking_id)
