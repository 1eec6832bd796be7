"""How booking's decisions are asked again, and which private rows its events are bound to.

Left out by name: `slot_must_name_a_time_that_exists`, for the ledger keeps an instant and not the offset it was written in;
of arrivals what was claimed in a request that was refused; and of an erased client what their date of birth said.
"""

from collections.abc import Sequence
from typing import Any

from events.catalog.booking import (
    ArrivalWithdrawn,
    BookingAnnounced,
    BookingCanceled,
    BookingConfirmed,
    BookingConflicted,
    BookingFlagged,
    BookingRefused,
    BookingRequested,
    BookingRescheduled,
    ClientArrived,
    ClientMerged,
    ClientRegistered,
    PractitionerCredentialed,
    RequestRefused,
    ResourceAdded,
)
from events.checking.replays import Asked, Past, Private, Replays
from schemas.booking import (
    ArrivalWithdrawal,
    BookingCancellation,
    BookingMove,
    BookingRequest,
    BookingResolution,
    ClientArrival,
    ClientMerge,
    ClientRegistration,
    Credential,
    Move,
    NoShow,
    Recognition,
    ResourceAddition,
    WalkIn,
)
from schemas.vocabulary import Visit
from services.booking import commands

replays = Replays("booking")
replays.keeps(
    Private(ClientRegistered, "booking.client_details", {"client_id": "client_id"}, "content", digest="commitment", client="client_id")
)

OFFSET = frozenset({"slot_must_name_a_time_that_exists"})
BORN = frozenset({"client_should_be_of_age"})


async def _without(past: Past, visit: Visit) -> frozenset[str]:
    """What cannot be asked again about this client."""
    details = await past.kept("booking.client_details", client_id=visit.client_id)
    return OFFSET if details is not None else OFFSET | BORN


def _request(visit: Visit) -> BookingRequest:
    return BookingRequest.model_validate(dict(visit))


def _move(visit: Visit) -> dict[str, Any]:
    return {name: getattr(visit, name) for name in Move.model_fields}


def _walk_in(visit: Visit, *, confirmed: bool) -> WalkIn:
    minutes = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    wished = {name: value for name, value in dict(visit).items() if name in WalkIn.model_fields}
    return WalkIn.model_validate({**wished, "minutes": minutes, "arrival": Recognition(identity_confirmed=confirmed)})


def _resolutions(visit: Visit) -> list[BookingResolution]:
    """In the slot that was announced, or in another."""
    return [BookingResolution(booking_id=visit.booking_id, move=move) for move in (None, Move(**_move(visit)))]


@replays(BookingConfirmed)
async def of_a_confirmation(past: Past) -> Sequence[Asked] | None:
    visit: Visit = past.event.visit
    without = await _without(past, visit)
    arrived = past.said(ClientArrived)
    if arrived is not None:
        if without >= BORN:
            return None  # an arrival says how old somebody was
        return [Asked(commands.walk_in, _walk_in(visit, confirmed=arrived.identity_confirmed), without)]
    if past.said(BookingRequested) is not None:
        return [Asked(commands.request_booking, _request(visit), without)]
    return [Asked(commands.resolve_booking, resolution, without) for resolution in _resolutions(visit)]


@replays(BookingRefused)
async def of_a_refusal(past: Past) -> Sequence[Asked]:
    visit: Visit = past.event.visit
    without = await _without(past, visit)
    if past.said(BookingRequested) is not None:
        walk_in = [Asked(commands.walk_in, _walk_in(visit, confirmed=True), without)] if visit.starts_at == past.answer.recorded_at else []
        return [Asked(commands.request_booking, _request(visit), without), *walk_in]
    moved = BookingMove(booking_id=visit.booking_id, **_move(visit))
    return [
        Asked(commands.reschedule_booking, moved, without),
        *(Asked(commands.resolve_booking, resolution, without) for resolution in _resolutions(visit)),
        Asked(commands.announce_booking, _request(visit), without),
    ]


