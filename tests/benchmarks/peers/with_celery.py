"""Celery on Redis, acknowledging late, its handlers in threads: for handlers that wait for a database the quickest of its pools.

Promises that a task runs at least once, with `acks_late`: what a dead worker had comes back after the visibility timeout. What
Redis lost (here: up to a second at a crash of the machine) is lost. No order, no record.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from celery import Celery
from psycopg_pool import ConnectionPool

from tests.benchmarks.peers.place import CLIENTS, EFFECT_FOR_PSYCOPG, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "celery"


def _app(place: Place) -> Any:
    app = Celery("effects", broker=f"redis+socket://{place.valkey}")
    app.conf.update(
        task_acks_late=True,
        task_ignore_result=True,
        worker_prefetch_multiplier=4,
        broker_connection_retry_on_startup=True,
        broker_pool_limit=CLIENTS,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
    )
    return app


async def prepare(_place: Place) -> None:
    return


async def work(place: Place) -> None:
    await asyncio.to_thread(_work, place)


def _work(place: Place) -> None:
    app = _app(place)
    with ConnectionPool(place.dsn, min_size=CLIENTS, max_size=CLIENTS, kwargs={"autocommit": True}) as pool:

        def effect(task: str) -> None:
            with pool.connection() as connection:
                connection.execute(EFFECT_FOR_PSYCOPG, (task,))

        app.task(effect, name="effect")
        app.Worker(
            pool="threads", concurrency=CLIENTS, without_gossip=True, without_mingle=True, without_heartbeat=True, loglevel="ERROR"
        ).start()


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    app = _app(place)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(place.clients) as threads:

        async def ask(task: str) -> None:
            await loop.run_in_executor(threads, lambda: app.send_task("effect", (task,)))

        yield ask
