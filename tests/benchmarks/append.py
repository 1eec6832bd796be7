"""Row 1: a chained append through `events.transaction`, by many clients in many clinics."""

import asyncio
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from uuid import UUID, uuid4

from events.catalog.booking import ClientRegistered
from events.transaction import transaction
from tests.benchmarks.ground import MANAGER, Ground, load_services
from tests.benchmarks.limit import limit
from tests.benchmarks.measure import Row, crowd, run

CLIENTS = 32
PROCESSES = 2
SERVICE = "recovery"
"""Hears nothing of what is appended here: what is measured is the engine."""


async def _append(ground: Ground, clinics: list[UUID], clients: int, seconds: float) -> float:
    database = ground.open(pool_size=clients)

    async def one(which: int) -> None:
        mine = places[which]
        clinic_id = mine[turns[which] % len(mine)]
        turns[which] += 1
        async with transaction(database, clinic_id, SERVICE, MANAGER, str(uuid4())) as tx:
            await tx.record(ClientRegistered(client_id=uuid4(), commitment="0" * 64, contactable=True))

    places = [clinics[which::clients] for which in range(clients)]
    turns = [0] * clients
    try:
        await asyncio.gather(*(one(which) for which in range(clients)))
        return await crowd(clients, seconds, one)
    finally:
        await database.close()


def _worker(ground: Ground, clinics: list[UUID], clients: int, seconds: float) -> float:
    return run(_append(ground, clinics, clients, seconds))


async def chained_append(ground: Ground, clinics: int, rounds: int, seconds: int) -> list[Row]:
    """Against the limit with the same number of clients, taking turns."""
    made = await ground.clinics(clinics)
    rows: list[Row] = []
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn"), load_services) as workers:
        for clients, processes in ((1, 1), (8, PROCESSES), (CLIENTS, PROCESSES)):
            ratios: list[float] = []
            for _ in range(rounds):
                bare = await limit(ground, clients, seconds)
                shares = (
                    loop.run_in_executor(workers, _worker, ground, made[which::processes], clients // processes, seconds)
                    for which in range(processes)
                )
                ratios.append(sum(await asyncio.gather(*shares)) / bare)
            named = f"chained append, {clinics} clinics, {clients} client{'s' * (clients > 1)}, {processes} process{'es' * (processes > 1)}"
            aimed = Row(named, "× limit", ratios, "at least", 0.40) if clients == CLIENTS else Row(named, "× limit", ratios)
            rows.append(aimed)
    return rows
