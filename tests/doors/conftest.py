"""The HTTP door without a network: the real application on a database per file, and a token per role.

Making the application takes longer than most of these tests, so that a file shares one, and one clinic.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from redis.asyncio import Redis

from events.access import hash_of, new_token
from events.database import Database
from events.embedded import Servers
from schemas.compliance import CreateToken
from schemas.vocabulary import Role
from services.app import create_app
from services.compliance.commands import create_token
from services.compliance.pages import pins
from services.screens.hub import Hub
from services.settings import Settings
from tests.conftest import SECRET, House, actor, administer, load_services, open_house


@dataclass(frozen=True)
class Door:
    """A client for one clinic's door."""

    client: httpx.AsyncClient
    house: House
    tokens: dict[Role, str]

    async def ask(
        self, method: str, path: str, role: Role | None, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        """Knock as a role, or as nobody."""
        usual = {"Idempotency-Key": str(uuid4())}
        if role is not None:
            usual["Authorization"] = f"Bearer {self.tokens[role]}"
        return await self.client.request(method, path, headers={**usual, **(headers or {})}, **more)


async def token_for(house: House, role: Role, identity_id: UUID | None = None) -> str:
    """A token of an identity that has this role and no other."""
    secret = new_token()
    until = await house.now("compliance") + timedelta(days=1)
    request = CreateToken(
        identity_id=identity_id or uuid4(), role=role, label=role.value, expires_at=until, token_hash=hash_of(secret).hex()
    )
    answer = await house.doing("compliance", create_token, request, by=actor(Role.ADMIN))
    assert not answer.event.refusal, answer.event
    return secret


@pytest.fixture(scope="module")
async def database_name(servers: Servers, template: str) -> AsyncIterator[str]:
    """A fresh database of this file's own."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{template}" strategy wal_log')
    yield name
    await administer(servers, f'drop database "{name}" with (force)')


@pytest.fixture(scope="module")
async def database(servers: Servers, database_name: str) -> AsyncIterator[Database]:
    """The program's own view of it."""
    opened = Database(servers.login_url("asepsis_app", database_name), secret=SECRET)
    load_services()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
async def house(database: Database) -> House:
    """This file's clinic."""
    return await open_house(database)


@pytest.fixture(scope="module")
async def door(servers: Servers, database: Database, house: House) -> AsyncIterator[Door]:
    """The application and a token for every role that a person or a system may have."""
    settings = Settings(database_url=database.url, migration_url=database.url, redis_url=servers.redis_url, secret=SECRET)
    app = create_app(settings)
    app.state.database = database
    app.state.hub = Hub(Redis.from_url(servers.redis_url))
    tokens: dict[Role, str] = {role: await token_for(house, role) for role in Role if role not in (Role.SERVICE, Role.CLIENT)}
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://asepsis") as client:
        yield Door(client, house, tokens)


@pytest.fixture
def quick_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """PINs are hashed at a hundredth of their cost, where the cost is not what is looked at."""
    monkeypatch.setattr(pins, "COST", 2**7)
