"""What the tests of the carriers share."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from events.catalog.compliance import SystemConnected
from events.embedded import Servers
from events.envelope import Entry, Event, versioned_type
from events.projection import projection_of
from events.streams import reactions_of
from events.transaction import Transaction
from tests.conftest import House
from tests.frontdesk import SYSTEM, Desk, worked


@pytest.fixture
async def desk(house: House, servers: Servers, valkey: Redis) -> Desk:
    worked.clear()
    identity = uuid4()
    await house.given("compliance", SystemConnected(system=SYSTEM, identity_id=identity))
    return Desk(house, valkey, servers.redis_url, identity)


@pytest.fixture
def projecting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a projector of the test's own into a service."""

    def put(service: str, event: type[Event], projector: Callable[[AsyncSession, Entry[Any]], Awaitable[None]]) -> None:
        monkeypatch.setitem(projection_of(service)._projectors, versioned_type(event), [projector])

    return put


@pytest.fixture
def reacting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put a reaction of the test's own into a service."""

    def put(service: str, event: type[Event], reaction: Callable[[Transaction, Entry[Any]], Awaitable[None]]) -> None:
        monkeypatch.setitem(reactions_of(service).by_type, versioned_type(event), [reaction])

    return put
