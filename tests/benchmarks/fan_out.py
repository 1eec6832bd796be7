"""Row 5: six services hear of everything, against FastStream's own rate for six batch subscribers of the same stream."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
from faststream import AckPolicy
from faststream.redis import StreamSub
from redis.asyncio import Redis

from events import ledger
from events.database import SERVICES, Database
from events.envelope import Entry, cloud_event
from events.streams import STREAM, Follower
from events.transaction import aside
from events.wakeups import BATCH, FIELD, Wakeups, ensure_group, make_broker, redis_client
from tests.benchmarks.ground import Ground, grow
from tests.benchmarks.history import SPARSE, past
from tests.benchmarks.measure import Row

HALF = 0.5


async def _announced(ground: Ground, client: "Redis", clinics: int, entries: int) -> None:
    """Every entry is on the stream, as `announce` puts it there, and no service has seen any of them."""
    await client.flushall()
    owner = await ground.owner()
    now = await owner.fetchval("select clock_timestamp()")
    for clinic_id in await ground.clinics(clinics):
        await grow(owner, clinic_id, past(now, SPARSE), entries // clinics)
        async with owner.transaction():
            found = await owner.fetch(
                "select epoch, index, recorded_at, event_id, type, body, chain from ledger.entries where clinic_id = $1", clinic_id
            )
        async with client.pipeline(transaction=False) as pipe:
            for row in found:
                pipe.xadd(STREAM, {FIELD: cloud_event(Entry(clinic_id, *row))})
            await pipe.execute()
    await owner.close()


async def level(database: Database) -> bool:
    async with aside(database, None, "compliance") as rows:
        for service in SERVICES:
            for stage in ("projected", "reacted"):
                if await ledger.clinics_behind(rows, service, stage):
                    return False
    return True


async def _ours(ground: Ground, client: "Redis") -> float:
    """Seconds until every service has projected and reacted to everything."""
    database = ground.open(24)
    broker = make_broker(ground.redis_url)
    wakeups = Wakeups(broker, client, [Follower(database, *SERVICES)])
    try:
        await wakeups.ensure_groups()
        begun = time.perf_counter()
        await broker.start()
        while not await level(database):  # noqa: ASYNC110 - what is awaited happens in the database
            await asyncio.sleep(0.05)
        return time.perf_counter() - begun
    finally:
        await broker.stop()
        await wakeups.drain()
        await database.close()


async def _whole(raw: Any, original: Any) -> Any:
    """The batch as it was read: FastStream's own parser knows no field but its own."""
    message = await original({**raw, "data": []})
    message.raw_message = raw
    return message


async def _decoded(message: Any) -> list[Any]:
    return [orjson.loads(fields[FIELD.encode()]) for fields in message.raw_message["data"]]


async def _faststream(ground: Ground, client: "Redis", entries: int) -> float:
    """Seconds until six subscribers that do nothing have been handed everything."""
    broker = make_broker(ground.redis_url)
    seen = dict.fromkeys(SERVICES, 0)
    done = asyncio.Event()

    def hear(service: str) -> Callable[[list[Any]], Awaitable[None]]:
        async def count(messages: list[Any]) -> None:
            seen[service] += len(messages)
            if min(seen.values()) >= entries:
                done.set()

        return count

    for service in SERVICES:
        group = f"bench-{service}"
        await ensure_group(client, STREAM, group)
        stream = StreamSub(STREAM, group=group, consumer=uuid4().hex, batch=True, max_records=BATCH, no_ack=True, polling_interval=1000)
        broker.subscriber(stream=stream, parser=_whole, decoder=_decoded, ack_policy=AckPolicy.MANUAL)(hear(service))
    begun = time.perf_counter()
    await broker.start()
    async with asyncio.timeout(60):
        await done.wait()
    took = time.perf_counter() - begun
    await broker.stop()
    return took


async def fan_out(ground: Ground, clinics: int, entries: int, rounds: int) -> list[Row]:
    """In turns, over the same messages."""
    client = redis_client(ground.redis_url)
    ratios: list[float] = []
    rates: list[float] = []
    try:
        for _ in range(rounds):
            await _announced(ground, client, clinics, entries)
            theirs = await _faststream(ground, client, entries)
            ours = await _ours(ground, client)
            ratios.append(theirs / ours)
            rates.append(entries / ours)
        return [
            Row(f"fan-out, six services, {entries:,} entries in {clinics} clinics", "× FastStream's batches", ratios, "at least", HALF),
            Row("fan-out, six services: projected and reacted to", "entries/s", rates),
        ]
    finally:
        await client.aclose()
