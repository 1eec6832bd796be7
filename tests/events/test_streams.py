"""Wake-ups, catch-up and halting, on the real PostgreSQL and the real Valkey."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from events.catalog.booking import BookingCanceled, BookingFlagged, ResourceAdded
from events.catalog.compliance import RecordViewed
from events.database import Database
from events.embedded import Servers
from events.envelope import Entry
from events.ledger import clinics_behind
from events.streams import STREAM, Follower
from events.transaction import Transaction, aside, reading
from events.wakeups import Wakeups, announce, make_broker, redis_client
from tests.conftest import House
from tests.outage import wire

SERVICE = "consent"
ALARM = 20.0


def added() -> ResourceAdded:
    return ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15)


async def until(met: Callable[[], Awaitable[Any]]) -> None:
    """Wait for something that must come."""
    async with asyncio.timeout(ALARM):
        while not await met():  # noqa: ASYNC110 - what is awaited happens in a server
            await asyncio.sleep(0.02)


async def lags(database: Database, service: str = SERVICE) -> int:
    """How many clinics and stages a service is behind in."""
    async with aside(database, None, service) as rows:
        return sum([len(await clinics_behind(rows, service, stage)) for stage in ("projected", "reacted")])


@asynccontextmanager
async def listening(url: str, *followers: Follower) -> AsyncIterator[Wakeups]:
    """The followers, woken by the stream alone: nothing sweeps."""
    broker, client = make_broker(url), redis_client(url)
    wakeups = Wakeups(broker, client, followers)
    try:
        await wakeups.ensure_groups()
        await broker.start()
        yield wakeups
    finally:
        await broker.stop()
        await wakeups.drain()
        await client.aclose()


@pytest.fixture
def announcing(database: Database, valkey: Redis) -> None:
    async def say(entries: Any) -> None:
        await announce(valkey, entries)

    database.announce = say


@pytest.mark.usefixtures("announcing")
async def test_a_commit_wakes_a_service_without_any_sweep(house: House, servers: Servers) -> None:
    async with listening(servers.redis_url, Follower(house.database, SERVICE)):
        began = time.monotonic()
        (entry,) = await house.given("booking", added())
        await until(lambda: _is_at(house, entry.size))
        assert time.monotonic() - began < ALARM / 4


async def _is_at(house: House, size: int, service: str = SERVICE) -> bool:
    async with reading(house.database, house.clinic_id, service) as view:
        return view.size == size and not await lags(house.database, service)


async def test_lost_doubled_reordered_and_forged_messages_are_harmless(
    house: House, servers: Servers, valkey: Redis, owner: asyncpg.Connection
) -> None:
    entries = [(await house.given("booking", added()))[0] for _ in range(4)]
    forged: list[dict[Any, Any]] = [
        {"event": b"{not json"},
        {"event": b"[]"},
        {"event": b"\xff\xfe"},
        {"event": json.dumps({"source": 7})},
        {"event": json.dumps({"source": "urn:asepsis:clinic:nobody"})},
        {"event": json.dumps({"source": f"urn:asepsis:clinic:{uuid4()}", "sequence": "99-99"})},
        {"event": json.dumps({"source": f"urn:asepsis:clinic:{house.clinic_id}", "sequence": "1-999999", "data": {"a": 1}})},
        {"other": b"field"},
    ]
    async with listening(servers.redis_url, Follower(house.database, SERVICE)) as wakeups:
        await announce(valkey, [entries[3], entries[0], entries[0], entries[2]])  # the second is lost
        for fields in forged:
            await valkey.xadd(STREAM, dict(fields))
        await announce(valkey, [entries[3]])
        await until(lambda: _is_at(house, entries[-1].size))
        assert wakeups.deaf == []
    assert await owner.fetchval("select count(*) from ledger.attempts where clinic_id <> $1", house.clinic_id) == 0
    assert await owner.fetchval("select count(*) from ledger.bookmarks where clinic_id <> $1", house.clinic_id) == 0


async def test_the_sweep_finds_what_nobody_announced(house: House) -> None:
    await house.given("booking", added(), added())
    follower = Follower(house.database, SERVICE)
    assert await lags(house.database) == 2
    await follower.sweep()
    assert await lags(house.database) == 0


@pytest.mark.usefixtures("announcing")
async def test_after_flushall_groups_come_back_and_nothing_is_lost(house: House, servers: Servers, valkey: Redis) -> None:
    follower = Follower(house.database, SERVICE)
    async with listening(servers.redis_url, follower) as wakeups:
        for _ in range(2):
            await valkey.flushall()
            await house.given("booking", added())

            async def deaf() -> bool:
                return bool(wakeups.deaf)

            await until(deaf)
            await wakeups.mend()
            assert wakeups.deaf == []
            (entry,) = await house.given("booking", added())
            await until(lambda entry=entry: _is_at(house, entry.size))  # type: ignore[misc]


async def test_services_that_start_without_redis_hear_when_it_comes(house: House, servers: Servers, valkey: Redis, tmp_path: Path) -> None:
    here = tmp_path / "v.sock"
    url = f"unix://{here}"
    broker, client = make_broker(url), redis_client(url)
    wakeups = Wakeups(broker, client, [Follower(house.database, SERVICE), Follower(house.database, "recovery")])
    with pytest.raises(RedisConnectionError):
        await wakeups.ensure_groups()
    async with wire(here, servers.sockets / "valkey.sock"):
        await wakeups.ensure_groups()
        await broker.start()
        entries = await house.given("booking", added())
        await announce(valkey, entries)
        await until(lambda: _is_at(house, entries[-1].size))
        await broker.stop()
        await client.aclose()


async def test_a_cut_wire_is_outlived(house: House, servers: Servers, valkey: Redis, tmp_path: Path) -> None:
    here = tmp_path / "v.sock"
    async with (
        wire(here, servers.sockets / "valkey.sock") as valkey_wire,
        listening(f"unix://{here}", Follower(house.database, SERVICE)) as wakeups,
    ):
        await valkey_wire.cut()
        entries = await house.given("booking", added())
        await announce(valkey, entries)
        await asyncio.sleep(0.3)
        await valkey_wire.mend()
        await until(lambda: _is_at(house, entries[-1].size))
        assert wakeups.deaf == []


async def test_a_reaction_that_runs_again_after_a_crash_records_once(house: House, reacting: Callable[..., None]) -> None:
    runs: list[UUID] = []

    async def flag(tx: Transaction, entry: Entry[BookingCanceled]) -> None:
        runs.append(entry.event_id)
        await tx.record(BookingFlagged(booking_id=uuid4(), client_id=uuid4(), reason="tried", cause=entry.event_id))
        if len(runs) == 1:
            message = "killed before the commit"
            raise KeyboardInterrupt(message)

    reacting("recovery", BookingCanceled, flag)
    await house.given("booking", BookingCanceled(booking_id=uuid4(), client_id=uuid4(), reason="asked"))
    with pytest.raises(KeyboardInterrupt):
        await Follower(house.database, "recovery").follow(house.clinic_id)
    again = [Follower(house.database, "recovery") for _ in range(3)]
    await asyncio.gather(*(follower.follow(house.clinic_id) for follower in again))
    await house.react("recovery")
    assert len(await house.said(BookingFlagged)) == 1
    assert len(runs) == 2


async def test_a_backlog_is_worked_in_order_across_pages(house: House, reacting: Callable[..., None]) -> None:
    seen: list[int] = []

    async def note(tx: Transaction, entry: Entry[Any]) -> None:
        seen.append(entry.index)

    reacting("recovery", RecordViewed, note)
    for _ in range(4):
        await house.given("compliance", *(RecordViewed(question="q", answers=1) for _ in range(20)), *(added() for _ in range(120)))
    await Follower(house.database, "recovery").follow(house.clinic_id)
    assert len(seen) == 80
    assert seen == sorted(seen)
    assert await lags(house.database, "recovery") == 0
