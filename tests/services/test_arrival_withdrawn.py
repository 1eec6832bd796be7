"""An arrival that was recorded by mistake is taken back; the gate then knows of no client at the desk."""

from uuid import uuid4

from events.catalog.booking import ArrivalWithdrawn, RequestRefused
from events.catalog.treatment import TreatmentRefused, TreatmentStarted
from schemas.booking import ArrivalWithdrawal
from services.booking import queries
from services.booking.commands import withdraw_arrival
from tests.conftest import House, actor
from tests.services.treatment_room import Room, a_room, unmet


async def attendance(room: Room) -> tuple[str, bool | None]:
    async with room.house.look("booking") as view:
        reply = await queries.booking_of(view, room.booking_id)
    assert reply is not None
    return reply.attendance, reply.identity_confirmed


async def test_who_has_not_come_after_all_is_waited_for_and_not_treated(house: House) -> None:
    room = await (await a_room(house)).ready()
    request = ArrivalWithdrawal(booking_id=room.booking_id)
    assert await attendance(room) == ("arrived", True)
    desk = actor()
    answer = await house.doing("booking", withdraw_arrival, request, by=desk, command_id="oops")
    assert isinstance(answer.event, ArrivalWithdrawn)
    assert (await house.doing("booking", withdraw_arrival, request, by=desk, command_id="oops")).repeated
    assert (await attendance(room))[0] in {"expected", "late", "no_show_due"}
    refused = (await room.start()).event
    assert isinstance(refused, TreatmentRefused)
    assert unmet(refused.findings) >= {"identity_must_be_confirmed", "age_must_be_allowed", "client_must_be_contactable"}
    again = (await house.doing("booking", withdraw_arrival, request)).event
    assert isinstance(again, RequestRefused)
    assert unmet(again.findings) == {"client_must_have_arrived"}
    await room.arrive()
    await room.cleanse()
    assert await attendance(room) == ("arrived", True)
    assert isinstance((await room.start()).event, TreatmentStarted)


async def test_nobody_who_is_treated_was_not_there(house: House) -> None:
    room = await (await a_room(house)).ready()
    assert isinstance((await room.start()).event, TreatmentStarted)
    refused = (await house.doing("booking", withdraw_arrival, ArrivalWithdrawal(booking_id=room.booking_id))).event
    assert unmet(refused.findings) == {"booking_must_not_be_over"}
    assert await house.said(ArrivalWithdrawn) == []


async def test_of_an_unknown_booking_there_is_no_arrival(house: House) -> None:
    refused = (await house.doing("booking", withdraw_arrival, ArrivalWithdrawal(booking_id=uuid4()))).event
    assert unmet(refused.findings) == {"booking_must_be_known"}
