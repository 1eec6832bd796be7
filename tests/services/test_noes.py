"""A client's no, as the chair and the desk follow it: the newest, of the person, until they sign; the same in a rebuild and an upgrade."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.catalog.booking import BookingConfirmed, ClientMerged, ClientRegistered
from events.catalog.consent import ConsentDeclined, ConsentSigned
from events.catalog.treatment import TreatmentStarted
from schemas.vocabulary import Area, Modality, Visit, VisitType
from services.booking import queries as desk
from services.event_examples import VISIT
from services.treatment import queries as chair
from tests.conftest import House
from tests.services.migration_step import step
from tests.services.treatment_room import a_room

TABLES = ("treatment.declines", "booking.consent_answers")


def no(client_id: UUID, form_version: int = 1) -> ConsentDeclined:
    return ConsentDeclined(
        handing_id=uuid4(), client_id=client_id, form_id=uuid4(), form_version=form_version, language="en", text_digest="0" * 64
    )


def yes(client_id: UUID, at: datetime) -> ConsentSigned:
    return ConsentSigned(
        consent_id=uuid4(),
        client_id=client_id,
        form_id=uuid4(),
        form_version=1,
        language="en",
        text_digest="0" * 64,
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        max_depth_um=1500,
        explained_by=uuid4(),
        signed_at=at,
        valid_until=at + timedelta(days=300),
        commitment="0" * 64,
    )


def visit(client_id: UUID, visit_type: VisitType = VisitType.TREATMENT) -> Visit:
    return VISIT.model_copy(update={"booking_id": uuid4(), "client_id": client_id, "visit_type": visit_type})


async def told(house: House, booked: Visit) -> tuple[int | None, int | None]:
    """Which version of the text the client said no to, as the chair and the desk know it."""
    await house.caught_up("treatment")
    await house.caught_up("booking")
    async with house.look("treatment") as view:
        at_the_chair = await chair.no_of(view, booked.client_id)
    async with house.look("booking") as view:
        booking = await desk.booking_of(view, booked.booking_id)
        assert booking is not None
        at_the_desk = (await desk.noes_ahead(view, [booking])).get(booked.booking_id)
    return at_the_chair.form_version if at_the_chair else None, at_the_desk.form_version if at_the_desk else None


async def known(house: House, *clients: UUID) -> None:
    await house.given("booking", *(ClientRegistered(client_id=one, commitment="0" * 64, contactable=True) for one in clients))


async def test_the_newest_no_is_told_until_somebody_signs_after_it(house: House) -> None:
    client, stranger = uuid4(), uuid4()
    booked, other = visit(client), visit(stranger)
    await known(house, client)
    await house.given("booking", BookingConfirmed(visit=booked), BookingConfirmed(visit=other))
    assert await told(house, booked) == (None, None)
    await house.given("consent", no(client, 1), no(client, 2))
    assert await told(house, booked) == (2, 2)
    assert await told(house, other) == (None, None)
    before = await house.now() - timedelta(hours=1)
    await house.given("consent", yes(client, before))
    assert await told(house, booked) == (2, 2), "handed in late: what was signed before the no does not take it back"
    await house.given("consent", yes(client, await house.now()))
    assert await told(house, booked) == (None, None)
    await house.given("consent", no(client, 3), no(stranger, 7))
    assert await told(house, booked) == (3, 3)
    assert await told(house, other) == (7, 7), "also of a client whom nobody registered"


async def test_a_no_is_the_persons_whichever_of_their_records_it_was_said_under(house: House) -> None:
    first, second, third = (uuid4() for _ in range(3))
    booked = visit(third)
    await known(house, first, second, third)
    await house.given("booking", BookingConfirmed(visit=booked))
    await house.given("consent", no(first, 4))
    assert await told(house, booked) == (None, None)
    merged = [ClientMerged(client_id=gone, into_client_id=second) for gone in (first, third)]
    await house.given("booking", *merged)
    assert await told(house, booked) == (4, 4)
    await house.given("consent", yes(second, await house.now()))
    assert await told(house, booked) == (None, None)


async def test_the_desk_hears_of_it_where_policy_asks_for_a_consent(house: House) -> None:
    client = uuid4()
    consultation = visit(client, VisitType.CONSULTATION)
    await known(house, client)
    await house.given("booking", BookingConfirmed(visit=consultation))
    await house.given("consent", no(client))
    assert await told(house, consultation) == (1, None)


async def test_the_gate_decides_and_says_what_it_did_before(house: House) -> None:
    """Decisions of the record are asked again by the same rules: a no changes no finding."""
    signed, unsigned = await (await a_room(house)).ready(), await a_room(house)
    await unsigned.equip()
    await unsigned.book()
    before = (await unsigned.start()).event
    for client in (signed.client_id, unsigned.client_id):
        await house.given("consent", no(client))
    assert isinstance((await signed.start()).event, TreatmentStarted), "what was signed counts until it is withdrawn"
    after = (await unsigned.start()).event
    assert [found for found in after.findings if found.code == "G07"] == [found for found in before.findings if found.code == "G07"]


async def rows_of(house: House, owner: asyncpg.Connection) -> dict[str, list[tuple[object, ...]]]:
    query = "select * from {} where clinic_id = $1 order by client_id"
    return {name: [tuple(row) for row in await owner.fetch(query.format(name), house.clinic_id)] for name in TABLES}


async def story(house: House) -> None:
    """Yes, no, both, and both the other way round."""
    now = await house.now()
    signs, declines, both, late = (uuid4() for _ in range(4))
    await house.given(
        "consent",
        *(yes(signs, now - timedelta(days=day)) for day in (1, 2)),
        *(no(declines, version) for version in (2, 1)),
        *(yes(both, now), no(both), no(late), yes(late, now + timedelta(days=1))),
    )
    for service in ("treatment", "booking"):
        await house.caught_up(service)


async def test_a_rebuild_gives_the_same_rows(house: House, owner: asyncpg.Connection) -> None:
    await story(house)
    before = await rows_of(house, owner)
    assert [len(rows) for rows in before.values()] == [3, 4]
    for service, table in zip(("treatment", "booking"), TABLES, strict=True):
        await owner.execute(f"delete from {table} where clinic_id = $1", house.clinic_id)
        where = "clinic_id = $1 and service = $2 and stage = 'projected'"
        await owner.execute(f"delete from ledger.bookmarks where {where}", house.clinic_id, service)
        await house.caught_up(service)
    assert await rows_of(house, owner) == before


async def test_what_was_said_before_an_upgrade_is_told_after_it(
    house: House, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await story(house)
    live = await rows_of(house, owner)
    await house.given("consent", no(uuid4()), yes(uuid4(), await house.now()))  # not projected yet: that comes by itself
    given: list[str] = []
    upgrade = step("2026_11_23_answers")
    monkeypatch.setattr(upgrade.op, "execute", given.append)
    upgrade.upgrade()
    async with owner.transaction():
        for statement in [*(f"drop table {table}" for table in TABLES), *given]:
            await owner.execute(statement)
    assert await rows_of(house, owner) == live
