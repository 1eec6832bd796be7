"""The HTTP door of booking."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from schemas.booking import (
    Arrival,
    ArrivalWithdrawal,
    BookingCancellation,
    BookingMove,
    BookingReply,
    BookingRequest,
    BookingResolution,
    Cancellation,
    ClientArrival,
    ClientDetails,
    ClientList,
    ClientMerge,
    ClientRegistration,
    ClientReply,
    Credential,
    CredentialDetails,
    DaySheet,
    MergeTarget,
    Move,
    NoShow,
    OpenSlots,
    Resolution,
    ResourceAddition,
    ResourceDetails,
    Resources,
    SlotSearch,
    WalkIn,
)
from schemas.vocabulary import LocalDate
from services.booking import commands, queries
from services.door import Asking, Reply, may, problem, unmet

routes = APIRouter(prefix="/clinics/{clinic}", tags=["booking"])


@routes.put("/clients/{client_id}", status_code=201, summary="Register a client under your id")
async def put_client(client_id: UUID, body: ClientDetails, ask: Annotated[Asking, may("register_client")]) -> Reply:
    """Personal data stands beside the ledger, bound to it by a salted hash. The same id with other content is refused."""
    request = ClientRegistration(client_id=client_id, **dict(body))
    return await ask.decide("booking", commands.register_client, request, command_id=f"client.{client_id}")


@routes.get("/clients", summary="Find clients by date of birth")
async def get_clients(date_of_birth: Annotated[LocalDate, Query()], ask: Annotated[Asking, may("view_client")]) -> ClientList:
    """At most fifty, by name."""
    async with ask.reading("booking") as view:
        return await queries.clients_born_on(view, date_of_birth)


@routes.get("/clients/{client_id}", summary="One client, with personal data")
async def get_client(client_id: UUID, ask: Annotated[Asking, may("view_client")]) -> ClientReply:
    """Names and contacts are missing after an erasure."""
    async with ask.reading("booking") as view:
        found = await queries.client_of(view, client_id)
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
    return found


@routes.post("/clients/{client_id}/merge", status_code=201, summary="Merge a client's record into another")
async def post_merge(client_id: UUID, body: MergeTarget, ask: Annotated[Asking, may("merge_client")]) -> Reply:
    """Spacing, holds and bookings of both count as one person's from now on."""
    return await ask.decide("booking", commands.merge_clients, ClientMerge(client_id=client_id, into_client_id=body.into_client_id))


@routes.put("/resources/{resource_id}", status_code=201, summary="Add a room or device, or change its turnover")
async def put_resource(resource_id: UUID, body: ResourceDetails, ask: Annotated[Asking, may("add_resource")]) -> Reply:
    """A device's id is its handpiece's id. Needs an Idempotency-Key."""
    return await ask.decide("booking", commands.add_resource, ResourceAddition(resource_id=resource_id, **dict(body)))


@routes.get("/resources", summary="Everything that can be booked")
async def get_resources(ask: Annotated[Asking, may("view_resources")]) -> Resources:
    """Rooms, devices and practitioners."""
    async with ask.reading("booking") as view:
        return await queries.bookable(view)


@routes.put("/practitioners/{practitioner_id}", status_code=201, summary="Credential a practitioner, or renew it")
async def put_practitioner(practitioner_id: UUID, body: CredentialDetails, ask: Annotated[Asking, may("credential_practitioner")]) -> Reply:
    """The id is the identity that presses Start. The newest credential holds. Needs an Idempotency-Key."""
    request = Credential(practitioner_id=practitioner_id, **dict(body))
    return await ask.decide("booking", commands.credential_practitioner, request)


@routes.post("/bookings", status_code=201, summary="Request a booking")
async def post_booking(body: BookingRequest, ask: Annotated[Asking, may("request_booking")]) -> Reply:
    """Confirmed, or refused (409) with every reason and the next free slots. Needs an Idempotency-Key."""
    return await ask.decide("booking", commands.request_booking, body)


