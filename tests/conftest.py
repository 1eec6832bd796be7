"""Real servers, a database per test, and the few words that tests speak in. Nothing here is autouse."""

import asyncio
import gc
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from events import ledger
from events.catalog.compliance import ClinicOpened, PolicyPublished
from events.database import SERVICES, Database
from events.embedded import Servers
from events.envelope import Entry, Event
from events.streams import react as react_to_entries
from events.transaction import Answer, Transaction, View, aside, project, reading, transaction
from schemas.policy import Policy, default_policy, digest_of
from schemas.vocabulary import Actor, Role
from services.app import load
from services.installation import migrate
from tests.servers import in_memory, start

SECRET = b"a secret of the tests, 32 bytes.."
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """The real PostgreSQL and the real Valkey, once for all tests."""
    with in_memory(tmp_path_factory.mktemp("servers")) as directory:
        running = start(directory)
        yield running
        running.stop()


def owner_url(servers: Servers, database: str) -> str:
    return servers.login_url("asepsis", database)


async def administer(servers: Servers, statement: str) -> None:
    """Run one statement as the owner of the cluster."""
    connection = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template(servers: Servers) -> str:
    """A migrated database that tests are cloned from."""
    await administer(servers, "create database template_of_tests")
    await migrate(owner_url(servers, "template_of_tests"))
    return "template_of_tests"


@pytest.fixture
async def database_name(servers: Servers, template: str) -> AsyncIterator[str]:
    """A fresh database of this test's own."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{template}" strategy wal_log')
    yield name
    await administer(servers, f'drop database "{name}" with (force)')


def load_services() -> None:
    """Register every service's projectors, reactions and jobs, as the program does."""
    for service in SERVICES:
        load(service)


@pytest.fixture
async def database(servers: Servers, database_name: str) -> AsyncIterator[Database]:
    """The program's own view of this test's database: the login that inherits nothing."""
    opened = Database(servers.login_url("asepsis_app", database_name), secret=SECRET)
    load_services()
    yield opened
    await opened.close()


@pytest.fixture
async def owner(servers: Servers, database_name: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to this test's database, for looking behind the curtain."""
    connection = await asyncpg.connect(owner_url(servers, database_name).replace("+asyncpg", ""))
    yield connection
    await connection.close()


@pytest.fixture
async def valkey(servers: Servers) -> AsyncIterator[Redis]:
    """The real Valkey, emptied."""
    client = Redis.from_url(servers.redis_url)
    await client.flushall()
    yield client
    await client.aclose()


def actor(role: Role = Role.MANAGER, identity_id: UUID | None = None) -> Actor:
    return Actor(identity_id=identity_id or uuid4(), role=role)


@dataclass(frozen=True)
class House:
    """The words of a test about one clinic."""

    database: Database
    clinic_id: UUID

    async def given(self, service: str, *events: Event, at: Actor | None = None) -> list[Entry[Any]]:
        """Record facts as if the service had said them."""
        async with transaction(self.database, self.clinic_id, service, at or actor(Role.SERVICE), f"given-{uuid4()}") as tx:
            return [await tx.record(event) for event in events]

    async def doing(
        self,
        service: str,
        command: Callable[[Transaction, Any], Awaitable[Answer[Any]]],
        request: BaseModel,
        *,
        by: Actor | None = None,
        command_id: str | None = None,
    ) -> Answer[Any]:
        """Give a command through a transaction of its own."""
        async with transaction(self.database, self.clinic_id, service, by or actor(), command_id or str(uuid4())) as tx:
            return await tx.once(command, request)

    async def now(self, service: str = "booking") -> datetime:
        async with reading(self.database, self.clinic_id, service) as view:
            return view.now

    def look(self, service: str) -> AbstractAsyncContextManager[View]:
        return reading(self.database, self.clinic_id, service)

    async def caught_up(self, service: str) -> None:
        while await project(self.database, self.clinic_id, service):
            pass

    async def react(self, service: str) -> None:
        await self.caught_up(service)
        while await react_to_entries(self.database, self.clinic_id, service):
            pass

    async def entries(self) -> list[Entry[Event]]:
        """The whole ledger."""
        async with aside(self.database, self.clinic_id, "compliance") as rows:
            return [entry async for entry in ledger.read_all(rows, self.clinic_id, 1)]

    async def said(self, kind: type[Event]) -> list[Any]:
        """Every event of a class that was recorded, in order."""
        return [entry.event for entry in await self.entries() if isinstance(entry.event, kind)]


async def open_house(database: Database, policy: Policy | None = None) -> House:
    """A clinic with its first two entries: opened, and a policy."""
    house = House(database, uuid4())
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, house.clinic_id)
    document = policy or default_policy()
    published = PolicyPublished(policy_version=1, effective_at=EPOCH, approver_id=uuid4(), digest=digest_of(document), document=document)
    await house.given("compliance", ClinicOpened(timezone="Europe/Amsterdam"), published)
    return house


@pytest.fixture
async def house(database: Database) -> House:
    """An opened clinic with the default policy, and the words to speak about it."""
    return await open_house(database)


@pytest.fixture
def clinic(house: House) -> UUID:
    """The opened clinic's id."""
    return house.clinic_id


@pytest.fixture
def given(house: House) -> Callable[..., Awaitable[list[Entry[Any]]]]:
    """`await given(service, *events)`."""
    return house.given


@pytest.fixture
def doing(house: House) -> Callable[..., Awaitable[Answer[Any]]]:
    """`await doing(service, command, request, by=…, command_id=…)`."""
    return house.doing


@pytest.fixture
def deploy_directory() -> Path:
    return Path(__file__).parent.parent / "deploy"


HEAVY = ("faults", "walks", "screens")
"""Folders whose files take half a minute: they begin, so that no worker is left with one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in HEAVY)  # otherwise as they stand


def pytest_configure() -> None:
    """Nearly all that is made from now on stays: looking through it again and again took half of the time of collecting."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What is imported and collected is never looked through again; what tests leave behind is."""
    gc.freeze()
    gc.enable()


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    """After a test that took too long: where every task stood. The stack of the main thread says only that the loop waited."""
    if call.excinfo is not None and isinstance(call.excinfo.value, pytest.fail.Exception) and "Timeout (>" in str(call.excinfo.value):
        told = io.StringIO()
        for task in (found for found in gc.get_objects() if isinstance(found, asyncio.Task) and not found.done()):
            task.print_stack(file=told)
        item.add_report_section(call.when, "tasks", told.getvalue())


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What tests measured: figures depend on the machine, so that they are told and not held."""
    told = [
        (report.nodeid, value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "measured"
    ]
    if told:
        terminalreporter.section("measured")
        for _, value in sorted(told):
            terminalreporter.write_line(str(value))
