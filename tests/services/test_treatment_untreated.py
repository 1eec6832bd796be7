"""Which bookings are offered for what was done on paper."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from events.catalog.treatment import TreatmentStarted
from services.treatment import queries
from services.treatment.queries import chair
from tests.conftest import House
from tests.services.treatment_room import a_room, minutes


async def test_the_newest_that_nobody_treated_are_offered_however_many_there_are(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chair, "MOST_LISTED", 2)
    room = await (await a_room(house)).ready()
    assert isinstance((await room.start()).event, TreatmentStarted)
    booked = []
    for days in (9, 1, 4, 7):
        other = replace(room, booking_id=uuid4(), client_id=uuid4())
        begins = room.now - timedelta(days=days)
        await other.book(starts_at=begins, ends_at=begins + minutes(30))
        booked.append(other.booking_id)
    await house.caught_up("treatment")
    async with house.look("treatment") as view:
        found = await queries.untreated(view, view.now - timedelta(days=30), view.now + timedelta(hours=1))
    assert [one.visit.booking_id for one in found] == [booked[1], booked[2]]