@routes.post("/bookings/announce", status_code=201, summary="Announce a booking that was promised elsewhere")
async def post_announcement(body: BookingRequest, ask: Annotated[Asking, may("announce_booking")]) -> Reply:
    """Always recorded: `booking.announced`, or `booking.conflicted` with every finding, which reserves nothing."""
    return await ask.decide("booking", commands.announce_booking, body)


@routes.post("/bookings/walk-in", status_code=201, summary="Book from now on, and record the arrival")
async def post_walk_in(body: WalkIn, ask: Annotated[Asking, may("request_booking")]) -> Reply:
    """One command for a client who stands at the desk."""
    return await ask.decide("booking", commands.walk_in, body)


@routes.post("/open-slots", summary="Which slots are open for this visit?")
async def post_slot_search(body: SlotSearch, ask: Annotated[Asking, may("open_slots")]) -> OpenSlots:
    """Exactly those a request would get. A question, not a command: it needs no Idempotency-Key and records nothing."""
    async with ask.reading("booking") as view:
        return await queries.find_slots(view, body)


@routes.get("/bookings/{booking_id}", summary="One booking as it stands")
async def get_booking(booking_id: UUID, ask: Annotated[Asking, may("view_day_sheet")]) -> BookingReply:
    """With its warnings, flags and arrival."""
    async with ask.reading("booking") as view:
        found = await queries.booking_of(view, booking_id)
    if found is None:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
    return found


@routes.post("/bookings/{booking_id}/reschedule", status_code=201, summary="Move a booking")
async def post_reschedule(booking_id: UUID, body: Move, ask: Annotated[Asking, may("reschedule_booking")]) -> Reply:
    """By the same rules as a new one; if it is refused, the old slot stays."""
    return await ask.decide("booking", commands.reschedule_booking, BookingMove(booking_id=booking_id, **dict(body)))


@routes.post("/bookings/{booking_id}/resolve", status_code=201, summary="Resolve a conflicted booking")
async def post_resolution(booking_id: UUID, body: Resolution, ask: Annotated[Asking, may("resolve_booking")]) -> Reply:
    """Confirm it in its own slot, if that is free by now, or in another."""
    return await ask.decide("booking", commands.resolve_booking, BookingResolution(booking_id=booking_id, **dict(body)))


@routes.post("/bookings/{booking_id}/cancel", status_code=201, summary="Cancel a booking")
async def post_cancellation(booking_id: UUID, body: Cancellation, ask: Annotated[Asking, may("cancel_booking")]) -> Reply:
    """The slot is free again at once."""
    return await ask.decide("booking", commands.cancel_booking, BookingCancellation(booking_id=booking_id, **dict(body)))


@routes.post("/bookings/{booking_id}/arrival", status_code=201, summary="The client has come")
async def post_arrival(booking_id: UUID, body: Arrival, ask: Annotated[Asking, may("record_arrival")]) -> Reply:
    """Name and date of birth are compared and forgotten; a difference is recorded as not confirmed."""
    return await ask.decide("booking", commands.record_arrival, ClientArrival(booking_id=booking_id, **dict(body)))


@routes.post("/bookings/{booking_id}/arrival/withdraw", status_code=201, summary="The client has not come after all")
async def post_arrival_withdrawal(booking_id: UUID, ask: Annotated[Asking, may("withdraw_arrival")]) -> Reply:
    """An arrival was recorded by mistake. The booking waits for the client again; nothing is erased."""
    return await ask.decide("booking", commands.withdraw_arrival, ArrivalWithdrawal(booking_id=booking_id))


@routes.post("/bookings/{booking_id}/no-show", status_code=201, summary="The client did not come")
async def post_no_show(booking_id: UUID, ask: Annotated[Asking, may("record_no_show")]) -> Reply:
    """From the policy's minutes on. The slot stays taken; an arrival undoes it."""
    return await ask.decide("booking", commands.record_no_show, NoShow(booking_id=booking_id))


@routes.get("/day-sheet", summary="All appointments of a local day")
async def get_day_sheet(on: Annotated[LocalDate, Query()], ask: Annotated[Asking, may("view_day_sheet")]) -> DaySheet:
    """With flags, findings and who has arrived, is late, or may be called a no-show."""
    async with ask.reading("booking") as view:
        return await queries.day_sheet(view, on)
