"""Row 2: the whole way of a command: booking asked for by stream, decided, committed, the answer readable on the clinic's stream.

The program runs in a process of its own; the front desks are plain Redis clients. Beside it, the same hops with nothing
in them: XADD, XREADGROUP, one row inserted and committed, XADD, XREAD.
"""

import asyncio
import logging
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from redis.asyncio import Redis

from events.catalog.booking import ClientRegistered, PractitionerCredentialed, ResourceAdded
from events.catalog.compliance import SystemConnected
from events.database import Database
from events.inbox_keeper import MOST_INBOXES
from events.transaction import transaction
from schemas.vocabulary import Modality, Role
from services.app import House
from tests.benchmarks.fan_out import level
from tests.benchmarks.ground import MANAGER, Ground, open_clinic, record
from tests.benchmarks.limit import limit
from tests.benchmarks.measure import Row, at, crowd, run

CLIENTS = 32
CONNECTIONS, BARE = 40, 8
"""Of PostgreSQL's hundred, those of the programs and of the bare hops: 32 are the limit's."""
SYSTEM = "frontdesk"
PATIENCE_SECONDS = 120
PEOPLE, PEOPLE_ALTOGETHER = 400, 80_000
"""Clients of a clinic: many enough that nobody comes twice while the skin rests, and requests are granted as they are in life."""
HOURS = (8, 9, 11, 12)
"""UTC hours at which visits are asked for: in opening hours, in summer and in winter."""


@dataclass
class Desk:
    """One clinic's front desk: it asks, and waits until the answer stands on the stream."""

    clinic_id: UUID
    client: Any
    ids: dict[str, UUID] = field(default_factory=lambda: {name: uuid4() for name in ("practitioner", "room", "device")})
    people: list[UUID] = field(default_factory=list)
    numbers: Any = field(default_factory=count)
    last: str = "$"

    def __post_init__(self) -> None:
        self.turn = asyncio.Lock()
        self.inbox, self.events = (f"{{clinic:{self.clinic_id}}}:{name}" for name in (f"inbox:{SYSTEM}", "events"))

    async def furnish(self, database: Database, visits: int) -> None:
        self.people = [uuid4() for _ in range(visits)]
        await record(database, self.clinic_id, "compliance", SystemConnected(system=SYSTEM, identity_id=uuid4()))
        known = [ClientRegistered(client_id=one, commitment="0" * 64, contactable=True) for one in self.people]
        async with transaction(database, self.clinic_id, "booking", MANAGER, "bench-furnish") as tx:
            self.from_day = (tx.now + timedelta(days=3)).replace(hour=0, minute=0, second=0, microsecond=0)
            credential = PractitionerCredentialed(
                practitioner_id=self.ids["practitioner"],
                role=Role.PRACTITIONER,
                modalities=(Modality.MICRONEEDLING,),
                max_depth_um=1500,
                valid_until=(tx.now + timedelta(days=700)).date(),
            )
            room, device = (ResourceAdded(resource_id=self.ids[kind], kind=kind, turnover_minutes=10) for kind in ("room", "device"))
            for event in (credential, room, device, *known):
                await tx.record(event)

    def request(self) -> tuple[str, bytes]:
        """The next visit that nobody has asked for yet."""
        number = next(self.numbers)
        days = number // len(HOURS)
        starts_at = self.from_day + timedelta(days=days, hours=HOURS[number % len(HOURS)])
        visit = {
            "booking_id": str(uuid4()),
            "client_id": str(self.people[number % len(self.people)]),
            **{f"{name}_id": str(value) for name, value in self.ids.items()},
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
            "areas": ["cheeks"],
            "depth_um": 1000,
        }
        identity = uuid4().hex
        envelope = {"specversion": "1.0", "id": identity, "source": f"urn:asepsis:system:{SYSTEM}", "type": "booking.request"}
        return identity, orjson.dumps(envelope | {"data": visit})

    async def ask(self) -> float:
        """Seconds from the question to the answer that names it."""
        async with self.turn:
            identity, question = self.request()
            if self.last == "$":
                newest = await self.client.xrevrange(self.events, count=1)
                self.last = newest[0][0].decode() if newest else "0"
            begun = time.perf_counter()
            await self.client.xadd(self.inbox, {"event": question})
            while True:
                answers = await self.client.xread({self.events: self.last}, block=4000)
                for shown, fields in answers[0][1] if answers else ():
                    self.last = shown.decode()
                    said = orjson.loads(fields[b"event"])
                    if said.get("causationid") == identity and said["type"] != "booking.requested":
                        return time.perf_counter() - begun
                if time.perf_counter() - begun > PATIENCE_SECONDS:
                    message = f"no answer in {self.clinic_id}"
                    raise TimeoutError(message)


