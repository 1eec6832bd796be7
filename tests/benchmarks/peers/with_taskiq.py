"""taskiq with taskiq-redis: its broker on Redis streams, the one of its brokers that acknowledges.

Promises that a task runs at least once: what a dead worker had is claimed after ten minutes. What Redis lost (here: up to a
second at a crash of the machine) is lost. No order, no record.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from taskiq.acks import AcknowledgeType
from taskiq.api import run_receiver_task
from taskiq_redis import RedisStreamBroker

from tests.benchmarks.peers.place import CLIENTS, EFFECT, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "taskiq-redis"


def _broker(place: Place) -> RedisStreamBroker:
    return RedisStreamBroker(f"unix://{quote(place.valkey)}", max_connection_pool_size=2 * CLIENTS, consumer_id="0")


async def prepare(_place: Place) -> None:
    return


async def work(place: Place) -> None:
    pool = await place.pool()
    broker = _broker(place)

    async def effect(task: str) -> None:
        await pool.execute(EFFECT, task)

    broker.register_task(effect, task_name="effect")
    await run_receiver_task(
        broker, run_startup=True, max_async_tasks=CLIENTS, validate_params=False, ack_time=AcknowledgeType.WHEN_EXECUTED
    )


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    broker = _broker(place)

    async def effect(_task: str) -> None:
        """Named here, done by the worker."""

    task = broker.register_task(effect, task_name="effect")
    await broker.startup()
    yield task.kiq
    await broker.shutdown()
