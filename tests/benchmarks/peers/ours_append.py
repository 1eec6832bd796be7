"""Ours: one fact through `events.transaction`: locked, caught up, decided, chained, committed, the answer kept for the second time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from uuid import uuid4

from events.catalog.booking import ClientRegistered
from events.transaction import transaction
from tests.benchmarks.ground import MANAGER, Ground
from tests.benchmarks.peers.place import CLIENTS, Ask, Place

NAME = "ours: append"
EFFECTS = None
work = None

SERVICE = "recovery"
"""Hears nothing of what is appended here."""


def ground_of(place: Place) -> Ground:
    return Ground(Path(place.sockets), f"unix://{place.valkey}", place.database)


async def prepare(place: Place) -> None:
    await ground_of(place).migrate()


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    ground = ground_of(place)
    clinics, turns = await ground.clinics(CLIENTS), count()
    database = ground.open(CLIENTS)

    async def ask(task: str) -> None:
        async with transaction(database, clinics[next(turns) % CLIENTS], SERVICE, MANAGER, task) as tx:
            await tx.record(ClientRegistered(client_id=uuid4(), commitment="0" * 64, contactable=True))

    yield ask
    await database.close()
