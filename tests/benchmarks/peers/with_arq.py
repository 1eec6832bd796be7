"""arq: jobs in Redis. Read by polling, here each 20 ms instead of each 500.

Promises that a job runs at least once, also when the worker dies; the row's id makes it once. What Redis lost (here: up to a
second at a crash of the machine) is lost. No order, no record.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker, func

from tests.benchmarks.peers.place import CLIENTS, EFFECT, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "arq"


def _redis(place: Place) -> RedisSettings:
    return RedisSettings(unix_socket_path=place.valkey, max_connections=2 * CLIENTS)


async def prepare(_place: Place) -> None:
    return


async def work(place: Place) -> None:
    pool = await place.pool()

    async def effect(_context: dict[Any, Any], task: str) -> None:
        await pool.execute(EFFECT, task)

    worker = Worker(
        functions=[func(effect, name="effect", keep_result=0)],
        redis_settings=_redis(place),
        max_jobs=CLIENTS,
        poll_delay=0.02,
        handle_signals=False,
    )
    await worker.async_run()


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    redis = await create_pool(_redis(place))

    async def ask(task: str) -> None:
        await redis.enqueue_job("effect", task, _job_id=task)

    yield ask
    await redis.aclose()
