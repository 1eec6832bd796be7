"""Booking's inbox: what front-desk systems send, and that a long history costs nothing."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest

from events.catalog.booking import (
    BookingAnnounced,
    BookingCanceled,
    BookingConfirmed,
    BookingRescheduled,
    ClientRegistered,
    CommandRejected,
    RequestRefused,
)
from events.inbox import inbox_of, work_entry
from events.mailboxes import Mailbox
from schemas.booking import BookingRequest
from services.booking import commands
from tests.conftest import House
from tests.services.booking_desk import Desk, open_desk


@pytest.fixture
async def desk(house: House) -> Desk:
    return await open_desk(house)


class Sender:
    """A front-desk system."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.mailbox = Mailbox(house.clinic_id, "desk", uuid4())
        self.count = 0

    async def send(self, type_: str, data: Any, command_id: str | None = None) -> Any:
        """Let one entry be worked; what was recorded last."""
        self.count += 1
        event = {
            "specversion": "1.0",
            "id": command_id or f"c-{self.count}",
            "source": "urn:asepsis:system:desk",
            "type": type_,
            "data": data,
        }
        await work_entry(self.house.database, inbox_of("booking"), self.mailbox, f"{self.count}-1", {b"event": orjson.dumps(event)})
        return (await self.house.entries())[-1].event


def as_sent(request: BookingRequest) -> Any:
    return request.model_dump(mode="json")


async def test_a_system_registers_books_moves_and_cancels(desk: Desk) -> None:
    sender, client_id = Sender(desk.house), uuid4()
    person = {"given_name": "Noor", "family_name": "de Vries", "date_of_birth": "1991-04-12", "email": "noor@example.org"}
    assert isinstance(await sender.send("client.register", {"client_id": str(client_id), **person}), ClientRegistered)
    request = desk.request(desk.at(10), client_id=client_id)
    assert isinstance(await sender.send("booking.request", as_sent(request)), BookingConfirmed)
    to = {"starts_at": desk.at(14).isoformat(), "ends_at": desk.at(15).isoformat()}
    moved = await sender.send("booking.reschedule", {"booking_id": str(request.booking_id), **to})
    assert isinstance(moved, BookingRescheduled)
    assert isinstance(await sender.send("booking.announce", as_sent(desk.request(desk.at(10)))), BookingAnnounced)
    early = await sender.send("client.arrive", {"booking_id": str(request.booking_id), "identity_confirmed": True})
    assert isinstance(early, RequestRefused)
    assert early.findings[0].rule == "arrival_may_be_recorded_on_the_day_only"
    assert isinstance(await sender.send("booking.cancel", {"booking_id": str(request.booking_id)}), BookingCanceled)


async def test_what_is_not_understood_is_answered_without_its_values(desk: Desk) -> None:
    sender = Sender(desk.house)
    wrong = {**as_sent(desk.request(desk.at(10))), "starts_at": "2026-12-01T10:00:00", "client_name": "Noor de Vries"}
    rejected = await sender.send("booking.request", wrong)
    assert isinstance(rejected, CommandRejected)
    assert {reason.field for reason in rejected.reasons} == {"data.starts_at", "data._unknown"}
    assert b"Noor" not in b"".join(entry.body for entry in await desk.house.entries())


async def test_a_long_history_costs_nothing(desk: Desk, owner: asyncpg.Connection) -> None:
    """Twenty years of a full room: the question about one slot reads its window of the index, not the history."""
    await owner.execute(
        "insert into booking.occupancies (clinic_id, booking_id, part, subject_id, starts_at, ends_at)"
        " select $1, gen_random_uuid(), 'room', $2, begins, begins + interval '1 hour'"
        " from generate_series(1, 40000) as n, lateral (select now() - n * interval '4 hours' as begins) as at",
        desk.house.clinic_id,
        desk.room_id,
    )
    await owner.execute("analyze booking.occupancies")
    read = "select coalesce(sum(idx_tup_read), 0) from pg_stat_user_indexes where schemaname = 'booking' and relname = 'occupancies'"
    scanned = "select coalesce(sum(seq_tup_read), 0) from pg_stat_user_tables where schemaname = 'booking' and relname = 'occupancies'"
    before = await _statistics(owner, read, scanned)
    assert isinstance(await desk.book(desk.request(desk.at(10))), BookingConfirmed)
    other: UUID = uuid4()
    await desk.house.given("booking", ClientRegistered(client_id=other, commitment="0" * 64, contactable=True))
    refused = (await desk.house.doing("booking", commands.request_booking, desk.request(desk.at(10), client_id=other))).event
    assert refused.next_slots
    await desk.house.database.close()
    async with asyncio.timeout(20):  # a session's counts are added up once its server has noticed that it is gone
        while (after := await _statistics(owner, read, scanned)) == before:  # noqa: ASYNC110 - what is awaited happens in a server
            await asyncio.sleep(0.05)
    assert after - before < 500


async def _statistics(owner: asyncpg.Connection, *queries: str) -> int:
    await owner.execute("select pg_stat_clear_snapshot()")
    return sum([int(await owner.fetchval(query)) for query in queries])
