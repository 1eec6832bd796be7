"""Ledger → outward streams: ids, what never leaves, losses, differences."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from events.catalog.booking import AnswerRepeated, BookingCanceled, BookingConflicted, BookingFlagged, ClientArrived
from events.catalog.compliance import RecordViewed
from events.database import Database
from events.embedded import Servers
from events.outward import outward_after, outward_stream
from events.relay import SERVICE, Relay
from events.streams import Follower
from events.transaction import aside, transaction
from events.wakeups import redis_client
from schemas.sentences import HEALTH
from schemas.vocabulary import AgeBand, Finding, Verdict
from services.operations import status_of
from tests.conftest import House, actor, open_house
from tests.outage import wire


def canceled() -> BookingCanceled:
    return BookingCanceled(booking_id=uuid4(), client_id=uuid4(), reason="asked")


def viewed() -> RecordViewed:
    return RecordViewed(question="q", answers=1)


class Outside:
    """A relay, and what a reader sees of its clinic's stream."""

    def __init__(self, house: House, client: Redis) -> None:
        self.house = house
        self.client: Any = client
        self.stream = outward_stream(house.clinic_id)
        self.relay = Relay(house.database, client)
        self.follower = Follower(house.database, stages=[self.relay.stage()])

    async def publish(self) -> None:
        await self.follower.follow(self.house.clinic_id, SERVICE)

    async def inspect(self) -> None:
        await self.follower.wake(await self.relay.inspect(), SERVICE)

    async def ids(self) -> list[str]:
        return [entry_id.decode() for entry_id, _ in await self.client.xrange(self.stream)]

    async def events(self) -> list[dict[str, Any]]:
        return [json.loads(fields[b"event"]) for _, fields in await self.client.xrange(self.stream)]


@pytest.fixture
async def outside(house: House, valkey: Redis) -> Outside:
    return Outside(house, valkey)


async def test_ids_rise_with_the_ledger_and_name_the_one_before(outside: Outside) -> None:
    await outside.house.given("booking", canceled(), viewed(), viewed(), canceled())
    await outside.publish()
    assert await outside.ids() == ["1-1", "1-3", "1-6"]
    events = await outside.events()
    assert [found.get("previous") for found in events] == [None, "1-1", "1-3"]
    assert [found["sequence"] for found in events] == ["1-1", "1-3", "1-6"]
    assert {found["specversion"] for found in events} == {"1.0"}
    assert [found["type"] for found in events] == ["clinic.opened", "booking.canceled", "booking.canceled"]


async def test_an_answer_names_its_command_and_echoes_the_correlation(outside: Outside) -> None:
    house = outside.house
    async with transaction(house.database, house.clinic_id, "booking", actor(), "command-7", correlation="corr.1") as tx:
        first = await tx.answer(canceled())
    async with transaction(house.database, house.clinic_id, "booking", actor(), "command-8") as tx:
        await tx.record(AnswerRepeated(event_id=first.entry.event_id))
    await outside.publish()
    one, two = (await outside.events())[-2:]
    assert (one["causationid"], one["correlationid"]) == ("command-7", "corr.1")
    assert (two["id"], two["data"], two["causationid"]) == (one["id"], one["data"], "command-8")
    assert (two["sequence"], two["previous"]) == ("1-4", "1-3")


async def test_masked_fields_and_medical_findings_never_leave(outside: Outside) -> None:
    house, now = outside.house, await outside.house.now()
    arrived = ClientArrived(booking_id=uuid4(), client_id=uuid4(), identity_confirmed=True, age_band=AgeBand.FROM_22, contactable=True)
    visit = {
        "booking_id": uuid4(),
        "client_id": arrived.client_id,
        "practitioner_id": uuid4(),
        "room_id": uuid4(),
        "starts_at": now,
        "ends_at": now,
        "areas": ("cheeks",),
        "depth_um": 1000,
    }
    medical = Finding(rule="client_must_not_be_pregnant", code=min(HEALTH), verdict=Verdict.UNMET, evidence=(uuid4(),))
    findings = (medical, Finding(rule="practitioner_must_be_free", verdict=Verdict.UNMET))
    await house.given("booking", arrived, BookingConflicted.model_validate({"visit": visit, "findings": findings}))
    await outside.publish()
    raw = json.dumps(await outside.events())
    assert "age_band" not in raw
    assert "pregnan" not in raw
    assert str(medical.evidence[0]) not in raw
    assert "practitioner_must_be_free" in raw
    assert "client_must_be_eligible_today" in raw


async def test_why_a_booking_is_flagged_stays_inside_where_it_tells_of_health(outside: Outside) -> None:
    reasons = ("exposed", "safety_hold", "resource_late")
    flags = [BookingFlagged(booking_id=uuid4(), client_id=uuid4(), reason=reason, cause=uuid4()) for reason in reasons]
    await outside.house.given("booking", *flags)
    await outside.publish()
    shown = [found["data"]["reason"] for found in await outside.events() if found["type"] == "booking.flagged"]
    assert shown == ["needs_review", "needs_review", "resource_late"]


async def test_after_flushall_the_kept_window_is_published_again(outside: Outside) -> None:
    await outside.house.given("booking", canceled(), canceled())
    await outside.publish()
    before = await outside.client.xrange(outside.stream)
    await outside.client.flushall()
    await outside.inspect()
    assert await outside.client.xrange(outside.stream) == before
    await outside.client.flushall()
    (entry,) = await outside.house.given("booking", canceled())
    await outside.publish()
    assert await outside.ids() == ["1-1", "1-3", "1-4", f"1-{entry.size}"]


