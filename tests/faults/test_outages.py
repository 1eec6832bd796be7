"""A server is away when somebody presses Start: without Valkey starts go on, without PostgreSQL nothing is decided."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from events.embedded import Servers
from tests.faults.doors import Tablet
from tests.faults.stage import Stage
from tests.outage import Wire, wire

POSTGRES_SOCKET = ".s.PGSQL.5432"
PROMPT_SECONDS = 5.0

pytestmark = pytest.mark.timeout(150)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that neither answers nor refuses."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def without_valkey(stage: Stage, cable: Wire, how: str) -> AsyncIterator[None]:
    """Valkey refuses, or it hangs."""
    if how == "hangs":
        with stopped((await stage.valkey.info("server"))["process_id"]):
            yield
    else:
        await cable.cut()
        yield
        await cable.mend()


@pytest.mark.parametrize("how", ["refuses", "hangs"])
async def test_starts_go_on_without_valkey(stage: Stage, servers: Servers, place: Path, how: str) -> None:
    here = place / "valkey.sock"
    async with wire(here, servers.sockets / "valkey.sock") as cable:
        order = stage.redirected(redis_url=f"unix://{quote(str(here))}")
        async with stage.program(order=order), stage.morning(clients=1) as morning:
            await morning.prepare()
            async with without_valkey(stage, cable, how):
                began = time.monotonic()
                await asyncio.gather(*(morning.start(client, morning.handpieces[client.number]) for client in morning.clients))
                assert time.monotonic() - began < PROMPT_SECONDS
            assert not stage.journal.unavailable
            await morning.finish_all()
            assert not await stage.problems()


async def test_the_program_starts_without_valkey_and_hears_when_it_is_back(stage: Stage, servers: Servers, place: Path) -> None:
    here = place / "valkey.sock"
    async with wire(here, servers.sockets / "valkey.sock") as cable:
        await cable.cut()
        order = stage.redirected(redis_url=f"unix://{quote(str(here))}")
        async with stage.program(order=order), stage.morning(clients=1) as morning:
            await morning.reprocess(morning.handpieces[0])
            assert not stage.journal.unavailable
            await cable.mend()
            await morning.play()
            assert not await stage.problems()


async def _refused(tablet: Tablet, body: dict[str, object], key: str) -> httpx.Response:
    reply = await tablet.once("practitioner", "POST", "/treatments", body, key)
    assert reply.status_code == 503, reply.text
    return reply


async def test_nothing_is_decided_without_postgresql(stage: Stage, servers: Servers, place: Path) -> None:
    here = place / POSTGRES_SOCKET
    async with wire(here, servers.sockets / POSTGRES_SOCKET) as cable:
        url = stage.order.settings.database_url.replace(quote(str(servers.sockets), safe=""), quote(str(place), safe=""))
        assert url != stage.order.settings.database_url
        async with stage.program(order=stage.redirected(database_url=url)), stage.morning(clients=1) as morning:
            await morning.prepare()
            first = morning.clients[0]
            body = morning.start_request(first, morning.handpieces[0])
            await cable.cut()
            began = time.monotonic()
            refusals = [await _refused(morning.tablet, body, "start-1") for _ in range(3)]
            assert time.monotonic() - began < PROMPT_SECONDS
            for reply in refusals:
                assert reply.headers["content-type"] == "application/problem+json"
                assert int(reply.headers["retry-after"]) >= 1
                problem = reply.json()
                assert problem["status"] == 503
                assert [finding["rule"] for finding in problem["findings"]] == ["record_must_be_readable"]
                assert problem["detail"] == problem["findings"][0]["reason"]
            ready = await morning.tablet.client.get("/health/ready")
            assert (ready.status_code, ready.json()["database"]) == (503, False)
            assert (await morning.tablet.client.get("/health/live")).status_code == 200
            query = "select count(*) from ledger.entries where type like 'treatment.%'"
            assert await stage.owner.fetchval(query) == 0
            await cable.mend()
            started = await morning.tablet.ask("practitioner", "POST", "/treatments", body, "start-1")
            assert started.status_code == 201, started.text
            await morning.start_all()
            await morning.finish_all()
            assert not await stage.problems()
