"""Clients, their arrival, and that nothing about them stands in the ledger."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from events.catalog.booking import (
    BookingConfirmed,
    BookingFlagged,
    BookingRefused,
    ClientArrived,
    ClientMerged,
    ClientRegistered,
    PractitionerCredentialed,
    RequestRefused,
    ResourceAdded,
)
from events.catalog.compliance import ClientErased
from schemas.booking import (
    ClientArrival,
    ClientRegistration,
    Credential,
    NoShow,
    Recognition,
    ResourceAddition,
    StatedIdentity,
    WalkIn,
)
from schemas.policy import default_policy, local_date
from schemas.vocabulary import AgeBand, Area, Modality, Role
from services.booking import commands, queries
from services.booking.models import Client
from services.example import ZONES
from tests.conftest import House, open_house
from tests.services.booking_desk import Desk, open_desk, unmet

BORN = date(1991, 4, 12)


@pytest.fixture
async def desk(house: House) -> Desk:
    return await open_desk(house)


@pytest.fixture
async def open_now(house: House) -> Desk:
    """A clinic that is open day and night, so that somebody can walk in while the tests run, and where no midnight is near."""
    policy, now = default_policy(), await house.now()
    hours = {day: {"opens_minutes": 0, "closes_minutes": 1440} for day in policy.clinic.opening}
    zone = next(zone for zone in ZONES if 2 <= now.astimezone(ZoneInfo(zone)).hour <= 20)
    clinic = policy.clinic.model_validate({**policy.clinic.model_dump(), "opening": hours, "timezone": zone})
    return await open_desk(await open_house(house.database, policy.model_copy(update={"clinic": clinic})))


def registration(client_id: UUID | None = None, **other: Any) -> ClientRegistration:
    return ClientRegistration.model_validate(
        {
            "client_id": client_id or uuid4(),
            "given_name": "Zoë",
            "family_name": "Quackenbush",
            "date_of_birth": BORN,
            "email": "zoe.quackenbush@example.org",
            "phone": "+31612345678",
            "language": "nl",
            **other,
        }
    )


async def register(house: House, request: ClientRegistration) -> object:
    return (await house.doing("booking", commands.register_client, request)).event


async def test_personal_data_stands_beside_the_ledger(desk: Desk) -> None:
    request = registration()
    event = await register(desk.house, request)
    assert isinstance(event, ClientRegistered)
    assert event.contactable
    bodies = b"".join(entry.body for entry in await desk.house.entries()).lower()
    for secret in (b"zo\xc3\xab", b"quackenbush", b"example.org", b"31612345678", b"1991-04"):
        assert secret not in bodies
    async with desk.house.look("booking") as view:
        contact = await queries.contact_of(view.rows, view.clinic_id, request.client_id)
        reply = await queries.client_of(view, request.client_id)
    assert contact == request.email
    assert reply is not None
    assert reply.date_of_birth == BORN


async def test_the_same_client_again_is_the_same_client_and_another_is_refused(desk: Desk) -> None:
    request = registration()
    await register(desk.house, request)
    again = await desk.house.doing("booking", commands.register_client, request)
    assert again.repeated
    refused = await register(desk.house, request.model_copy(update={"family_name": "Other"}))
    assert isinstance(refused, RequestRefused)
    assert unmet(refused) == {"client_id_must_be_unused"}
    assert b"Other" not in b"".join(entry.body for entry in await desk.house.entries())


async def test_somebody_registered_twice_is_noticed(desk: Desk) -> None:
    first, second = registration(), registration(given_name="Zoe", email=None)
    await register(desk.house, first)
    await register(desk.house, second)
    await register(desk.house, registration(family_name="Else"))
    async with desk.house.look("booking") as view:
        reply = await queries.client_of(view, first.client_id)
        found = await queries.clients_born_on(view, BORN)
    assert reply is not None
    assert reply.possible_duplicates == (second.client_id,)
    assert len(found.clients) == 3


async def test_a_record_merged_into_one_that_was_given_up_belongs_to_the_one_that_stayed(house: House) -> None:
    stays, gone, later = uuid4(), uuid4(), uuid4()
    known = [ClientRegistered(client_id=one, commitment="5f" * 32, contactable=True) for one in (stays, gone, later)]
    await house.given(
        "booking", *known, ClientMerged(client_id=gone, into_client_id=stays), ClientMerged(client_id=later, into_client_id=gone)
    )
    async with house.look("booking") as view:
        into = dict(
            (await view.rows.execute(select(Client.client_id, Client.into_client_id).where(Client.clinic_id == view.clinic_id))).all()
        )
    assert into == {stays: None, gone: stays, later: stays}


async def test_an_erased_client_leaves_no_personal_data(desk: Desk) -> None:
    request = registration()
    await register(desk.house, request)
    await desk.house.given("compliance", ClientErased(client_id=request.client_id))
    await desk.house.react("booking")
    async with desk.house.look("booking") as view:
        assert await queries.contact_of(view.rows, view.clinic_id, request.client_id) is None
        reply = await queries.client_of(view, request.client_id)
    assert reply is not None
    assert reply.family_name is None


def walk_in_of(desk: Desk, client_id: UUID, arrival: Recognition, **other: Any) -> WalkIn:
    return WalkIn.model_validate(
        {
            "booking_id": uuid4(),
            "client_id": client_id,
            "practitioner_id": desk.practitioner_id,
            "room_id": desk.room_id,
            "device_id": desk.device_id,
            "minutes": 45,
            "areas": [Area.CHEEKS],
            "depth_um": 500,
            "arrival": arrival,
            **other,
        }
    )


async def test_a_walk_in_is_booked_and_has_arrived(open_now: Desk) -> None:
    request = registration()
    await register(open_now.house, request)
    said = StatedIdentity(given_name="zoe", family_name="QUACKENBUSH", date_of_birth=BORN)
    walk_in = walk_in_of(open_now, request.client_id, Recognition(identity=said))
    event = (await open_now.house.doing("booking", commands.walk_in, walk_in)).event
    assert isinstance(event, BookingConfirmed)
    (arrived,) = await open_now.house.said(ClientArrived)
    assert (arrived.booking_id, arrived.identity_confirmed, arrived.age_band) == (walk_in.booking_id, True, AgeBand.FROM_22)
    reply = await open_now.booking(walk_in.booking_id)
    assert reply is not None
    assert reply.attendance == "arrived"
    async with open_now.house.look("booking") as view:
        in_force = await queries.load_policy(view.rows, view.clinic_id, view.now)
        assert in_force is not None
        sheet = await queries.day_sheet(view, local_date(in_force.policy, view.now))
    assert [booking.visit.booking_id for booking in sheet.bookings] == [walk_in.booking_id]


async def test_a_walk_in_is_refused_by_the_same_rules(open_now: Desk) -> None:
    request = registration()
    await register(open_now.house, request)
    taken = walk_in_of(open_now, request.client_id, Recognition(identity_confirmed=True))
    await open_now.house.doing("booking", commands.walk_in, taken)
    unknown = walk_in_of(open_now, uuid4(), Recognition(identity_confirmed=True))
    refused = (await open_now.house.doing("booking", commands.walk_in, unknown)).event
    assert isinstance(refused, BookingRefused)
    assert {"client_must_be_known", "person_must_be_known", "room_must_be_free"} <= unmet(refused)
    assert len(await open_now.house.said(ClientArrived)) == 1


async def test_another_date_of_birth_leaves_the_identity_unconfirmed(open_now: Desk) -> None:
    request = registration()
    await register(open_now.house, request)
    wrong = StatedIdentity(given_name="Zoë", family_name="Quackenbush", date_of_birth=date(1991, 4, 13))
    walk_in = walk_in_of(open_now, request.client_id, Recognition(identity=wrong))
    await open_now.house.doing("booking", commands.walk_in, walk_in)
    right = ClientArrival(booking_id=walk_in.booking_id, identity_confirmed=True)
    await open_now.house.doing("booking", commands.record_arrival, right)
    again = await open_now.house.doing("booking", commands.record_arrival, right)
    assert again.repeated
    assert [arrived.identity_confirmed for arrived in await open_now.house.said(ClientArrived)] == [False, True]
    assert b"1991-04" not in b"".join(entry.body for entry in await open_now.house.entries())


async def test_an_arrival_says_when_the_client_came(open_now: Desk) -> None:
    request = registration()
    await register(open_now.house, request)
    now = await open_now.house.now()
    booked = open_now.request(now + timedelta(minutes=5), client_id=request.client_id)
    await open_now.book(booked)
    ahead = ClientArrival(booking_id=booked.booking_id, identity_confirmed=True, occurred_at=now + timedelta(minutes=1))
    refused = (await open_now.house.doing("booking", commands.record_arrival, ahead)).event
    assert "arrival_may_not_lie_ahead" in unmet(refused)
    came_at = now - timedelta(seconds=90)
    arrival = ClientArrival(booking_id=booked.booking_id, identity_confirmed=True, occurred_at=came_at)
    arrived = (await open_now.house.doing("booking", commands.record_arrival, arrival)).event
    assert arrived.occurred_at == came_at
    reply = await open_now.booking(booked.booking_id)
    assert reply is not None
    assert reply.arrived_at == came_at


async def test_an_arrival_belongs_to_its_day_and_to_a_booking(desk: Desk) -> None:
    request = registration()
    await register(desk.house, request)
    booking = desk.request(desk.at(10), client_id=request.client_id)
    await desk.book(booking)
    arrival = ClientArrival(booking_id=booking.booking_id, identity_confirmed=True)
    early = (await desk.house.doing("booking", commands.record_arrival, arrival)).event
    assert unmet(early) == {"arrival_may_be_recorded_on_the_day_only"}
    unknown = ClientArrival(booking_id=uuid4(), identity_confirmed=True)
    assert unmet((await desk.house.doing("booking", commands.record_arrival, unknown)).event) == {"booking_must_be_known"}


async def test_a_no_show_is_said_late_enough_and_undone_by_an_arrival(open_now: Desk) -> None:
    request = registration()
    await register(open_now.house, request)
    now = await open_now.house.now()
    booked = open_now.request(now - timedelta(minutes=25), client_id=request.client_id)
    await open_now.house.given("booking", BookingConfirmed(visit=booked.visit()))
    reply = await open_now.booking(booked.booking_id)
    assert reply is not None
    assert reply.attendance == "no_show_due"
    missed = await open_now.house.doing("booking", commands.record_no_show, NoShow(booking_id=booked.booking_id))
    assert isinstance(missed.event, BookingFlagged)
    assert (await open_now.house.doing("booking", commands.record_no_show, NoShow(booking_id=booked.booking_id))).repeated
    came = ClientArrival(booking_id=booked.booking_id, identity_confirmed=True)
    assert isinstance((await open_now.house.doing("booking", commands.record_arrival, came)).event, ClientArrived)
    reply = await open_now.booking(booked.booking_id)
    assert reply is not None
    assert (reply.attendance, reply.flags) == ("arrived", ())
    soon = open_now.request(now + timedelta(minutes=90), client_id=request.client_id)
    await open_now.house.given("booking", BookingConfirmed(visit=soon.visit()))
    early = (await open_now.house.doing("booking", commands.record_no_show, NoShow(booking_id=soon.booking_id))).event
    assert unmet(early) == {"no_show_may_be_said_late_enough"}


async def test_resources_and_credentials_are_recorded_and_renewed(desk: Desk) -> None:
    room = ResourceAddition(resource_id=uuid4(), kind="room")
    added = (await desk.house.doing("booking", commands.add_resource, room)).event
    assert added == ResourceAdded(resource_id=room.resource_id, kind="room", turnover_minutes=15)
    other = room.model_copy(update={"kind": "device"})
    assert unmet((await desk.house.doing("booking", commands.add_resource, other)).event) == {"resource_must_keep_its_kind"}
    credential = Credential(
        practitioner_id=uuid4(),
        role=Role.CLINICIAN,
        modalities=(Modality.RF_MICRONEEDLING,),
        max_depth_um=2500,
        valid_until=desk.day,
    )
    event = (await desk.house.doing("booking", commands.credential_practitioner, credential)).event
    assert isinstance(event, PractitionerCredentialed)
    lapsed = credential.model_copy(update={"valid_until": desk.day - timedelta(days=30)})
    refused = (await desk.house.doing("booking", commands.credential_practitioner, lapsed)).event
    assert unmet(refused) == {"credential_must_hold_today"}
    async with desk.house.look("booking") as view:
        found = await queries.bookable(view)
    assert {one.resource_id for one in found.rooms} == {desk.room_id, desk.other_room_id, room.resource_id}
    assert {one.practitioner_id for one in found.practitioners} == {desk.practitioner_id, credential.practitioner_id}
