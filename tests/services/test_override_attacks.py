"""Attacks on overrides: one was given for one booking, as it stood, on its day (domain.md, 19). Nothing else passes with it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from events.catalog.booking import BookingConfirmed, BookingConflicted, BookingRefused, BookingRescheduled
from events.catalog.treatment import RuleOverridden, TreatmentRecordedLate, TreatmentRefused, TreatmentStarted
from schemas.booking import BookingMove, BookingResolution, Move
from schemas.vocabulary import Area, AreaDepth, Role
from services.booking import commands
from tests.conftest import House, actor
from tests.services.booking_desk import Desk
from tests.services.test_booking_bookings import desk  # noqa: F401 - a fixture
from tests.services.treatment_room import DAY, Room, a_room, unmet


@pytest.fixture
async def room(house: House) -> Room:
    return await (await a_room(house)).ready()


def _late(room: Room, *areas: Area) -> TreatmentRecordedLate:
    return TreatmentRecordedLate.model_validate(
        {
            "treatment_id": uuid4(),
            "client_id": room.client_id,
            "practitioner_id": uuid4(),
            "equipment": {"room_id": uuid4()},
            "needle_contact": True,
            "modality": "microneedling",
            "depths": tuple(AreaDepth(area=area, depth_um=1000) for area in areas),
            "started_at": room.now - 10 * DAY,
            "ended_at": room.now - 10 * DAY,
            "reason": "tablet_dead",
            "findings": (),
        }
    )


async def _override(house: House, booking_id: Any, until: Any, rule: str = "spacing_must_have_passed") -> None:
    """As the gate records it: under its own rule's name, with the number that booking's rule serves too."""
    given = RuleOverridden(
        override_id=uuid4(), booking_id=booking_id, rule=rule, code="G09", reason="clinical_judgement", valid_until=until
    )
    await house.given("treatment", given, at=actor(Role.CLINICIAN))


async def test_an_override_opens_no_other_skin_and_no_deeper_needles_than_were_booked(room: Room) -> None:
    await room.house.given("treatment", _late(room, Area.CHEEKS, Area.FOREHEAD))
    await _override(room.house, room.booking_id, room.now + DAY)
    for wider in ({"areas": (Area.CHEEKS, Area.FOREHEAD)}, {"areas": (Area.FOREHEAD,)}, {"depth_um": 1500}):
        refused = (await room.start(**wider)).event
        assert isinstance(refused, TreatmentRefused)
        assert unmet(refused.findings) == {"spacing_must_have_passed"}
    assert isinstance((await room.start()).event, TreatmentStarted)


async def test_an_override_does_not_move_along_when_a_conflict_is_resolved_into_another_slot(room: Room) -> None:
    await room.house.given("treatment", _late(room, Area.CHEEKS))
    elsewhen = room.visit(starts_at=room.now + 5 * DAY, ends_at=room.now + 5 * DAY + timedelta(hours=1))
    await room.house.given("booking", BookingConflicted(visit=elsewhen, findings=()))
    await _override(room.house, room.booking_id, room.now + 7 * DAY)
    await room.house.given("booking", BookingConfirmed(visit=room.visit()))
    assert "spacing_must_have_passed" in unmet((await room.start()).event.findings)


async def test_a_conflict_that_is_resolved_where_it_stands_keeps_its_override(room: Room) -> None:
    await room.house.given("treatment", _late(room, Area.CHEEKS))
    await room.house.given("booking", BookingConflicted(visit=room.visit(), findings=()))
    await _override(room.house, room.booking_id, room.now + DAY)
    await room.house.given("booking", BookingConfirmed(visit=room.visit()))
    assert not unmet((await room.start()).event.findings)


async def test_a_booking_is_not_moved_into_another_day_by_the_override_of_the_first(desk: Desk) -> None:  # noqa: F811 - the fixture
    """The override was given for 26 days of rest; it must not let the booking move to 8."""
    await desk.treated(days_ago=1)
    request = desk.request(desk.at(10, days=42))
    assert isinstance(await desk.book(request), BookingConfirmed)
    await _override(desk.house, request.booking_id, desk.at(10, days=43))
    move = BookingMove(booking_id=request.booking_id, starts_at=desk.at(10, days=7), ends_at=desk.at(11, days=7))
    moved = (await desk.house.doing("booking", commands.reschedule_booking, move)).event
    assert not isinstance(moved, BookingRescheduled)
    assert isinstance(moved, BookingRefused)


async def test_a_conflict_is_not_resolved_into_another_slot_by_an_override(desk: Desk) -> None:  # noqa: F811 - the fixture
    await desk.treated(days_ago=1)
    request = desk.request(desk.at(10, days=3))
    await desk.house.doing("booking", commands.announce_booking, request)
    await _override(desk.house, request.booking_id, desk.at(10, days=43))
    move = Move(starts_at=desk.at(10, days=2), ends_at=desk.at(11, days=2))
    resolution = BookingResolution(booking_id=request.booking_id, move=move)
    assert isinstance((await desk.house.doing("booking", commands.resolve_booking, resolution)).event, BookingRefused)
    here = BookingResolution(booking_id=request.booking_id)
    assert isinstance((await desk.house.doing("booking", commands.resolve_booking, here)).event, BookingConfirmed)