async def test_a_relay_that_starts_later_notices_the_loss(outside: Outside) -> None:
    await outside.house.given("booking", canceled())
    await outside.publish()
    await outside.client.flushall()
    later = Outside(outside.house, outside.client)
    await later.relay.watch_all()
    await later.inspect()
    assert await later.ids() == ["1-1", "1-3"]


async def test_long_stretches_without_outward_events_are_no_trap(outside: Outside) -> None:
    await outside.house.given("booking", canceled())
    await outside.publish()
    for _ in range(6):
        await outside.house.given("compliance", *(viewed() for _ in range(100)))
    await outside.publish()
    await outside.house.given("booking", canceled())
    await outside.publish()
    whole = await outside.ids()
    assert whole == ["1-1", "1-3", "1-604"]
    for kept in (1, 2, 0):
        await outside.client.delete(outside.stream)
        if kept:
            for entry_id, form in zip(whole[:kept], await outside.events() or [{}] * kept, strict=False):
                assert form == {}
                again = await _form(outside, entry_id)
                await outside.client.xadd(outside.stream, {"event": again}, id=entry_id)
        async with asyncio.timeout(10):
            await outside.publish()
        assert await outside.ids() == whole


async def _form(outside: Outside, entry_id: str) -> bytes:
    async with aside(outside.house.database, outside.house.clinic_id, "booking") as rows:
        found = await outward_after(rows, outside.house.clinic_id, 1, int(entry_id.split("-")[1]) - 1, 1)
    return found[0]


async def test_the_feed_serves_the_same_bytes_as_the_stream(outside: Outside) -> None:
    await outside.house.given("booking", canceled(), viewed(), canceled())
    await outside.publish()
    async with aside(outside.house.database, outside.house.clinic_id, "booking") as rows:
        fed = await outward_after(rows, outside.house.clinic_id, 1, 0, 10)
    assert fed == [fields[b"event"] for _, fields in await outside.client.xrange(outside.stream)]


async def test_a_stream_published_before_the_crash_is_compared_and_passed(outside: Outside, owner: asyncpg.Connection) -> None:
    await outside.house.given("booking", canceled(), canceled())
    await outside.publish()
    await owner.execute(
        "update ledger.bookmarks set size = 1, chain = (select chain from ledger.entries where index = 0) where service = 'relay'"
    )
    await outside.publish()
    assert await outside.ids() == ["1-1", "1-3", "1-4"]
    assert (await status_of(outside.house.database)).halted == []


@pytest.mark.parametrize("forged", [{"event": b'{"type":"booking.confirmed"}'}, {"other": b"x"}, {"event": b"\xff"}])
async def test_a_difference_halts_the_relay_visibly(outside: Outside, forged: dict[str, bytes]) -> None:
    other = Outside(await open_house(outside.house.database), outside.client)
    await outside.publish()
    await outside.client.xadd(outside.stream, forged, id="1-3")
    await outside.house.given("booking", canceled())
    for each in (outside, other):
        await each.publish()
    (standing,) = (await status_of(outside.house.database)).halted
    assert (standing.clinic_id, standing.service, standing.stage, standing.bookmark) == (outside.house.clinic_id, "relay", "published", 2)
    assert await other.ids() == ["1-1"]


async def test_two_relays_at_once_write_the_same_stream(outside: Outside) -> None:
    second = Outside(outside.house, outside.client)
    for _ in range(5):
        await outside.house.given("booking", *(canceled() for _ in range(40)))
        await asyncio.gather(outside.publish(), second.publish(), outside.inspect(), second.inspect())
    await asyncio.gather(outside.publish(), second.publish())
    assert await outside.ids() == ["1-1", *(f"1-{size}" for size in range(3, 203))]
    assert await outside.relay.inspect() == await second.relay.inspect() == []
    assert (await status_of(outside.house.database)).halted == []


async def test_an_outage_of_redis_halts_nothing(house: House, servers: Servers, valkey: Redis, tmp_path: Path) -> None:
    here = tmp_path / "v.sock"
    async with wire(here, servers.sockets / "valkey.sock") as line:
        client = redis_client(f"unix://{here}")
        outside = Outside(house, client)
        await line.cut()
        await house.given("booking", canceled())
        for _ in range(7):
            await outside.publish()
        assert (await status_of(house.database)).halted == []
        await line.mend()
        await outside.publish()
        assert await outside.ids() == ["1-1", "1-3"]
        await client.aclose()


async def test_a_redis_that_is_full_halts_nothing(outside: Outside) -> None:
    await outside.house.given("booking", canceled())
    await outside.client.config_set("maxmemory", "1")
    try:
        for _ in range(7):
            await outside.publish()
    finally:
        await outside.client.config_set("maxmemory", "0")
    assert (await status_of(outside.house.database)).halted == []
    await outside.publish()
    assert await outside.ids() == ["1-1", "1-3"]


async def test_what_is_older_than_the_window_is_trimmed_but_for_the_newest(outside: Outside, owner: asyncpg.Connection) -> None:
    await outside.house.given("booking", *(canceled() for _ in range(300)))
    await outside.publish()
    await owner.execute("alter table ledger.entries disable trigger all")
    await owner.execute("update ledger.entries set recorded_at = recorded_at - interval '8 days'")
    await outside.relay.trim()
    kept = await outside.ids()
    assert 1 <= len(kept) < 301
    assert kept[-1] == "1-302"
    assert await outside.relay.inspect() == []


def test_the_stream_belongs_to_its_clinic() -> None:
    clinic = UUID(int=7)
    assert outward_stream(clinic) == "{clinic:00000000-0000-0000-0000-000000000007}:events"


async def test_relays_of_an_empty_house_watch_nothing(database: Database, valkey: Redis) -> None:
    relay = Relay(database, valkey)
    await relay.watch_all()
    assert await relay.inspect() == []
