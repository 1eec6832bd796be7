"""What happens after a booking was made, and which bookings somebody must look at."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalog.booking import (
    BookingConfirmed,
    BookingFlagged,
    BookingRescheduled,
    ClientMerged,
    PractitionerCredentialed,
)
from events.catalog.hygiene import Exposure, HandpieceCommissioned, RecallOpened
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import Equipment, TreatmentEnded, TreatmentStarted
from schemas.booking import BookingMove, ClientMerge
from schemas.vocabulary import Area, AreaDepth, Modality, Role
from services.booking import commands
from tests.conftest import House
from tests.services.booking_desk import Desk, another_client, open_desk, unmet


@pytest.fixture
async def desk(house: House) -> Desk:
    return await open_desk(house)


async def flags(desk: Desk) -> list[tuple[UUID, str, UUID]]:
    await desk.house.react("booking")
    return [(flag.booking_id, flag.reason, flag.cause) for flag in await desk.house.said(BookingFlagged)]


async def test_an_end_deeper_than_planned_flags_the_next_booking(desk: Desk) -> None:
    request = desk.request(desk.at(10, days=14))
    assert isinstance(await desk.book(request), BookingConfirmed)
    treatment_id = await desk.treated(days_ago=4, depth_um=1500)
    await desk.house.react("booking")
    flagged = await desk.house.said(BookingFlagged)
    assert [(flag.booking_id, flag.reason, flag.cause) for flag in flagged] == [(request.booking_id, "spacing", treatment_id)]
    assert flagged[0].earliest_on == desk.day + timedelta(days=24)
    reply = await desk.booking(request.booking_id)
    assert reply is not None
    assert [flag.reason for flag in reply.flags] == ["spacing"]
    move = BookingMove(booking_id=request.booking_id, starts_at=desk.at(10, days=28), ends_at=desk.at(11, days=28))
    assert isinstance((await desk.house.doing("booking", commands.reschedule_booking, move)).event, BookingRescheduled)
    reply = await desk.booking(request.booking_id)
    assert reply is not None
    assert reply.flags == ()


async def test_an_end_before_needle_contact_flags_nothing(desk: Desk) -> None:
    request = desk.request(desk.at(10, days=14))
    await desk.book(request)
    ended = TreatmentEnded(
        treatment_id=uuid4(),
        booking_id=uuid4(),
        client_id=desk.client_id,
        needle_contact=False,
        modality=Modality.MICRONEEDLING,
        depths=(),
        skin_cleansed=True,
        sharps_disposed=True,
        aftercare_given=True,
        ended_at=desk.at(12),
    )
    await desk.house.given("treatment", ended)
    assert await flags(desk) == []


async def test_a_safety_hold_flags_what_is_booked_and_stops_what_is_asked(desk: Desk) -> None:
    request = desk.request(desk.at(10))
    await desk.book(request)
    hold = SafetyHoldPlaced(hold_id=uuid4(), client_id=desk.client_id, reason="reaction", tier="urgent", cause=uuid4())
    await desk.house.given("recovery", hold)
    assert await flags(desk) == [(request.booking_id, "safety_hold", hold.hold_id)]
    refused = await desk.book(desk.request(desk.at(10, days=35)))
    assert unmet(refused) == {"client_must_not_be_on_hold"}
    assert refused.next_slots == ()
    await desk.house.given("recovery", SafetyHoldLifted(hold_id=hold.hold_id, client_id=desk.client_id, reason="healed"))
    await desk.house.caught_up("booking")
    reply = await desk.booking(request.booking_id)
    assert reply is not None
    assert reply.flags == ()
    assert isinstance(await desk.book(desk.request(desk.at(10, days=35))), BookingConfirmed)


async def test_a_recall_flags_the_bookings_of_exposed_clients_and_of_held_devices(desk: Desk) -> None:
    exposed, other = desk.request(desk.at(10)), desk.request(desk.at(14), client_id=await another_client(desk))
    await desk.book(exposed)
    await desk.book(other)
    recall = RecallOpened(
        recall_id=uuid4(),
        kind="sterilizer",
        subject_id=uuid4(),
        cause=uuid4(),
        exposures=(Exposure(treatment_id=uuid4(), client_id=desk.client_id, item_id=uuid4()),),
    )
    await desk.house.given("hygiene", recall)
    assert await flags(desk) == [(exposed.booking_id, "exposed", recall.recall_id)]
    held = recall.model_copy(update={"recall_id": uuid4(), "exposures": (), "subject_id": desk.device_id})
    await desk.house.given("hygiene", held)
    assert {flag[:2] for flag in (await flags(desk))[1:]} == {(exposed.booking_id, "device_held"), (other.booking_id, "device_held")}


async def test_a_merge_joins_what_was_done_and_what_is_booked(desk: Desk) -> None:
    maiden = await another_client(desk)
    request = desk.request(desk.at(10, days=7), client_id=maiden)
    assert isinstance(await desk.book(request), BookingConfirmed)
    await desk.treated(days_ago=10)
    assert await flags(desk) == []
    merged = await desk.house.doing("booking", commands.merge_clients, ClientMerge(client_id=maiden, into_client_id=desk.client_id))
    assert isinstance(merged.event, ClientMerged)
    assert await flags(desk) == [(request.booking_id, "spacing", merged.entry.event_id)]
    back = (await desk.house.doing("booking", commands.merge_clients, ClientMerge(client_id=desk.client_id, into_client_id=maiden))).event
    assert unmet(back) == {"clients_must_be_two"}
    assert "spacing_must_be_kept" in unmet(await desk.book(desk.request(desk.at(12, days=7), client_id=maiden)))


async def test_one_person_cannot_be_in_two_places_after_a_merge(desk: Desk) -> None:
    maiden = await another_client(desk)
    elsewhere: dict[str, Any] = {"practitioner_id": uuid4(), "room_id": desk.other_room_id, "device_id": None}
    other = desk.request(desk.at(10, 30), client_id=maiden, areas=["neck"], **elsewhere)
    first, later = desk.request(desk.at(10)), desk.request(desk.at(14), areas=["back"], depth_um=500)
    await desk.house.given("booking", *(BookingConfirmed(visit=request.visit()) for request in (first, other, later)))
    await desk.house.doing("booking", commands.merge_clients, ClientMerge(client_id=maiden, into_client_id=desk.client_id))
    assert {flag[:2] for flag in await flags(desk)} == {(first.booking_id, "two_places"), (other.booking_id, "two_places")}


async def test_a_late_end_flags_what_follows_in_the_room(desk: Desk) -> None:
    first, second = desk.request(desk.at(10)), desk.request(desk.at(11, 15), client_id=await another_client(desk))
    third = desk.request(desk.at(14), client_id=await another_client(desk))
    for request in (first, second, third):
        assert isinstance(await desk.book(request), BookingConfirmed)
    started, ended = started_and_ended(desk, first.booking_id)
    await desk.house.given("treatment", started, ended)
    found = await flags(desk)
    assert (second.booking_id, "resource_late", started.treatment_id) in found
    assert third.booking_id not in {flag[0] for flag in found}
    reply = await desk.booking(first.booking_id)
    assert reply is not None
    assert reply.state == "ended"


def started_and_ended(desk: Desk, booking_id: UUID) -> tuple[TreatmentStarted, TreatmentEnded]:
    treatment_id = uuid4()
    both: dict[str, Any] = {"treatment_id": treatment_id, "booking_id": booking_id, "client_id": desk.client_id}
    started = TreatmentStarted(
        **both,
        practitioner_id=desk.practitioner_id,
        equipment=Equipment(room_id=desk.room_id, handpiece_id=desk.device_id, cartridge_unit_ids=()),
        lot_ids=(),
        cycle_ids=(),
        reprocessing_id=uuid4(),
        turnover_id=uuid4(),
        consent_id=uuid4(),
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        max_depth_um=1000,
        planned_end_at=desk.at(11),
        findings=(),
    )
    ended = TreatmentEnded(
        **both,
        needle_contact=True,
        modality=Modality.MICRONEEDLING,
        depths=(AreaDepth(area=Area.CHEEKS, depth_um=900),),
        skin_cleansed=True,
        sharps_disposed=True,
        aftercare_given=True,
        ended_at=desk.at(11, 20),
    )
    return started, ended


async def test_a_shorter_credential_flags_what_it_no_longer_covers(desk: Desk) -> None:
    soon, later = desk.request(desk.at(10), areas=["neck"], depth_um=300), desk.request(desk.at(10, days=14))
    await desk.book(soon)
    await desk.book(later)
    credential = PractitionerCredentialed(
        practitioner_id=desk.practitioner_id,
        role=Role.PRACTITIONER,
        modalities=(Modality.MICRONEEDLING,),
        max_depth_um=1500,
        valid_until=desk.day + timedelta(days=1),
    )
    (entry,) = await desk.house.given("booking", credential)
    assert (later.booking_id, "credential", entry.event_id) in await flags(desk)
    assert soon.booking_id not in {flag[0] for flag in await flags(desk)}


async def test_a_commissioned_handpiece_can_be_booked_with_the_policys_turnover(desk: Desk) -> None:
    handpiece = HandpieceCommissioned(
        handpiece_id=uuid4(), serial="S1", modality=Modality.MICRONEEDLING, fits_gtins=("01234567890128",), max_depth_um=500
    )
    await desk.house.given("hygiene", handpiece)
    too_deep = await desk.book(desk.request(desk.at(10), device_id=handpiece.handpiece_id))
    assert unmet(too_deep) == {"device_must_suit_the_treatment"}
    assert isinstance(await desk.book(desk.request(desk.at(10), device_id=handpiece.handpiece_id, depth_um=500)), BookingConfirmed)
    other = await another_client(desk)
    soon = desk.request(desk.at(11, 9), client_id=other, device_id=handpiece.handpiece_id, depth_um=500, room_id=desk.other_room_id)
    assert unmet(await desk.book(soon)) == {"device_must_be_free"}
