"""The stream doors: what front-desk systems send, and what other services say."""

from typing import Any

from events.catalog.booking import ClientMerged, PractitionerCredentialed
from events.catalog.compliance import ClientErased
from events.catalog.hygiene import ExposureFound, RecallOpened
from events.catalog.recovery import SafetyHoldPlaced
from events.catalog.treatment import TreatmentEnded, TreatmentRecordedLate
from events.dead_letters import forget_letters
from events.envelope import Entry
from events.inbox import Inbox
from events.streams import Reactions
from events.transaction import Answer, Transaction
from schemas.booking import ArrivalWithdrawal, BookingCancellation, BookingMove, BookingRequest, ClientArrival, ClientRegistration
from services.booking import commands

when = Reactions("booking")
accepts = Inbox("booking")


@accepts("client.register", ClientRegistration, command="register_client")
async def client_register(tx: Transaction, request: ClientRegistration) -> Answer[Any]:
    """Make a client known under an id of yours."""
    return await commands.register_client(tx, request)


@accepts("client.arrive", ClientArrival, command="record_arrival")
async def client_arrive(tx: Transaction, request: ClientArrival) -> Answer[Any]:
    """The client of a booking has come."""
    return await commands.record_arrival(tx, request)


@accepts("client.withdraw_arrival", ArrivalWithdrawal, command="withdraw_arrival")
async def client_withdraw_arrival(tx: Transaction, request: ArrivalWithdrawal) -> Answer[Any]:
    """The client of a booking has not come after all."""
    return await commands.withdraw_arrival(tx, request)


@accepts("booking.request", BookingRequest, command="request_booking")
async def booking_request(tx: Transaction, request: BookingRequest) -> Answer[Any]:
    """Ask for a slot."""
    return await commands.request_booking(tx, request)


@accepts("booking.announce", BookingRequest, command="announce_booking")
async def booking_announce(tx: Transaction, request: BookingRequest) -> Answer[Any]:
    """Tell of a slot that was promised to a person already."""
    return await commands.announce_booking(tx, request)


@accepts("booking.reschedule", BookingMove, command="reschedule_booking")
async def booking_reschedule(tx: Transaction, request: BookingMove) -> Answer[Any]:
    """Move a booking."""
    return await commands.reschedule_booking(tx, request)


@accepts("booking.cancel", BookingCancellation, command="cancel_booking")
async def booking_cancel(tx: Transaction, request: BookingCancellation) -> Answer[Any]:
    """Give a booking up."""
    return await commands.cancel_booking(tx, request)


@when(TreatmentEnded, TreatmentRecordedLate)
async def flag_bookings_too_early(tx: Transaction, entry: Entry[TreatmentEnded | TreatmentRecordedLate]) -> None:
    await commands.flag_spacing(tx, entry.event.client_id, entry.event.treatment_id)


@when(TreatmentEnded)
async def flag_bookings_behind(tx: Transaction, entry: Entry[TreatmentEnded]) -> None:
    await commands.flag_late(tx, entry.event.booking_id, entry.event.treatment_id)


@when(SafetyHoldPlaced)
async def flag_bookings_on_hold(tx: Transaction, entry: Entry[SafetyHoldPlaced]) -> None:
    await commands.flag_held(tx, entry.event.client_id, entry.event.hold_id)


@when(RecallOpened, ExposureFound)
async def flag_bookings_of_exposed(tx: Transaction, entry: Entry[RecallOpened | ExposureFound]) -> None:
    client_ids = sorted({exposure.client_id for exposure in entry.event.exposures})
    held_id = entry.event.subject_id if isinstance(entry.event, RecallOpened) else None
    await commands.flag_exposed(tx, entry.event.recall_id, client_ids, held_id)


@when(ClientMerged)
async def flag_bookings_of_one_person(tx: Transaction, entry: Entry[ClientMerged]) -> None:
    await commands.flag_spacing(tx, entry.event.into_client_id, entry.event_id, among_bookings=True)
    await commands.flag_two_places(tx, entry.event.into_client_id, entry.event_id)


@when(PractitionerCredentialed)
async def flag_bookings_to_reassign(tx: Transaction, entry: Entry[PractitionerCredentialed]) -> None:
    await commands.flag_credential(tx, entry.event.practitioner_id, entry.event_id)


@when(ClientErased)
async def forget_erased_client(tx: Transaction, entry: Entry[ClientErased]) -> None:
    await commands.forget_client(tx, entry.event.client_id)
    await forget_letters(tx, entry.event.client_id)