@replays(BookingAnnounced, BookingConflicted)
async def of_an_announcement(past: Past) -> Sequence[Asked]:
    visit: Visit = past.event.visit
    return [Asked(commands.announce_booking, _request(visit), await _without(past, visit))]


@replays(BookingRescheduled)
async def of_a_move(past: Past) -> Sequence[Asked]:
    visit: Visit = past.event.visit
    moved = BookingMove(booking_id=visit.booking_id, **_move(visit))
    return [Asked(commands.reschedule_booking, moved, await _without(past, visit))]


@replays(BookingCanceled)
async def of_a_cancellation(past: Past) -> Sequence[Asked]:
    said: BookingCanceled = past.event
    return [Asked(commands.cancel_booking, BookingCancellation(booking_id=said.booking_id, reason=said.reason))]


@replays(ClientArrived)
async def of_an_arrival(past: Past) -> Sequence[Asked] | None:
    """What was said at the desk is kept nowhere: whether it matched is taken from the answer."""
    said: ClientArrived = past.event
    request = ClientArrival(booking_id=said.booking_id, identity_confirmed=said.identity_confirmed, occurred_at=said.occurred_at)
    asked = [Asked(commands.record_arrival, request)]
    return asked if await past.kept("booking.client_details", client_id=said.client_id) is not None else None


@replays(ArrivalWithdrawn)
async def of_an_arrival_withdrawn(past: Past) -> Sequence[Asked]:
    return [Asked(commands.withdraw_arrival, ArrivalWithdrawal(booking_id=past.event.booking_id))]


@replays(BookingFlagged)
async def of_a_no_show(past: Past) -> Sequence[Asked]:
    """The one flag that a person sets."""
    return [Asked(commands.record_no_show, NoShow(booking_id=past.event.booking_id))]


@replays(ClientRegistered)
async def of_a_registration(past: Past) -> Sequence[Asked] | None:
    kept = await past.kept("booking.client_details", client_id=past.event.client_id)
    if kept is None:
        return None
    request = ClientRegistration.model_validate_json(bytes(kept["content"]))
    return [Asked(commands.register_client, request, salt=bytes(kept["salt"]))]


@replays(ClientMerged)
async def of_a_merge(past: Past) -> Sequence[Asked]:
    said: ClientMerged = past.event
    return [Asked(commands.merge_clients, ClientMerge(client_id=said.client_id, into_client_id=said.into_client_id))]


@replays(ResourceAdded)
async def of_a_resource(past: Past) -> Sequence[Asked]:
    said: ResourceAdded = past.event
    return [Asked(commands.add_resource, ResourceAddition.model_validate(dict(said)))]


@replays(PractitionerCredentialed)
async def of_a_credential(past: Past) -> Sequence[Asked]:
    return [Asked(commands.credential_practitioner, Credential.model_validate(dict(past.event)))]


CLAIMED = frozenset({"arrival_may_be_recorded_on_the_day_only", "arrival_may_not_lie_ahead"})


@replays(
    RequestRefused,
    refusing=("record_arrival", "withdraw_arrival", "record_no_show", "reschedule_booking", "resolve_booking", "cancel_booking"),
)
async def of_a_refused_request(past: Past) -> Sequence[Asked]:
    """About a booking that is not there, or is over."""
    booking_id, at = past.event.subject_id, past.answer.recorded_at
    match past.event.command:
        case "record_arrival":
            arrival = ClientArrival(booking_id=booking_id, identity_confirmed=False)
            return [Asked(commands.record_arrival, arrival, CLAIMED | {"person_must_be_known"})]
        case "withdraw_arrival":
            return [Asked(commands.withdraw_arrival, ArrivalWithdrawal(booking_id=booking_id))]
        case "record_no_show":
            return [Asked(commands.record_no_show, NoShow(booking_id=booking_id))]
        case "reschedule_booking":
            return [Asked(commands.reschedule_booking, BookingMove(booking_id=booking_id, starts_at=at, ends_at=at))]
        case "resolve_booking":
            return [Asked(commands.resolve_booking, BookingResolution(booking_id=booking_id))]
        case _:
            return [Asked(commands.cancel_booking, BookingCancellation(booking_id=booking_id))]
