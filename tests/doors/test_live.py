"""The reader behind live pages: what a page is told when it comes, when something happens, when it comes back, and when it must go."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from events.embedded import Servers
from events.outward import outward_stream
from events.transaction import RecordUnreadableError
from schemas.vocabulary import Role
from services.door import NotYetKnownError
from services.screens import hub as watching
from services.screens import live
from services.screens.hub import Hub, Onlooker
from services.screens.live import message, tell
from tests.doors.conftest import Door

SECONDS = 10


def told(event: str, text: str) -> str:
    """Text as a page is told it, under the event and the digest that it bears."""
    return message(text, identity=mark(event, text))


def mark(event: str, text: str) -> str:
    return f"{event}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"


class Record:
    """What the pages of a clinic are shown, and how often they asked for it."""

    def __init__(self) -> None:
        self.shown = "one\ntwo"
        self.asked: list[int] = []
        self.was_asked = asyncio.Event()
        self.knows = 1000
        self.barred: set[object] = set()
        self.questions: list[int] = []
        self.fails = False

    async def look(self, size: int) -> str:
        self.asked.append(size)
        self.was_asked.set()
        await asyncio.sleep(0.01)
        if self.fails:
            raise RecordUnreadableError
        if size > self.knows:
            raise NotYetKnownError
        return self.shown

    async def admitted(self, asks: Sequence[Any]) -> list[bool]:
        self.questions.append(len(asks))
        return [ask not in self.barred for ask in asks]


class Page:
    """What an open page hears."""

    def __init__(self, hub: Hub, record: Record, clinic: UUID, known: str | None = None, *, who: object = None, shows: str = "") -> None:
        self.onlooker = Onlooker(clinic, shows, who, who or object())
        self.heard = tell(hub, self.onlooker, record.look, known)

    async def next(self) -> str:
        return await asyncio.wait_for(anext(self.heard), SECONDS)

    async def ends(self) -> None:
        with pytest.raises(StopAsyncIteration):
            await self.next()


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
async def hub(servers: Servers, record: Record) -> AsyncIterator[Hub]:
    client = Redis.from_url(servers.redis_url)
    made = Hub(client, record.admitted)
    yield made
    made.end()
    await client.aclose()


async def happens(valkey: Redis, clinic: UUID, event: str) -> None:
    await valkey.xadd(outward_stream(clinic), {"event": "x"}, id=event)


async def test_a_page_is_shown_what_is_and_then_what_changes(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    await happens(valkey, clinic, "1-7")
    page = Page(hub, record, clinic)
    heard = await page.next()
    assert heard == told("1-7", "one\ntwo")
    assert heard.startswith("id: 1-7.")
    assert heard.endswith("\ndata: one\ndata: two\n\n")
    record.shown = "three"
    await happens(valkey, clinic, "1-9")
    assert await page.next() == told("1-9", "three")
    assert record.asked == [7, 9]


async def test_a_page_is_shown_at_once_what_its_own_process_recorded_and_nobody_is_told(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    await happens(valkey, clinic, "1-7")
    page = Page(hub, record, clinic)
    await page.next()
    record.shown = "signed"
    hub.recorded(clinic, 9)
    assert await page.next() == told("1-7", "signed")
    record.shown, record.knows = "late", 9
    hub.recorded(clinic, 12)
    assert await page.next() == told("1-7", "late"), "who is slow to know it is not waited for"
    assert record.asked == [7, 9, 12, 7]


async def test_who_comes_back_is_shown_what_was_missed_and_nothing_twice(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    await happens(valkey, clinic, "1-7")
    assert await Page(hub, record, clinic, mark("1-5", "one\ntwo")).next() == told("1-7", "one\ntwo")
    back = Page(hub, record, clinic, mark("1-7", "one\ntwo"))
    assert await back.next() == ":\n\n"
    record.shown = "three"
    await valkey.delete(outward_stream(clinic))
    await happens(valkey, clinic, "1-8")
    assert await back.next() == told("1-8", "three")


async def test_who_comes_back_is_shown_what_only_time_has_changed(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    await happens(valkey, clinic, "1-7")
    record.shown = "Late"
    assert await Page(hub, record, clinic, mark("1-7", "Booked")).next() == told("1-7", "Late")


async def test_one_reader_serves_every_page_of_every_clinic(hub: Hub, record: Record, valkey: Redis) -> None:
    clinics = [uuid4() for _ in range(5)]
    pages = [Page(hub, record, clinic) for clinic in clinics for _ in range(4)]
    for page in pages:
        await page.next()
    record.shown = "new"
    for clinic in clinics:
        await happens(valkey, clinic, "1-1")
    for page in pages:
        assert "data: new" in await page.next()
    blocked = [found for found in await valkey.client_list() if found["cmd"] == "xread"]
    assert len(blocked) == 1
    for page in pages:
        await page.heard.aclose()  # type: ignore[attr-defined]
    assert not hub._onlookers
    assert not hub._looks


async def test_one_look_and_one_question_serve_all_who_see_the_same(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    pages = [Page(hub, record, clinic, shows=shows) for shows in ("today", "tomorrow") for _ in range(30)]
    await asyncio.gather(*(page.next() for page in pages))
    for number in range(1, 4):
        before, asked = len(record.asked), len(record.questions)
        record.shown = f"after {number}"
        waiting = asyncio.gather(*(page.next() for page in pages))
        await happens(valkey, clinic, f"1-{number}")
        assert await waiting == [told(f"1-{number}", f"after {number}")] * 60
        assert record.asked[before:] == [number, number], "one for each kind of page"
        assert record.questions[asked:] == [60]


async def test_nobody_waits_for_a_page_that_asked_first_and_was_closed(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    first, second = Page(hub, record, clinic), Page(hub, record, clinic)
    asking = asyncio.create_task(first.next())
    await record.was_asked.wait()
    others = asyncio.create_task(second.next())
    asking.cancel()
    assert await others == told("0-0", "one\ntwo")
    assert record.asked == [0]


async def test_who_may_not_look_any_more_is_told_and_left_and_sees_nothing_new(hub: Hub, record: Record, valkey: Redis) -> None:
    clinic = uuid4()
    page, other = Page(hub, record, clinic, who="one"), Page(hub, record, clinic, who="another")
    await asyncio.gather(page.next(), other.next())
    record.barred.add("one")
    record.shown = "new"
    await happens(valkey, clinic, "1-1")
    assert await page.next() == message(event="signedout")
    await page.ends()
    assert await other.next() == told("1-1", "new")


async def test_who_may_not_look_any_more_is_left_soon_though_nothing_happens(
    hub: Hub, record: Record, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody signed out in another process: nobody tells this one."""
    monkeypatch.setattr(live, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(watching, "FRESH_SECONDS", 0.0)
    page = Page(hub, record, uuid4(), who="one")
    await page.next()
    waiting = asyncio.create_task(page.next())
    async with asyncio.timeout(SECONDS / 2):
        while len(record.questions) <= 2:  # noqa: ASYNC110 - what is waited for is time
            await asyncio.sleep(0.01)
    assert record.asked == [0], "asking whether is not looking again"
    record.barred.add("one")
    assert await waiting == message(event="signedout")


async def test_a_page_is_let_go_while_the_record_cannot_be_read(hub: Hub, record: Record, valkey: Redis) -> None:
    record.fails = True
    await Page(hub, record, uuid4()).ends()
    assert not hub._onlookers


async def test_a_page_does_not_wait_for_what_a_restored_record_lacks(hub: Hub, record: Record, valkey: Redis) -> None:
    """PostgreSQL came back from a backup: the streams speak of 900 entries, the record has 400 until an epoch is opened."""
    clinic = uuid4()
    await happens(valkey, clinic, "1-900")
    page = Page(hub, record, clinic)
    await page.next()
    record.knows, record.shown = 400, "restored"
    hub.tell(clinic)
    assert await page.next() == message(event="behind")
    assert "data: restored" in await page.next()
    assert record.asked[-2:] == [900, 0]
    record.shown = "goes on"
    await happens(valkey, clinic, "2-401")
    record.knows = 401
    heard = [await page.next(), await page.next()]
    assert message(event="sighted") in heard
    assert told("2-401", "goes on") in heard
    assert record.asked[-1] == 401


async def test_the_reader_goes_on_after_any_error(
    hub: Hub, record: Record, valkey: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clinic = uuid4()
    page = Page(hub, record, clinic)
    await page.next()
    real = hub._client.xread

    async def surprised(*_: object, **__: object) -> None:
        monkeypatch.setattr(hub._client, "xread", real)
        raise ValueError("an answer that nobody expected")

    monkeypatch.setattr(hub._client, "xread", surprised)
    await happens(valkey, clinic, "1-1")
    heard = [await page.next(), await page.next()]
    assert message(event="blind") in heard
    record.shown = "after it"
    await happens(valkey, clinic, "1-2")
    while (said := await page.next()) != told("1-2", "after it"):
        heard.append(said)
    assert message(event="sighted") in heard
    assert "an answer that nobody expected" in caplog.text


async def test_whoever_opens_too_many_pages_loses_the_oldest(
    hub: Hub, record: Record, valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "MOST_PAGES_OF_ONE", 2)
    monkeypatch.setattr(watching, "MOST_PAGES", 4)
    clinic = uuid4()
    other = Page(hub, record, clinic, who="another")
    pages = [Page(hub, record, clinic, who="one") for _ in range(3)]
    for page in (other, *pages):
        await page.next()
    full = hub.is_full
    assert full
    assert await pages[0].next() == message(event="crowded")
    await pages[0].ends()
    assert not hub.is_full
    record.shown = "new"
    await happens(valkey, clinic, "1-1")
    for page in (other, *pages[1:]):
        assert await page.next() == told("1-1", "new")


async def test_a_page_too_many_is_told_so_in_words(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_PAGES", 0)
    live_board = f"/clinics/{door.house.clinic_id}/board/live?on=2026-12-01"
    answer = await door.ask("GET", live_board, Role.FRONT_DESK, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:asepsis:problem:crowded")
    assert answer.json()["detail"].startswith("Too many live pages are open.")


async def test_nobody_waits_for_a_process_that_ends(hub: Hub, record: Record, valkey: Redis) -> None:
    page = Page(hub, record, uuid4())
    await page.next()
    waiting = asyncio.create_task(page.next())
    await asyncio.sleep(0)
    hub.end()
    with pytest.raises(StopAsyncIteration):
        await waiting
