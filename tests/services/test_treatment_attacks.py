"""Attacks on the gate: each was an unsafe start once, or held from the beginning."""

from uuid import uuid4

import pytest

from events.catalog.booking import BookingConfirmed, ClientMerged, ClientRegistered
from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import CycleRecorded, LabeledPack, LoadReleased, SterilizerRemoved
from events.catalog.treatment import NumbingApplied, NumbingRemoved, TreatmentRefused
from schemas.treatment import End, OpenedPack
from schemas.vocabulary import Area
from services.treatment.commands import end_treatment
from tests.conftest import House
from tests.services.treatment_room import DIGEST, Room, a_room, minutes, running, touched, unmet


@pytest.fixture
async def room(house: House) -> Room:
    return await (await a_room(house)).ready()


async def test_a_start_that_names_no_areas_escapes_neither_consent_nor_spacing(house: House) -> None:
    """Nothing is spaced and nothing consented to on no skin at all; the needles would go somewhere all the same."""
    room, started = await running(house)
    await house.doing("treatment", end_treatment, End(treatment_id=started.treatment_id, note=touched((Area.CHEEKS, 1000))), by=room.by)
    again = await a_room(house, client_id=room.client_id)
    again = await again.ready()
    assert "spacing_must_have_passed" in unmet((await again.start()).event.findings)
    refused = (await again.start(areas=())).event
    assert isinstance(refused, TreatmentRefused)
    assert {"spacing_must_have_passed", "consent_must_cover_areas_and_depth"} & unmet(refused.findings)


def _cream(room: Room, booking_id: object, client_id: object) -> NumbingApplied:
    return NumbingApplied.model_validate(
        {
            "numbing_id": uuid4(),
            "booking_id": booking_id,
            "client_id": client_id,
            "product": "lidocaine_cream",
            "lidocaine_permille": 40,
            "milligrams": 5000,
            "areas": (Area.CHEEKS,),
            "occluded": False,
            "prescriber_order": False,
            "occurred_at": room.now - minutes(90),
        }
    )


async def test_numbing_cream_that_went_on_for_another_booking_of_the_client_still_has_to_come_off(room: Room) -> None:
    other = uuid4()
    await room.house.given("booking", BookingConfirmed(visit=room.visit(booking_id=other, room_id=uuid4(), device_id=None)))
    cream = _cream(room, other, room.client_id)
    await room.house.given("treatment", cream)
    refused = (await room.start()).event
    assert isinstance(refused, TreatmentRefused)
    assert unmet(refused.findings) >= {"numbing_must_be_off", "skin_must_be_cleansed"}


async def test_numbing_cream_on_a_record_that_was_merged_later_still_has_to_come_off(room: Room) -> None:
    twin, other = uuid4(), uuid4()
    known = ClientRegistered(client_id=twin, commitment=DIGEST, contactable=True)
    booked = BookingConfirmed(visit=room.visit(booking_id=other, client_id=twin, room_id=uuid4(), device_id=None))
    await room.house.given("booking", known, booked)
    cream = _cream(room, other, twin)
    await room.house.given("treatment", cream)
    await room.house.given("booking", ClientMerged(client_id=twin, into_client_id=room.client_id))
    assert "numbing_must_be_off" in unmet((await room.start()).event.findings)
    removed = NumbingRemoved(numbing_id=cream.numbing_id, booking_id=other, client_id=twin, occurred_at=await room.house.now())
    await room.house.given("treatment", removed)
    assert "skin_must_be_cleansed" in unmet((await room.start()).event.findings)


async def test_another_clients_numbing_cream_stops_nobody_else(room: Room) -> None:
    stranger, other = uuid4(), uuid4()
    await room.house.given(
        "booking", BookingConfirmed(visit=room.visit(booking_id=other, client_id=stranger, room_id=uuid4(), device_id=None))
    )
    await room.house.given("treatment", _cream(room, other, stranger))
    assert not unmet((await room.start()).event.findings)


async def test_an_older_signature_does_not_come_back_when_the_newest_is_withdrawn(room: Room) -> None:
    """The client said no. That an earlier signature for the same skin was never taken back must not open the gate."""
    newest = uuid4()
    await room.sign(consent_id=newest, signed_at=room.now - minutes(30))
    said_no = ConsentWithdrawn(consent_id=newest, client_id=room.client_id, channel="desk", occurred_at=await room.house.now())
    await room.house.given("consent", said_no)
    assert "consent_must_cover_areas_and_depth" in unmet((await room.start()).event.findings)
    await room.sign(consent_id=uuid4(), signed_at=await room.house.now())
    assert not unmet((await room.start()).event.findings)


async def test_a_withdrawn_addendum_takes_only_its_own_skin_back(room: Room) -> None:
    addendum = uuid4()
    await room.sign(consent_id=addendum, areas=(Area.NOSE,), signed_at=room.now - minutes(30))
    said_no = ConsentWithdrawn(consent_id=addendum, client_id=room.client_id, channel="desk", occurred_at=await room.house.now())
    await room.house.given("consent", said_no)
    assert not unmet((await room.start()).event.findings)


async def test_a_sterilizer_left_service_when_somebody_saw_it_not_when_it_was_typed_in(room: Room) -> None:
    """Seen at noon, typed in at three: the load of two o'clock came out of a machine that was known to be bad."""
    cycle_id, pack_id = uuid4(), uuid4()
    _, cycle, released = room.load()
    assert isinstance(cycle, CycleRecorded)
    assert isinstance(released, LoadReleased)
    late = cycle.model_copy(
        update={
            "cycle_id": cycle_id,
            "cycle_number": 2,
            "started_at": room.now - minutes(120),
            "ended_at": room.now - minutes(80),
            "packs": (LabeledPack(pack_id=pack_id, contents="forceps", sterile_until=room.now.date()),),
        }
    )
    await room.house.given("hygiene", late, released.model_copy(update={"cycle_id": cycle_id}))
    bad = SterilizerRemoved(sterilizer_id=room.sterilizer_id, reason="repair", occurred_at=room.now - minutes(180))
    await room.house.given("hygiene", bad)
    opened = (OpenedPack(pack_id=pack_id, indicator_changed=True, intact=True),)
    assert "sterilizers_must_not_be_in_doubt" in unmet((await room.start(packs=opened)).event.findings)
    assert not unmet((await room.start()).event.findings)
