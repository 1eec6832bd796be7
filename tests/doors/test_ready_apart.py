"""A process that runs one part, with a login of its own: ready when what it needs is there, whatever others do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from events.embedded import Servers
from services import operations
from services.app import House as Process
from services.settings import PARTS, Settings
from tests.conftest import SECRET, House


@pytest.fixture
def settings(servers: Servers, database_name: str) -> Settings:
    url = servers.login_url("asepsis_app", database_name)
    return Settings(database_url=url, migration_url=url, redis_url=servers.redis_url, secret=SECRET)


@asynccontextmanager
async def asked(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """The process with these settings, as far as it is asked for its health."""
    app = FastAPI()
    app.include_router(operations.routes)
    process = app.state.house = Process(settings)
    app.state.database = process.database
    try:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://asepsis") as client:
            yield client
    finally:
        await process.stop()


async def health(settings: Settings) -> tuple[int, dict[str, Any]]:
    async with asked(settings) as client:
        answer = await client.get("/health/ready")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("part", PARTS)
async def test_a_part_with_a_login_of_its_own_is_ready_and_says_what_it_knows(
    house: House, servers: Servers, database_name: str, settings: Settings, part: str
) -> None:
    """It may not speak for the relay, or for any other part."""
    apart = replace(settings, parts=(part,), database_url=servers.login_url(f"asepsis_{part}", database_name))
    status, said = await health(apart)
    assert (status, said["ready"], said["database"]) == (200, True, True), said
    async with asked(apart) as client:
        metrics = await client.get("/metrics")
    assert (metrics.status_code, "asepsis_ledger_entries 2.0" in metrics.text) == (200, True), metrics.text


async def test_what_stands_still_elsewhere_is_told_and_makes_nobody_unready(
    house: House, owner: asyncpg.Connection, settings: Settings
) -> None:
    columns = "clinic_id, service, stage, index, count, error, halted_at"
    halted = f"insert into ledger.attempts ({columns}) values ($1, 'recovery', 'projected', 0, 9, 'Bug', now())"
    await owner.execute(halted, house.clinic_id)
    without_redis = replace(settings, parts=("booking",), redis_url="unix:///nowhere.sock")
    status, said = await health(without_redis)
    assert (status, said["ready"], said["redis"]) == (200, True, False), said
    assert said["halted"] == [f"recovery:projected@{house.clinic_id}"]


async def test_without_its_database_a_part_is_not_ready(settings: Settings) -> None:
    status, said = await health(replace(settings, parts=("treatment",), database_url="postgresql+asyncpg://asepsis_app@127.0.0.1:1/none"))
    assert (status, said["ready"], said["database"]) == (503, False, False), said