def _serve(ground: Ground, connections: int) -> None:
    """The program, without its HTTP door."""
    logging.disable(logging.WARNING)

    async def serve() -> None:
        house = House(replace(ground.settings, connections=connections))
        await house.start()
        await asyncio.Event().wait()

    run(serve())


def _echo(ground: Ground, desks: int) -> None:
    """The bare hops: read, commit one row, answer."""

    async def serve() -> None:
        client: Any = Redis.from_url(ground.redis_url, max_connections=200)
        pool = await asyncpg.create_pool(ground.url("asepsis").replace("+asyncpg", ""), min_size=1, max_size=BARE)

        async def one(desk: int) -> None:
            inbox = f"bare:{desk}:inbox"
            await client.xgroup_create(inbox, "bare", id="0", mkstream=True)
            while True:
                for _, entries in await client.xreadgroup("bare", "bare", {inbox: ">"}, count=100, block=1000):
                    for shown, fields in entries:
                        await pool.execute("insert into plain (body) values ($1)", "x" * 400)
                        await client.xadd(f"bare:{desk}:events", {"event": fields[b"event"]})
                        await client.xack(inbox, "bare", shown)

        await asyncio.gather(*(one(desk) for desk in range(desks)))

    run(serve())


@asynccontextmanager
async def _process(work: Callable[..., None], *values: object) -> AsyncIterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=work, args=values, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


async def _bare(client: Any, desk: int) -> float:
    """One bare round trip, with a body of a command's size."""
    newest = await client.xrevrange(f"bare:{desk}:events", count=1)
    begun = time.perf_counter()
    await client.xadd(f"bare:{desk}:inbox", {"event": b"x" * 600})
    await client.xread({f"bare:{desk}:events": newest[0][0] if newest else "0"}, block=4000)
    return time.perf_counter() - begun


async def _paced(rate: float, seconds: int, ask: Callable[[int], Any]) -> list[float]:
    """Questions at a given rate, each desk's own waiting for the one before it."""
    begun = time.perf_counter() + 0.05

    async def one(number: int) -> float:
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        took: float = await ask(number)
        return took

    return list(await asyncio.gather(*(one(number) for number in range(max(1, int(rate * seconds))))))


async def full_command(ground: Ground, clinics: int, rounds: int, seconds: int) -> list[Row]:
    """Throughput against the limit, and at half of it how late answers are against the bare hops."""
    client: Any = Redis.from_url(ground.redis_url, max_connections=4 * clinics, socket_timeout=30)
    await client.flushall()
    database = ground.open()
    desks = [Desk(await open_clinic(database), client) for _ in range(clinics)]
    for desk in desks:
        await desk.furnish(database, min(PEOPLE, PEOPLE_ALTOGETHER // clinics))
    ratios, middles, lates = [], [], []
    turns = count()
    processes = -(-clinics // MOST_INBOXES)

    async def next_desk(_: int) -> None:
        await desks[next(turns) % clinics].ask()

    async with AsyncExitStack() as running:
        for _ in range(processes):
            await running.enter_async_context(_process(_serve, ground, min(24, CONNECTIONS // processes)))
        await running.enter_async_context(_process(_echo, ground, CLIENTS))
        while not await level(database):  # noqa: ASYNC110 - what furnishing left behind is not what is measured
            await asyncio.sleep(0.1)
        for first in range(0, clinics, CLIENTS):  # every inbox is read
            await asyncio.gather(*(desk.ask() for desk in desks[first : first + CLIENTS]))
        await asyncio.gather(*(_bare(client, desk) for desk in range(CLIENTS)))
        for _ in range(rounds):
            bare = await limit(ground, CLIENTS, seconds)
            rate = await crowd(CLIENTS, seconds, next_desk)
            ratios.append(rate / bare)
            ours = await _paced(rate / 2, seconds, lambda number: desks[number % clinics].ask())
            hops = await _paced(rate / 2, seconds, lambda number: _bare(client, number % CLIENTS))
            middles.append(at(ours, 0.5) / at(hops, 0.5))
            lates.append(at(ours, 0.99) / at(hops, 0.99))
    await client.aclose()
    await database.close()
    programs = "one process" if processes == 1 else f"{processes} processes"
    return [
        Row(f"full command by stream, {clinics:,} clinics, {CLIENTS} clients, {programs}", "× limit", ratios, "at least", 0.10),
        Row("full command at half load, p50", "× bare hops", middles, "at most", 4),
        Row("full command at half load, p99", "× bare hops", lates, "at most", 15),
    ]
