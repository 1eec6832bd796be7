"""Ours: a command by stream that decides nothing, through the inbox, 32 front desks in 32 clinics; the effect is the committed entry.

Promises what the README promises: exactly once without a row of the handler's own, in each desk's own order, chained, the same
answer for the same id. What Redis lost before it was worked is known to the sender by the answer that does not come.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import orjson
from redis.asyncio import Redis

from events.catalog.compliance import RecordViewed, SystemConnected
from events.inbox import inbox_of
from events.transaction import Answer, Transaction
from schemas.vocabulary import Shape
from services.app import House
from tests.benchmarks.ground import load_services, record
from tests.benchmarks.peers.ours_append import ground_of
from tests.benchmarks.peers.place import CLIENTS, Ask, Place

NAME = "ours: command by stream"
EFFECTS: str | None = (
    "select convert_from(body, 'UTF8')::jsonb #>> '{causation,id}' as id from ledger.entries where type = 'record.viewed.v1'"
)
SYSTEM = "frontdesk"
TYPE = "bench.noop"


class Nothing(Shape):
    """What is asked for."""

    words: str


async def accept(tx: Transaction, _request: Nothing) -> Answer[Any]:
    """Grant it."""
    return await tx.answer(RecordViewed(question="nothing", answers=0))


async def prepare(place: Place) -> None:
    ground = ground_of(place)
    await ground.migrate()
    database = ground.open(2)
    for clinic_id in await ground.clinics(CLIENTS):
        await record(database, clinic_id, "compliance", SystemConnected(system=SYSTEM, identity_id=uuid4()))
    await database.close()


async def work(place: Place) -> None:
    load_services()
    inbox_of("booking")(TYPE, Nothing, command="register_client")(accept)
    await House(replace(ground_of(place).settings, parts=("booking",))).start()
    await asyncio.Event().wait()


@asynccontextmanager
async def asking(place: Place) -> AsyncIterator[Ask]:
    owner = await ground_of(place).owner()
    clinics: list[UUID] = [row[0] for row in await owner.fetch("select clinic_id from ledger.clinics")]
    await owner.close()
    client, turns = Redis(unix_socket_path=place.valkey, max_connections=2 * CLIENTS), count()

    async def ask(task: str) -> None:
        command = {"specversion": "1.0", "id": task, "source": "urn:asepsis:system:frontdesk", "type": TYPE, "data": {"words": "none"}}
        await client.xadd(f"{{clinic:{clinics[next(turns) % CLIENTS]}}}:inbox:{SYSTEM}", {"event": orjson.dumps(command)})

    yield ask
    await client.aclose()
