"""DBOS: a workflow of one step, checkpointed in PostgreSQL, started in the process that asks, which is its quickest way.

Promises that a workflow that was started ends, and that a step whose end was recorded is not run again: at least once for a step
that was cut off, and the row's id makes it once. Started under the task's id, so that the same id starts one workflow. A record of
workflows, not of facts; no order.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dbos import DBOS, DBOSConfig, SetWorkflowID

from tests.benchmarks.peers.place import CLIENTS, EFFECT, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "dbos"
work = None


async def prepare(_place: Place) -> None:
    return


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    pool = await place.pool()

    async def effect(task: str) -> None:
        await pool.execute(EFFECT, task)

    step = DBOS.step(name="effect")(effect)

    async def whole(task: str) -> None:
        await step(task)

    workflow = DBOS.workflow(name="whole")(whole)
    config = DBOSConfig(
        name="effects",
        system_database_url=place.dsn.replace("postgresql", "postgresql+psycopg", 1),
        sys_db_pool_size=CLIENTS,
        log_level="CRITICAL",
    )
    DBOS(config=config)
    DBOS.launch()

    async def ask(task: str) -> None:
        with SetWorkflowID(task):
            await DBOS.start_workflow_async(workflow, task)

    yield ask
    DBOS.destroy()
    await pool.close()
