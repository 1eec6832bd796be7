"""What the driver says of a server that died is an outage at the door, in whose words ever."""

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from services.problems import handle_problems


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"), 503),
        (asyncpg.CannotConnectNowError("the database system is starting up"), 503),
        (asyncpg.AdminShutdownError("terminating connection"), 503),
        (asyncpg.UniqueViolationError("a bug of ours"), 500),
    ],
)
async def test_a_server_that_died_is_no_bug_of_ours(said: Exception, status: int) -> None:
    app = FastAPI()
    handle_problems(app)

    @app.get("/")
    async def fail() -> None:
        raise said

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://asepsis") as client:
        reply = await client.get("/")
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
