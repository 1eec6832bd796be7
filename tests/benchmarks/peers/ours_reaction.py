"""Ours: a reaction that inserts the row, to a fact that is recorded through `events.transaction`; 32 clinics.

Promises exactly once without the row's id: reaction and bookmark are one commit. In each clinic's order, from a chained record
that is never lost with the machine.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

from events import wire
from events.catalog.compliance import RecordViewed
from events.envelope import Entry
from events.streams import reactions_of
from events.transaction import Transaction, transaction
from events.wakeups import announce, redis_client
from services.app import House
from tests.benchmarks.ground import MANAGER, load_services
from tests.benchmarks.peers.ours_append import ground_of
from tests.benchmarks.peers.place import CLIENTS, EFFECTS, Ask, Place

__all__ = ["EFFECTS", "NAME", "asking", "prepare", "work"]

NAME = "ours: append and reaction"
SERVICE = "recovery"
_EFFECT = "insert into public.effects (id) values ($1) on conflict do nothing"


async def react(tx: Transaction, entry: Entry[Any]) -> None:
    await wire.fetch(tx.line, _EFFECT, entry.causation)  # spoken to the driver, as everybody's handler here does


async def prepare(place: Place) -> None:
    ground = ground_of(place)
    await ground.migrate()
    await ground.clinics(CLIENTS)
    owner = await ground.owner()
    await owner.execute(f"grant usage on schema public to asepsis_{SERVICE}; grant insert, select on effects to asepsis_{SERVICE}")
    await owner.close()


async def work(place: Place) -> None:
    load_services()
    reactions_of(SERVICE)(RecordViewed)(react)
    await House(replace(ground_of(place).settings, parts=(SERVICE,))).start()
    await asyncio.Event().wait()


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    ground = ground_of(place)
    owner = await ground.owner()
    clinics = [row[0] for row in await owner.fetch("select clinic_id from ledger.clinics")]
    await owner.close()
    database, client, turns = ground.open(CLIENTS), redis_client(ground.redis_url), count()
    database.announce = partial(announce, client)

    async def ask(task: str) -> None:
        clinic_id = clinics[next(turns) % CLIENTS]
        while True:
            with contextlib.suppress(TimeoutError):  # not let in for five seconds: asked again, as the promise allows
                async with transaction(database, clinic_id, "compliance", MANAGER, task) as tx:
                    await tx.record(RecordViewed(question="nothing", answers=0))
                return

    yield ask
    await client.aclose()
    await database.close()
