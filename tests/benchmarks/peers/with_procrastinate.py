"""procrastinate: jobs in PostgreSQL, workers woken by NOTIFY.

Promises that a job runs at least once and is never lost with the machine: the queue is as durable as the effect. A dead worker's
jobs are found by its heartbeat. Order only within a lock; no record: jobs are deleted here when they are done.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from procrastinate import App, PsycopgConnector

from tests.benchmarks.peers.place import CLIENTS, EFFECT, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "procrastinate"


def _app(place: Place) -> App:
    return App(connector=PsycopgConnector(conninfo=place.dsn, min_size=4, max_size=CLIENTS))


async def prepare(place: Place) -> None:
    app = _app(place)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


async def work(place: Place) -> None:
    app = _app(place)
    pool = await place.pool()

    async def effect(task: str) -> None:
        await pool.execute(EFFECT, task)

    app.task(effect, name="effect")
    async with app.open_async():
        await app.run_worker_async(concurrency=CLIENTS, delete_jobs="always", install_signal_handlers=False)


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    app = _app(place)
    async with app.open_async():

        async def ask(task: str) -> None:
            await app.configure_task("effect").defer_async(task=task)

        yield ask
