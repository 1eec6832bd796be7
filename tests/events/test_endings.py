"""A task is ended even where its first cancellations are lost."""

import asyncio

from redis.asyncio import Redis

from events.embedded import Servers
from events.endings import ended


async def test_a_loop_that_loses_cancellations_is_ended() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    going = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert await ended(going)
    assert (lost, going.cancelled()) == (2, True)


async def test_what_never_ends_is_given_up() -> None:
    free = asyncio.Event()

    async def deaf() -> None:
        while not free.is_set():
            try:
                await free.wait()
            except asyncio.CancelledError:
                continue

    going = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    assert not await ended(going, within=0.1)
    free.set()
    await going


async def test_errors_are_not_raised_and_not_lost() -> None:
    async def fail() -> None:
        raise LookupError

    failed = asyncio.create_task(fail())
    await asyncio.sleep(0)
    assert await ended(failed)
    assert isinstance(failed.exception(), LookupError)


async def test_loops_around_pipelines_end(servers: Servers) -> None:
    """What redis-py really does: about half of these lost their first cancellation."""
    client = Redis.from_url(servers.redis_url)

    async def go_on() -> None:
        while True:
            async with client.pipeline(transaction=False) as pipe:
                for _ in range(50):
                    pipe.echo("x" * 300)
                await pipe.execute()

    for moment in range(20):
        going = asyncio.create_task(go_on())
        await asyncio.sleep(moment / 4000)
        assert await ended(going), moment
    await client.aclose()
