"""Row 4: how fast a service that is far behind catches up, and how long a cold gate keeps others waiting."""

import asyncio
import contextlib
import time
from uuid import UUID, uuid4

import asyncpg

from events.database import SERVICES, Database
from events.transaction import CATCH_UP_OUTSIDE_LOCK, project, transaction
from tests.benchmarks.ground import MANAGER, Ground, grow, open_clinic
from tests.benchmarks.history import past
from tests.benchmarks.measure import Row, beside

LONGEST_HOLD_MS = 100
RATE = 20_000


async def _rate(database: Database, clinic_id: UUID, service: str) -> float:
    """Entries a second, of all that the service has not seen yet."""
    await project(database, clinic_id, service, 1)
    left = await project(database, clinic_id, service, 1)
    begun = time.perf_counter()
    todo = left
    while left:
        left = await project(database, clinic_id, service)
    return todo / (time.perf_counter() - begun)


async def catch_up(ground: Ground, entries: int, rounds: int) -> list[Row]:
    """Every service alone, over the same history."""
    database, owner = ground.open(), await ground.owner()
    try:
        now = await owner.fetchval("select clock_timestamp()")
        found: dict[str, list[float]] = {service: [] for service in SERVICES}
        for _ in range(rounds):
            clinic_id = await open_clinic(database)
            await grow(owner, clinic_id, past(now), entries)
            for service in SERVICES:
                found[service].append(await _rate(database, clinic_id, service))
        return [
            Row(f"catch-up of {service}, {entries:,} entries behind", "entries/s", rates, "at least", RATE)
            for service, rates in found.items()
        ]
    finally:
        await database.close()
        await owner.close()


async def _longest_wait(owner: asyncpg.Connection, clinic_id: UUID, waits: list[float]) -> None:
    """Somebody else who wants the same clinic's lock, again and again."""
    while True:
        begun = time.perf_counter()
        async with owner.transaction():
            await owner.execute(f"select pg_advisory_xact_lock(hashtextextended('{clinic_id}', 0))")
            waits.append(time.perf_counter() - begun)
        await asyncio.sleep(0.001)


async def cold_gate(ground: Ground, entries: int, rounds: int) -> Row:
    """The gate's service has seen nothing of a long history when it is asked. How long somebody else waits says how long it holds."""
    database, owner = ground.open(), await ground.owner()
    try:
        now = await owner.fetchval("select clock_timestamp()")
        longest: list[float] = []
        for _ in range(rounds):
            clinic_id = await open_clinic(database)
            await grow(owner, clinic_id, past(now), entries + CATCH_UP_OUTSIDE_LOCK - 2)  # as many as may be left for under the lock
            waits: list[float] = []
            async with beside(_longest_wait(owner, clinic_id, waits)):
                await asyncio.sleep(0.05)
                async with transaction(database, clinic_id, "treatment", MANAGER, str(uuid4())) as tx:
                    assert tx.size >= entries
                await asyncio.sleep(0.05)
            longest.append(1000 * max(waits))
            with contextlib.suppress(asyncpg.InterfaceError):
                await owner.reset()
        return Row(
            f"longest hold of the clinic's lock by a cold gate, {entries:,} entries behind", "ms", longest, "at most", LONGEST_HOLD_MS
        )
    finally:
        await database.close()
        await owner.close()
