"""A furnished clinic (or several) in a database of its own, the program as a process, and somebody who plays the morning."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from redis.asyncio import Redis

from events import ledger
from events.database import Database
from events.embedded import Servers
from events.endings import ended
from events.transaction import aside, transaction
from schemas.compliance import ConnectSystem, GrantAccess, OpenClinic, PolicyRequest
from schemas.vocabulary import Actor, Role
from services.compliance.commands import connect_system, grant_access, open_clinic, publish_policy
from services.example import Example, database_now, draw_up, make
from services.installation import migrate
from services.settings import Settings
from tests.conftest import SECRET, administer, load_services, owner_url
from tests.faults.checkers import problems
from tests.faults.doors import Desk, Journal, Tablet
from tests.faults.evidence import Place
from tests.faults.morning import Morning
from tests.faults.process import Fault, Order, Program

MIGRATED = "template_of_faults"


async def _ask_at_once(database: Database, example: Example) -> None:
    """The example's policy with the first check-in due at once: a test does not wait for what only takes time."""
    text = files("services").joinpath("example_policy.toml").read_text(encoding="utf-8")
    text = text.replace("after_seconds = 3,", "after_seconds = 0,") + f'\n[clinic]\ntimezone = "{example.timezone}"\n'
    clinician = example.people["clinician"].identity_id
    async with transaction(
        database, example.clinic_id, "compliance", Actor(identity_id=clinician, role=Role.CLINICIAN), "policy.at.once"
    ) as tx:
        answer = await tx.once(publish_policy, PolicyRequest(text=text, approver_id=clinician))
    assert not answer.event.refusal, answer.event


async def open_plainly(database: Database, example: Example) -> None:
    """A clinic with a policy and a front-desk system, and nothing else: where only commands by stream are given, it is enough."""
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, example.clinic_id)
    system, clinician = example.people["system"], example.people["clinician"]
    text = f'[clinic]\ntimezone = "{example.timezone}"\n'
    policy = PolicyRequest(text=text, approver_id=clinician.identity_id, effective_at=example.made_at - timedelta(days=60))
    commands: list[tuple[Any, Any]] = [
        (open_clinic, OpenClinic(timezone=example.timezone)),
        *((grant_access, GrantAccess(identity_id=person.identity_id, role=person.role)) for person in (system, clinician)),
        (publish_policy, policy),
        (connect_system, ConnectSystem(system=example.system, identity_id=system.identity_id)),
    ]
    for number, (command, request) in enumerate(commands):
        actor = Actor(identity_id=clinician.identity_id, role=Role.CLINICIAN if command is publish_policy else Role.ADMIN)
        async with transaction(database, example.clinic_id, "compliance", actor, f"plain.{number}") as tx:
            answer = await tx.once(command, request)
        assert not answer.event.refusal, answer.event


async def furnished(database: Database) -> Example:
    """Another example clinic in this database, as `make run` furnishes it."""
    example = draw_up(await database_now(database))
    await make(database, example)
    await _ask_at_once(database, example)
    return example


async def furnish(servers: Servers, template: str, name: str, clinics: int = 1, plain: int = 0) -> tuple[Example, ...]:
    """A database `name` with so many example clinics and then so many plain ones, cloned from a migrated one."""
    await administer(servers, f'create database "{name}" template "{template}" strategy wal_log')
    database = Database(servers.login_url("asepsis_app", name), secret=SECRET)
    load_services()
    try:
        examples = [await furnished(database) for _ in range(clinics)]
        for _ in range(plain):
            examples.append(draw_up(await database_now(database)))
            await open_plainly(database, examples[-1])
    finally:
        await database.close()
    return tuple(examples)


