"""What may happen to the stream `events`, and to all of Valkey's memory: the ledger knows better."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from events.endings import ended
from events.streams import STREAM
from tests.faults.stage import Stage
from tests.faults.weather import forged

pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def meanwhile(mischief: Callable[[], Awaitable[object]], seconds: float) -> AsyncIterator[list[int]]:
    """Do it every so many seconds; counts how often."""
    done = [0]

    async def go_on() -> None:
        while True:
            await asyncio.sleep(seconds)
            await mischief()
            done[0] += 1

    going = asyncio.create_task(go_on())
    try:
        yield done
    finally:
        unheard = going.done() and not going.cancelled() and going.exception()
        assert await ended(going)
        assert not unheard, unheard


async def test_a_flush_in_the_middle_of_the_day_loses_nothing(stage: Stage) -> None:
    """Streams, groups, unread commands: all gone, again and again. Who had no answer sends the same id again."""
    async with stage.program(), stage.morning(clients=2) as morning:
        async with meanwhile(stage.valkey.flushall, 0.7) as flushed:
            await morning.play()
        assert flushed[0] >= 2
        await stage.valkey.flushall()
        assert not await stage.problems()


async def test_everything_heard_twice_and_out_of_order_happens_once(stage: Stage) -> None:
    async with stage.program(order=replace(stage.order, gossip="deranged")), stage.morning() as morning:
        await morning.play()
        told: Any = await stage.valkey.xrange(STREAM)
        sequences = [int(json.loads(fields[b"event"])["sequence"].partition("-")[2]) for _, fields in told]
        assert sequences != sorted(sequences)
        assert len(sequences) > len(set(sequences))
        assert not await stage.problems()


async def test_what_is_never_announced_is_found_by_the_sweep(stage: Stage) -> None:
    async with stage.program(order=replace(stage.order, gossip="silent")), stage.morning(clients=1) as morning:
        await morning.play()
        assert not await stage.valkey.xlen(STREAM)
        assert not await stage.problems()


async def _forge(valkey: Redis, clinic: UUID) -> None:
    async with valkey.pipeline(transaction=False) as pipe:
        for fields in forged(Random(1), clinic):
            pipe.xadd(STREAM, fields)
        await pipe.execute()


async def test_forged_messages_are_hints_at_most(stage: Stage) -> None:
    async with stage.program(), stage.morning() as morning:
        async with meanwhile(lambda: _forge(stage.valkey, stage.example.clinic_id), 0.5) as done:
            await morning.play()
        assert done[0] >= 2
        assert not await stage.problems()
