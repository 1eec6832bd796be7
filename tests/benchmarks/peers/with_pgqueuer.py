"""pgqueuer: jobs in PostgreSQL, workers woken by NOTIFY, taken and logged in batches.

Promises that a job runs at least once and is never lost with the machine: the queue is as durable as the effect. Jobs of a dead
worker are taken again when its heartbeat is old. No order; a log of jobs, not of facts.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pgqueuer.core.qm import QueueManager
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from tests.benchmarks.peers.place import CLIENTS, EFFECT, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "pgqueuer"


async def prepare(place: Place) -> None:
    pool = await place.pool(2)
    await Queries(AsyncpgPoolDriver(pool)).install()
    await pool.close()


async def work(place: Place) -> None:
    pool, own = await place.pool(), await place.pool(4)
    manager = QueueManager(Queries(AsyncpgPoolDriver(own)))

    async def effect(job: Job) -> None:
        await pool.execute(EFFECT, (job.payload or b"").decode())

    manager.entrypoint("effect")(effect)
    await manager.run(batch_size=CLIENTS)


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    pool = await place.pool()
    queries = Queries(AsyncpgPoolDriver(pool))

    async def ask(task: str) -> None:
        await queries.enqueue("effect", task.encode())

    yield ask
    await pool.close()
