"""eventsourcing on PostgreSQL: one event of a new aggregate saved at a time, each by a thread of its own.

Promises what an event store promises: the event is durable, an aggregate's version is taken once, and notifications are in one
order without gaps, for which it locks the table. No chain, no rules asked before, no answer kept for the second time of asking.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate

from tests.benchmarks.peers.place import CLIENTS, Ask, Place

NAME = "eventsourcing"
EFFECTS = None
work = None


class Client(Aggregate):  # type: ignore[misc] # no types where it is not installed
    """Made with as much in it as ours."""

    def __init__(self, client_id: UUID, commitment: str, *, contactable: bool) -> None:
        self.client_id = client_id
        self.commitment = commitment
        self.contactable = contactable


async def prepare(_place: Place) -> None:
    return


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": place.database,
        "POSTGRES_HOST": place.sockets,
        "POSTGRES_USER": "asepsis",
        "POSTGRES_PASSWORD": "",
        "POSTGRES_POOL_SIZE": str(CLIENTS),
        "POSTGRES_MAX_OVERFLOW": str(CLIENTS),
        "POSTGRES_MAX_WAITING": str(CLIENTS),
    }
    app: Any = Application(env=settings)
    loop = asyncio.get_running_loop()

    def save() -> None:
        app.save(Client(uuid4(), "0" * 64, contactable=True))

    with ThreadPoolExecutor(place.clients) as threads:

        async def ask(_task: str) -> None:
            await loop.run_in_executor(threads, save)

        yield ask
    app.close()
