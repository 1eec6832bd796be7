"""Bookings on a real PostgreSQL: what is answered, what is recorded, what stands in the tables."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from events.catalog.booking import (
    BookingAnnounced,
    BookingCanceled,
    BookingConfirmed,
    BookingConflicted,
    BookingRefused,
    BookingRequested,
    BookingRescheduled,
    RequestRefused,
)
from events.transaction import IdReusedError
from schemas.booking import BookingCancellation, BookingMove, BookingResolution, Move, SlotSearch
from schemas.vocabulary import Area, Role, Verdict
from services.booking import commands, queries
from tests.conftest import House, actor
from tests.services.booking_desk import Desk, another_client, open_desk, unmet


@pytest.fixture
async def desk(house: House) -> Desk:
    return await open_desk(house)


async def test_a_free_slot_is_confirmed_and_stands(desk: Desk) -> None:
    request = desk.request(desk.at(10))
    event = await desk.book(request)
    assert isinstance(event, BookingConfirmed)
    assert event.visit == request.visit()
    assert await desk.house.said(BookingRequested) == [BookingRequested(visit=request.visit())]
    reply = await desk.booking(request.booking_id)
    assert reply is not None
    assert (reply.state, reply.attendance, reply.visit) == ("confirmed", "expected", request.visit())


async def test_two_at_the_same_moment_get_one_slot(desk: Desk) -> None:
    other = await another_client(desk)
    first, second = desk.request(desk.at(10)), desk.request(desk.at(10), client_id=other)
    events = await asyncio.gather(desk.book(first), desk.book(second))
    confirmed = [event for event in events if isinstance(event, BookingConfirmed)]
    refused = [event for event in events if isinstance(event, BookingRefused)]
    assert len(confirmed) == len(refused) == 1
    assert unmet(refused[0]) == {"room_must_be_free", "practitioner_must_be_free", "device_must_be_free"}
    for finding in refused[0].findings:
        if finding.verdict is Verdict.UNMET:
            assert finding.evidence == (confirmed[0].visit.booking_id,)
    # The room is cleaned for 15 minutes, but the practitioner is free at 11:00 and the handpiece at 11:10.
    assert [slot.starts_at for slot in refused[0].next_slots[:1]] == [desk.at(11, 15)]
    assert len(refused[0].next_slots) == 5
    lost = first if refused[0].visit.booking_id == first.booking_id else second
    assert await desk.booking(lost.booking_id) is None


async def test_next_slots_of_a_refusal_can_be_booked(desk: Desk) -> None:
    await desk.book(desk.request(desk.at(10)))
    other = await another_client(desk)
    refused = await desk.book(desk.request(desk.at(10, 30), client_id=other))
    assert isinstance(refused, BookingRefused)
    for slot in refused.next_slots:
        wish = desk.request(slot.starts_at, client_id=other, room_id=slot.room_id, practitioner_id=slot.practitioner_id)
        event = await desk.book(wish)
        assert isinstance(event, BookingConfirmed)
        await desk.house.doing("booking", commands.cancel_booking, BookingCancellation(booking_id=wish.booking_id))


async def test_turnover_belongs_to_the_room(desk: Desk) -> None:
    await desk.book(desk.request(desk.at(9), device_id=None))
    other = await another_client(desk)
    early = await desk.book(desk.request(desk.at(10, 14), client_id=other, device_id=None))
    assert unmet(early) == {"room_must_be_free"}
    on_time = await desk.book(desk.request(desk.at(10, 15), client_id=other, device_id=None))
    assert isinstance(on_time, BookingConfirmed)


async def test_spacing_counts_the_depth_really_reached(desk: Desk) -> None:
    treatment_id = await desk.treated(days_ago=20)
    refused = await desk.book(desk.request(desk.at(10)))
    finding = next(finding for finding in refused.findings if finding.rule == "spacing_must_be_kept")
    assert finding.evidence == (treatment_id,)
    assert finding.parameters["earliest_on"] == str(desk.day + timedelta(days=8))
    midnight = desk.at(0, days=8)
    assert finding.earliest_ok == midnight
    assert refused.next_slots
    assert all(slot.starts_at >= midnight for slot in refused.next_slots)
    allowed = await desk.book(desk.request(desk.at(10, days=8)))
    assert isinstance(allowed, BookingConfirmed)
    warned = next(finding for finding in allowed.findings if finding.rule == "spacing_must_be_kept")
    assert warned.verdict is Verdict.WARNING
    assert warned.parameters["recommended_on"] == str(desk.day + timedelta(days=10))


async def test_other_skin_need_not_wait(desk: Desk) -> None:
    await desk.treated(days_ago=9)
    assert isinstance(await desk.book(desk.request(desk.at(10), areas=["neck"])), BookingConfirmed)


async def test_the_same_command_twice_is_one_booking(desk: Desk) -> None:
    request, by = desk.request(desk.at(10)), actor(Role.FRONT_DESK)
    first = await desk.house.doing("booking", commands.request_booking, request, by=by, command_id="once")
    second = await desk.house.doing("booking", commands.request_booking, request, by=by, command_id="once")
    assert (first.repeated, second.repeated) == (False, True)
    assert first.entry.event_id == second.entry.event_id
    assert len(await desk.house.said(BookingConfirmed)) == 1
    with pytest.raises(IdReusedError):
        await desk.house.doing("booking", commands.request_booking, desk.request(desk.at(12)), by=by, command_id="once")


async def test_the_same_booking_under_a_new_command_is_the_same_booking(desk: Desk) -> None:
    request = desk.request(desk.at(10))
    await desk.book(request)
    answer = await desk.house.doing("booking", commands.request_booking, request)
    assert answer.repeated
    other = await desk.book(request.model_copy(update={"starts_at": desk.at(14), "ends_at": desk.at(15)}))
    assert "booking_id_must_be_unused" in unmet(other)


async def test_a_refused_booking_id_can_be_used_for_another_slot(desk: Desk) -> None:
    request = desk.request(desk.at(6))
    assert unmet(await desk.book(request)) == {"slot_must_lie_in_opening_hours"}
    later = request.model_copy(update={"starts_at": desk.at(10), "ends_at": desk.at(11)})
    assert isinstance(await desk.book(later), BookingConfirmed)


async def test_all_findings_are_returned(desk: Desk) -> None:
    past = desk.request(desk.at(3, days=-30), client_id=uuid4(), practitioner_id=uuid4(), room_id=uuid4(), device_id=uuid4(), areas=[])
    refused = await desk.book(past)
    assert unmet(refused) == {
        "client_must_be_known",
        "practitioner_must_be_known",
        "room_must_be_known",
        "device_must_suit_the_treatment",
        "treatment_must_name_areas_and_depth",
        "slot_must_not_lie_in_the_past",
        "slot_must_lie_in_opening_hours",
    }
    assert refused.next_slots == ()


async def test_an_announcement_that_conflicts_reserves_nothing_until_it_is_resolved(desk: Desk) -> None:
    standing = desk.request(desk.at(10))
    await desk.book(standing)
    other = await another_client(desk)
    promised = desk.request(desk.at(10, 30), client_id=other)
    conflicted = (await desk.house.doing("booking", commands.announce_booking, promised)).event
    assert isinstance(conflicted, BookingConflicted)
    assert unmet(conflicted) == {"room_must_be_free", "practitioner_must_be_free", "device_must_be_free"}
    reply = await desk.booking(promised.booking_id)
    assert reply is not None
    assert reply.state == "conflicted"
    assert all(finding.reason.endswith(".") for finding in reply.findings)
    repeated = await desk.house.doing("booking", commands.announce_booking, promised)
    assert repeated.repeated

    third = await another_client(desk)
    beside = await desk.book(desk.request(desk.at(11, 15), client_id=third))
    assert isinstance(beside, BookingConfirmed)
    still = await desk.house.doing("booking", commands.resolve_booking, BookingResolution(booking_id=promised.booking_id))
    assert isinstance(still.event, BookingRefused)
    move = Move(starts_at=desk.at(14), ends_at=desk.at(15))
    resolved = await desk.house.doing("booking", commands.resolve_booking, BookingResolution(booking_id=promised.booking_id, move=move))
    assert isinstance(resolved.event, BookingConfirmed)
    assert resolved.event.visit.starts_at == desk.at(14)


async def test_an_announcement_that_breaks_nothing_takes_the_slot(desk: Desk) -> None:
    promised = desk.request(desk.at(10))
    announced = (await desk.house.doing("booking", commands.announce_booking, promised)).event
    assert isinstance(announced, BookingAnnounced)
    other = await another_client(desk)
    assert "room_must_be_free" in unmet(await desk.book(desk.request(desk.at(10), client_id=other)))
    moved = promised.model_copy(update={"starts_at": desk.at(12), "ends_at": desk.at(13)})
    again = (await desk.house.doing("booking", commands.announce_booking, moved)).event
    assert unmet(again) == {"booking_id_must_be_unused"}


async def test_a_booking_that_cannot_move_keeps_its_slot(desk: Desk) -> None:
    first, second = desk.request(desk.at(10)), desk.request(desk.at(14), client_id=await another_client(desk))
    await desk.book(first)
    await desk.book(second)
    onto = BookingMove(booking_id=first.booking_id, starts_at=desk.at(14), ends_at=desk.at(15))
    refused = (await desk.house.doing("booking", commands.reschedule_booking, onto)).event
    assert isinstance(refused, BookingRefused)
    reply = await desk.booking(first.booking_id)
    assert reply is not None
    assert reply.visit.starts_at == desk.at(10)
    by_half_an_hour = BookingMove(booking_id=first.booking_id, starts_at=desk.at(10, 30), ends_at=desk.at(11, 30))
    moved = (await desk.house.doing("booking", commands.reschedule_booking, by_half_an_hour)).event
    assert isinstance(moved, BookingRescheduled)


async def test_rescheduling_keeps_spacing_too(desk: Desk) -> None:
    await desk.treated(days_ago=20)
    request = desk.request(desk.at(10, days=8))
    assert isinstance(await desk.book(request), BookingConfirmed)
    earlier = BookingMove(booking_id=request.booking_id, starts_at=desk.at(10, days=7), ends_at=desk.at(11, days=7))
    refused = (await desk.house.doing("booking", commands.reschedule_booking, earlier)).event
    assert unmet(refused) == {"spacing_must_be_kept"}


async def test_a_canceled_slot_is_free_again(desk: Desk) -> None:
    request = desk.request(desk.at(10))
    await desk.book(request)
    cancellation = BookingCancellation(booking_id=request.booking_id)
    canceled = await desk.house.doing("booking", commands.cancel_booking, cancellation)
    assert isinstance(canceled.event, BookingCanceled)
    again = await desk.house.doing("booking", commands.cancel_booking, cancellation)
    assert (again.repeated, again.entry.event_id) == (True, canceled.entry.event_id)
    assert isinstance(await desk.book(desk.request(desk.at(10))), BookingConfirmed)
    unknown = (await desk.house.doing("booking", commands.cancel_booking, BookingCancellation(booking_id=uuid4()))).event
    assert isinstance(unknown, RequestRefused)


async def test_two_bookings_of_one_client_keep_their_distance(desk: Desk) -> None:
    assert isinstance(await desk.book(desk.request(desk.at(10, days=28))), BookingConfirmed)
    for days in (7, 49):
        refused = await desk.book(desk.request(desk.at(10, days=days)))
        assert unmet(refused) == {"spacing_to_other_bookings_must_be_kept"}
        assert refused.next_slots
    assert isinstance(await desk.book(desk.request(desk.at(10))), BookingConfirmed)


async def test_open_slots_are_what_a_request_gets(desk: Desk) -> None:
    await desk.book(desk.request(desk.at(9), client_id=await another_client(desk)))
    await desk.book(desk.request(desk.at(13, 30), client_id=await another_client(desk)))
    search = SlotSearch(
        client_id=desk.client_id,
        device_id=desk.device_id,
        areas=(Area.CHEEKS,),
        depth_um=1000,
        room_id=desk.room_id,
        from_on=desk.day,
        days=1,
    )
    async with desk.house.look("booking") as view:
        offered = {slot.starts_at for slot in (await queries.find_slots(view, search)).slots}
    assert desk.at(8) not in offered
    assert desk.at(10, 15) in offered
    for minutes in range(8 * 60, 20 * 60, 45):
        starts_at = desk.at(0) + timedelta(minutes=minutes)
        request = desk.request(starts_at)
        event = await desk.book(request)
        assert isinstance(event, BookingConfirmed) == (starts_at in offered), starts_at
        if isinstance(event, BookingConfirmed):
            await desk.house.doing("booking", commands.cancel_booking, BookingCancellation(booking_id=request.booking_id))