@dataclass(frozen=True)
class Stage:
    """Where the morning is played: the clinic, its servers, what the outside remembers."""

    example: Example
    database: Database
    owner: asyncpg.Connection
    owner_url: str
    valkey: Redis
    order: Order
    journal: Journal = field(default_factory=Journal)
    others: tuple["Stage", ...] = ()
    """The other clinics of the same database, each with what the outside remembers of it."""

    @property
    def clinics(self) -> tuple["Stage", ...]:
        """Every clinic's stage."""
        return self, *self.others

    @asynccontextmanager
    async def program(self, *faults: Fault, order: Order | None = None) -> AsyncIterator[Program]:
        """The program; whenever it dies, the next process is armed with the next fault."""
        async with Program(order or self.order, faults, on_death=self.leases_end) as program:
            yield program

    async def leases_end(self) -> None:
        """The minute passes for which a dead sender keeps its messages."""
        async with self.aside() as owner:
            await owner.execute("update machinery.outbox set leased_until = clock_timestamp() where sent_at is null")

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of one's own: `owner` may be in use when a life ends."""
        owner = await asyncpg.connect(self.owner_url.replace("+asyncpg", ""))
        try:
            yield owner
        finally:
            await owner.close()

    @asynccontextmanager
    async def morning(self, clients: int = 3) -> AsyncIterator[Morning]:
        """Somebody outside who is about to play it."""
        tokens = {name: person.token for name, person in self.example.people.items()}
        tablet = Tablet(self.order.door, self.example.clinic_id, tokens, self.journal)
        desk = Desk(self.valkey, self.example.clinic_id, self.example.system, self.journal)
        listening = asyncio.create_task(desk.listen())
        spool = self.order.settings.spool
        assert spool is not None
        try:
            yield Morning(self.example, tablet, desk, spool, clients)
        except BaseException:
            sys.stderr.write("\n".join(["The program's log ends with:", *self.log_end(), ""]))
            raise
        finally:
            await ended(listening)
            await tablet.client.aclose()

    def place(self) -> Place:
        """Where the checkers look."""
        return Place(self.database, self.owner, self.owner_url, self.valkey, self.example, self.journal, self.order.settings.spool)

    async def problems(self, *, dead_letters: int = 0) -> Sequence[str]:
        """What all checkers have to say, once everything has come to rest."""
        found = await problems(self.place(), dead_letters=dead_letters)
        return [*found, *self.log_end()] if found else found

    def log_end(self) -> list[str]:
        """What the program said last."""
        return self.order.log.read_text().splitlines()[-40:] if self.order.log.exists() else []

    def redirected(self, *, database_url: str | None = None, redis_url: str | None = None) -> Order:
        """The same program, on other addresses of the servers."""
        settings = self.order.settings
        return replace(
            self.order,
            settings=replace(settings, database_url=database_url or settings.database_url, redis_url=redis_url or settings.redis_url),
        )


@asynccontextmanager
async def set_up(directory: Path, servers: Servers, furnished: str, examples: Sequence[Example]) -> AsyncIterator[Stage]:
    """A stage in a clone of a furnished database. Sockets stand in `directory`, so its path is short. Valkey is emptied."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{furnished}" strategy wal_log')
    database = Database(servers.login_url("asepsis_app", name), secret=SECRET)
    load_services()
    owner = await asyncpg.connect(owner_url(servers, name).replace("+asyncpg", ""))
    valkey = Redis.from_url(servers.redis_url)
    await valkey.flushall()
    settings = Settings(
        database_url=database.url,
        migration_url=database.url,
        redis_url=servers.redis_url,
        secret=SECRET,
        spool=directory / "messages.jsonl",
    )
    order = Order(settings, directory / "http.sock", directory / "log")
    stages = [Stage(example, database, owner, owner_url(servers, name), valkey, order) for example in examples]
    try:
        yield replace(stages[0], others=tuple(stages[1:]))
    finally:
        await valkey.aclose()
        await owner.close()
        await database.close()
        await administer(servers, f'drop database "{name}" with (force)')


@asynccontextmanager
async def furnished_once(servers: Servers, *, clinics: int = 1, plain: int = 0) -> AsyncIterator[tuple[str, tuple[Example, ...]]]:
    """A furnished database to clone stages from (`set_up`), on servers that nobody has prepared."""
    connection = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""))
    try:
        migrated = await connection.fetchval("select true from pg_database where datname = $1", MIGRATED)
    finally:
        await connection.close()
    if not migrated:
        await administer(servers, f'create database "{MIGRATED}"')
        await migrate(owner_url(servers, MIGRATED))
    name = f"furnished_{uuid4().hex}"
    try:
        yield name, await furnish(servers, MIGRATED, name, clinics, plain)
    finally:
        await administer(servers, f'drop database if exists "{name}" with (force)')


@asynccontextmanager
async def staged(directory: Path, servers: Servers, *, clinics: int = 1, plain: int = 0) -> AsyncIterator[Stage]:
    """One or several furnished clinics (and plain ones) in a database of their own."""
    async with (
        furnished_once(servers, clinics=clinics, plain=plain) as (name, examples),
        set_up(directory, servers, name, examples) as stage,
    ):
        yield stage
