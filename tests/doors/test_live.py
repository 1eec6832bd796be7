"""The reader behind live pages: what a page is told when it comes, when something happens, when it comes back, and when it must go."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from events.embedded import Servers
from events.outward import outward_stream
from events.transaction import RecordUnreadableError
from services.screens.live import Hub, _tell, message

SECONDS = 10


def told(event: str, text: str) -> str:
    """Text as a page is told it, under the event and the digest that it bears."""
    return message(text, identity=mark(event, text))


def mark(event: str, text: str) -> str:
    return f"{event}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Page:
    """What an open page hears; `shown` is what it would be shown."""

    def __init__(self, hub: Hub, clinic: object, known: str | None = None) -> None:
        self.shown: str | None = "one\ntwo"
        self.asked: list[int] = []
        self.heard = _tell(hub, clinic, self._look, known)  # type: ignore[arg-type]

    async def _look(self, size: int) -> str | None:
        self.asked.append(size)
        return self.shown

    async def next(self) -> str:
        return await asyncio.wait_for(anext(self.heard), SECONDS)


@pytest.fixture
async def hub(servers: Servers) -> AsyncIterator[Hub]:
    client = Redis.from_url(servers.redis_url)
    made = Hub(client)
    yield made
    made.end()
    await client.aclose()


async def test_a_page_is_shown_what_is_and_then_what_changes(hub: Hub, valkey: Redis) -> None:
    clinic = uuid4()
    await valkey.xadd(outward_stream(clinic), {"event": "x"}, id="1-7")
    page = Page(hub, clinic)
    heard = await page.next()
    assert heard == told("1-7", "one\ntwo")
    assert heard.startswith("id: 1-7.")
    assert heard.endswith("\ndata: one\ndata: two\n\n")
    page.shown = "three"
    await valkey.xadd(outward_stream(clinic), {"event": "x"}, id="1-9")
    assert await page.next() == told("1-9", "three")
    assert page.asked == [7, 9]


async def test_who_comes_back_is_shown_what_was_missed_and_nothing_twice(hub: Hub, valkey: Redis) -> None:
    clinic = uuid4()
    await valkey.xadd(outward_stream(clinic), {"event": "x"}, id="1-7")
    assert await Page(hub, clinic, known=mark("1-5", "one\ntwo")).next() == told("1-7", "one\ntwo")
    back = Page(hub, clinic, known=mark("1-7", "one\ntwo"))
    assert await back.next() == ":\n\n"
    back.shown = "three"
    await valkey.delete(outward_stream(clinic))
    await valkey.xadd(outward_stream(clinic), {"event": "x"}, id="1-8")
    assert await back.next() == told("1-8", "three")


async def test_who_comes_back_is_shown_what_only_time_has_changed(hub: Hub, valkey: Redis) -> None:
    clinic = uuid4()
    await valkey.xadd(outward_stream(clinic), {"event": "x"}, id="1-7")
    back = Page(hub, clinic, known=mark("1-7", "Booked"))
    back.shown = "Late"
    assert await back.next() == told("1-7", "Late")


async def test_one_reader_serves_every_page_of_every_clinic(hub: Hub, valkey: Redis) -> None:
    clinics = [uuid4() for _ in range(5)]
    pages = [Page(hub, clinic) for clinic in clinics for _ in range(4)]
    for page in pages:
        await page.next()
    for clinic in clinics:
        await valkey.xadd(outward_stream(clinic), {"event": "x"}, id="1-1")
    for page in pages:
        page.shown = "new"
        assert "data: new" in await page.next()
    blocked = [found for found in await valkey.client_list() if found["cmd"] == "xread"]
    assert len(blocked) == 1
    for page in pages:
        await page.heard.aclose()  # type: ignore[attr-defined]
    assert not hub._onlookers


async def test_who_may_not_look_any_more_is_told_and_left(hub: Hub, valkey: Redis) -> None:
    page = Page(hub, uuid4())
    await page.next()
    page.shown = None
    hub._see(blind=True)
    assert await page.next() == message(event="blind")
    assert await page.next() == message(event="signedout")
    with pytest.raises(StopAsyncIteration):
        await page.next()


async def test_a_page_is_let_go_while_the_record_cannot_be_read(hub: Hub, valkey: Redis) -> None:
    async def away(_size: int) -> str | None:
        raise RecordUnreadableError

    with pytest.raises(StopAsyncIteration):
        await anext(_tell(hub, uuid4(), away, None))
    assert not hub._onlookers


async def test_nobody_waits_for_a_process_that_ends(hub: Hub, valkey: Redis) -> None:
    page = Page(hub, uuid4())
    await page.next()
    waiting = asyncio.create_task(page.next())
    await asyncio.sleep(0)
    hub.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
