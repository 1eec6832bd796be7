"""A furnished clinic in a database of the test's own, the program as a process, and somebody who plays the morning."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from events.database import Database
from events.embedded import Servers
from events.transaction import transaction
from schemas.compliance import PolicyRequest
from schemas.vocabulary import Actor, Role
from services.compliance.commands import publish_policy
from services.example import Example, database_now, draw_up, make
from services.settings import Settings
from tests.conftest import SECRET, administer, load_services, owner_url
from tests.faults.checkers import problems
from tests.faults.doors import Desk, Journal, Tablet
from tests.faults.evidence import Place
from tests.faults.morning import Morning
from tests.faults.process import Fault, Order, Program

FURNISHED = "template_with_a_clinic"


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


@pytest.fixture(scope="session")
async def furnished(servers: Servers, template: str) -> Example:
    """The example clinic, in a database that the tests' own are cloned from."""
    await administer(servers, f'create database "{FURNISHED}" template "{template}" strategy wal_log')
    database = Database(servers.login_url("asepsis_app", FURNISHED), secret=SECRET)
    load_services()
    try:
        example = draw_up(await database_now(database))
        await make(database, example)
        await _ask_at_once(database, example)
    finally:
        await database.close()
    return example


@pytest.fixture
async def database_name(servers: Servers, furnished: Example) -> AsyncIterator[str]:
    """A database of this test's own, with the furnished clinic."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{FURNISHED}" strategy wal_log')
    yield name
    await administer(servers, f'drop database "{name}" with (force)')


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="asepsis-"))
    yield directory
    shutil.rmtree(directory)


@dataclass(frozen=True)
class Stage:
    """Where the morning is played: the clinic, its servers, what the outside remembers."""

    example: Example
    database: Database
    owner: asyncpg.Connection
    owner_url: str
    valkey: Redis
    order: Order
    journal: Journal

    @asynccontextmanager
    async def program(self, *faults: Fault, order: Order | None = None) -> AsyncIterator[Program]:
        """The program; whenever it dies, the next process is armed with the next fault."""
        async with Program(order or self.order, faults, on_death=self._leases_end) as program:
            yield program

    async def _leases_end(self) -> None:
        """The minute passes for which a dead sender keeps its messages."""
        await self.owner.execute("update machinery.outbox set leased_until = clock_timestamp() where sent_at is null")

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
            sys.stderr.write("\n".join(["The program's log ends with:", *self._log(), ""]))
            raise
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await tablet.client.aclose()

    def place(self) -> Place:
        """Where the checkers look."""
        return Place(self.database, self.owner, self.owner_url, self.valkey, self.example, self.journal, self.order.settings.spool)

    async def problems(self, *, dead_letters: int = 0) -> Sequence[str]:
        """What all checkers have to say, once everything has come to rest."""
        found = await problems(self.place(), dead_letters=dead_letters)
        return [*found, *self._log()] if found else found

    def _log(self) -> list[str]:
        return self.order.log.read_text().splitlines()[-40:] if self.order.log.exists() else []

    def redirected(self, *, database_url: str | None = None, redis_url: str | None = None) -> Order:
        """The same program, on other addresses of the servers."""
        settings = self.order.settings
        return replace(
            self.order,
            settings=replace(settings, database_url=database_url or settings.database_url, redis_url=redis_url or settings.redis_url),
        )


@pytest.fixture
async def stage(
    servers: Servers,
    furnished: Example,
    database: Database,
    database_name: str,
    owner: asyncpg.Connection,
    valkey: Redis,
    place: Path,
) -> Stage:
    settings = Settings(
        database_url=database.url, migration_url=database.url, redis_url=servers.redis_url, secret=SECRET, spool=place / "messages.jsonl"
    )
    order = Order(settings, place / "http.sock", place / "log")
    return Stage(furnished, database, owner, owner_url(servers, database_name), valkey, order, Journal())
