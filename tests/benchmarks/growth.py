"""What an append and a verification cost in a clinic with ever more history: it should be the same."""

import statistics
import time
from uuid import UUID, uuid4

import asyncpg

from events.catalog.booking import ClientRegistered
from events.database import Database
from events.transaction import transaction
from events.verification import Ledger, Segment, Where, connected, in_clinic, walk_segment
from services.verification import connect_arguments
from tests.benchmarks.ground import MANAGER, Ground, grow, lengthen, open_clinic, stand_at_the_end
from tests.benchmarks.history import past
from tests.benchmarks.measure import Curve, Row

SERVICE = "recovery"
"""Hears nothing of what is appended here: what is measured is the engine."""
PATTERN = 1_000
"""Entries that are made one by one; the longer histories repeat them."""
FLAT = 1.25
MILLION = 1_000_000


async def _clinic(database: Database, owner: asyncpg.Connection, size: int) -> UUID:
    clinic_id = await open_clinic(database)
    await grow(owner, clinic_id, past(await owner.fetchval("select clock_timestamp()")), PATTERN)
    await lengthen(owner, clinic_id, size)
    await stand_at_the_end(owner, clinic_id, SERVICE)
    return clinic_id


async def _append(database: Database, clinic_id: UUID) -> float:
    begun = time.perf_counter()
    async with transaction(database, clinic_id, SERVICE, MANAGER, str(uuid4())) as tx:
        await tx.record(ClientRegistered(client_id=uuid4(), commitment="0" * 64, contactable=True))
    return time.perf_counter() - begun


async def _verify(where: Where, clinic_id: UUID, size: int) -> float:
    """Seconds for each entry of one walk; a short ledger is walked several times over."""
    segment = Segment(Ledger(clinic_id, 1, size, None), None, None)
    begun, walked = time.perf_counter(), 0
    async with connected(where) as rows, in_clinic(rows, where.role, clinic_id):
        while walked < 20_000:
            verdict = await walk_segment(rows, segment)
            assert verdict.broken is None
            walked += verdict.head.size
    return (time.perf_counter() - begun) / walked


async def growth(ground: Ground, sizes: list[int], rounds: int) -> tuple[list[Row], list[Curve]]:
    """Medians, all sizes in turns."""
    database, owner = ground.open(), await ground.owner()
    where = Where(connect_arguments(database.url), database.role("compliance"))
    try:
        clinics = {size: await _clinic(database, owner, size) for size in sizes}
        await owner.execute("vacuum analyze ledger.entries")
        appends: dict[int, list[float]] = {size: [] for size in sizes}
        walks: dict[int, list[float]] = {size: [] for size in sizes}
        for number in range(rounds):
            for _ in range(200):
                for size, clinic_id in clinics.items():
                    appends[size].append(await _append(database, clinic_id))
            for size, clinic_id in clinics.items():
                if number == 0 or size <= MILLION:
                    walks[size].append(await _verify(where, clinic_id, size))
    finally:
        await database.close()
        await owner.close()
    rows, curves = [], []
    for name, found in (("append", appends), ("verify, each entry", walks)):
        medians = {size: 1000 * statistics.median(times) for size, times in found.items()}
        against = [medians[sizes[-1]] / medians[sizes[0]]]
        rows.append(Row(f"{name}, median at {sizes[-1]:,} entries against {sizes[0]:,}", "×", against, "at most", FLAT))
        curves.append(Curve(name, "ms", list(medians.items())))
    return rows, curves
