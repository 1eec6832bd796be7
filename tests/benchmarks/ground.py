"""The ground everything is measured on: the real servers, a database, clinics with as much history as is wanted."""

import contextlib
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg

from events import chain, ledger
from events.catalog.compliance import ClinicOpened, PolicyPublished
from events.database import SERVICES, Database
from events.embedded import Servers
from events.envelope import Context, Event, body_of, versioned_type
from events.transaction import aside, transaction
from schemas.policy import default_policy, digest_of
from schemas.vocabulary import Actor, Role
from services.app import load
from services.installation import migrate
from services.settings import Settings

SECRET = b"a secret of the benchmarks, 32 bytes"
MANAGER = Actor(identity_id=UUID(int=1), role=Role.MANAGER)
COPIED_AT_ONCE = 20_000


def load_services() -> None:
    """Register every service's projectors, reactions and jobs, as the program does."""
    for service in SERVICES:
        load(service)
    gc.freeze()  # as the program does once it is up


@dataclass(frozen=True)
class Ground:
    """Where running servers are, and one migrated database on them. Plain values: it travels to other processes."""

    sockets: Path
    redis_url: str
    name: str = "bench"

    def url(self, user: str = "asepsis_app", name: str | None = None) -> str:
        return f"postgresql+asyncpg://{user}@/{name or self.name}?host={quote(str(self.sockets), safe='')}"

    @property
    def settings(self) -> Settings:
        return Settings(database_url=self.url(), migration_url=self.url("asepsis"), redis_url=self.redis_url, secret=SECRET)

    def open(self, pool_size: int = 12) -> Database:
        """The program's own view."""
        load_services()
        return Database(self.url(), secret=SECRET, pool_size=pool_size)

    async def owner(self) -> asyncpg.Connection:
        """A superuser, for what is no part of the program."""
        return await asyncpg.connect(self.url("asepsis").replace("+asyncpg", ""))

    async def prepare(self) -> None:
        await self.administer(f'create database "{self.name}"')
        await self.migrate()

    async def migrate(self) -> None:
        await migrate(self.url("asepsis"))

    async def today(self) -> str:
        """The day, by the database's clock."""
        connection = await asyncpg.connect(self.url("asepsis", "asepsis").replace("+asyncpg", ""))
        try:
            day: str = await connection.fetchval("select current_date::text")
        finally:
            await connection.close()
        return day

    async def administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url("asepsis", "asepsis").replace("+asyncpg", ""))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def clinics(self, count: int) -> list[UUID]:
        """Clinics that are open and empty."""
        made = [uuid4() for _ in range(count)]
        owner = await self.owner()
        try:
            await owner.executemany("select ledger.open_clinic($1)", [(clinic_id,) for clinic_id in made])
        finally:
            await owner.close()
        return made


async def open_clinic(database: Database) -> UUID:
    """A clinic with a policy, as the doors find it."""
    clinic_id = uuid4()
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, clinic_id)
    policy = default_policy()
    async with transaction(database, clinic_id, "compliance", MANAGER, "bench-open") as tx:
        await tx.record(ClinicOpened(timezone="Europe/Amsterdam"))
        effective_at = tx.now - timedelta(days=1000)
        await tx.record(
            PolicyPublished(policy_version=1, effective_at=effective_at, approver_id=uuid4(), digest=digest_of(policy), document=policy)
        )
    return clinic_id


async def record(database: Database, clinic_id: UUID, service: str, *events: Event) -> None:
    """Facts, as if the service had said them."""
    async with transaction(database, clinic_id, service, MANAGER, f"bench-{uuid4()}") as tx:
        for event in events:
            await tx.record(event)


COLUMNS = ("clinic_id", "epoch", "index", "recorded_at", "event_id", "type", "body", "chain")


async def grow(owner: asyncpg.Connection, clinic_id: UUID, events: Iterator[Event], count: int) -> None:
    """Add so many entries to a ledger, right chains and all, by COPY: history is what is measured on, not what is measured."""
    context = Context(MANAGER, "bench")
    await _copy(owner, clinic_id, ((versioned_type(event), body_of(event, context)) for event in events), count)


async def lengthen(owner: asyncpg.Connection, clinic_id: UUID, size: int) -> None:
    """Let a ledger be so long by what stands in it already, over and over under new ids: several times as fast."""
    query = "select type, body from ledger.entries where clinic_id = $1 order by index limit 1000"
    pattern = [tuple(row) for row in await owner.fetch(query, clinic_id)]
    have, _, _ = await _end(owner, clinic_id)
    await _copy(owner, clinic_id, cycle(pattern), max(size - have, 0))


async def _copy(owner: asyncpg.Connection, clinic_id: UUID, contents: Iterator[tuple[str, bytes]], count: int) -> None:
    size, before, last = await _end(owner, clinic_id)
    now: datetime = last or await owner.fetchval("select clock_timestamp() - interval '1 day'")
    written: list[tuple[Any, ...]] = []
    for index, (type_, body) in zip(range(size, size + count), contents, strict=False):
        row = chain.Row(index, now, uuid4(), type_, body, b"")
        before = chain.linked(before, clinic_id, row)
        written.append((clinic_id, 1, index, now, row.event_id, type_, body, before))
        if len(written) == COPIED_AT_ONCE or index == size + count - 1:
            await owner.copy_records_to_table("entries", schema_name="ledger", columns=COLUMNS, records=written)
            written = []
    await owner.execute("analyze ledger.entries")


async def stand_at_the_end(owner: asyncpg.Connection, clinic_id: UUID, *services: str) -> None:
    """Let services have projected all there is, of which they hear nothing."""
    for service in services:
        await owner.execute(
            """insert into ledger.bookmarks (clinic_id, service, stage, epoch, size, chain)
               select clinic_id, $2, 'projected', epoch, index + 1, chain from ledger.entries
               where clinic_id = $1 order by index desc limit 1
               on conflict (clinic_id, service, stage) do update set size = excluded.size, chain = excluded.chain""",
            clinic_id,
            service,
        )


async def _end(owner: asyncpg.Connection, clinic_id: UUID) -> tuple[int, bytes, datetime | None]:
    found = await owner.fetchrow(
        "select index, chain, recorded_at from ledger.entries where clinic_id = $1 order by index desc limit 1", clinic_id
    )
    return (0, chain.genesis(clinic_id, 1), None) if found is None else (found["index"] + 1, found["chain"], found["recorded_at"])


@contextlib.contextmanager
def started(servers: Servers) -> Iterator[Ground]:
    """Servers that end with this."""
    with servers:
        yield Ground(servers.sockets, servers.redis_url)
