"""Commands by stream: answered after the commit, in order, once; what is not understood is rejected with every reason."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis

from events.catalog.booking import AnswerRepeated, BookingCanceled, ClientRegistered, CommandRejected
from events.catalog.compliance import SystemConnected
from events.database import Database
from events.embedded import Servers
from events.inbox import MAX_COMMAND_BYTES, Inbox, Mailbox, inbox_of
from events.inbox_keeper import GROUP, InboxKeeper
from events.transaction import Answer, Transaction
from events.wakeups import make_broker, redis_client
from schemas.vocabulary import Code, Role, Shape
from tests.conftest import House, actor
from tests.outage import wire

ALARM = 20.0
SYSTEM = "frontdesk"


class Cancellation(Shape):
    """A command of these tests."""

    booking_id: UUID
    reason: Code = "asked"


worked: list[str] = []


def make_inbox(stumble: Callable[[Cancellation], Awaitable[None]] | None = None) -> Inbox:
    """Booking's real inbox with one more command, which these tests can trip up."""
    real = inbox_of("booking")
    inbox = Inbox("booking")
    inbox.accepted |= real.accepted
    from events import inbox as module

    module._inboxes["booking"] = real

    @inbox("booking.cancel", Cancellation, command="cancel_booking")
    async def cancel(tx: Transaction, request: Cancellation) -> Answer[Any]:
        worked.append(tx.context.causation)
        answer = await tx.answer(BookingCanceled(booking_id=request.booking_id, client_id=uuid4(), reason=request.reason))
        if stumble is not None:
            await stumble(request)
        return answer

    return inbox


def command(identity: str = "c-1", *, type_: str = "booking.cancel", data: Any = None, **attributes: Any) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": identity,
            "source": f"urn:asepsis:system:{SYSTEM}",
            "type": type_,
            "data": {"booking_id": str(uuid4())} if data is None else data,
        }
        | attributes
    ).encode()


async def until(met: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(ALARM):
        while not await met():  # noqa: ASYNC110 - what is awaited happens in a server
            await asyncio.sleep(0.02)


class Desk:
    """A front-desk system and its inbox."""

    def __init__(self, house: House, client: Redis, url: str, identity_id: UUID) -> None:
        self.house = house
        self.client = client
        self.url = url
        self.mailbox = Mailbox(house.clinic_id, SYSTEM, identity_id)
        self.stream = self.mailbox.stream

    async def send(self, event: bytes, entry_id: str = "*", **more: bytes) -> str:
        added: Any = await self.client.xadd(self.stream, {"event": event, **more}, id=entry_id)
        return str(added.decode())

    async def is_empty(self) -> bool:
        return await self.client.xlen(self.stream) == 0

    async def rejected(self) -> list[CommandRejected]:
        return await self.house.said(CommandRejected)

    def keeper(self, inbox: Inbox, database: Database | None = None, url: str | None = None) -> "Keeper":
        return Keeper(database or self.house.database, url or self.url, inbox)


class Keeper:
    """One process's keeper, tended as the clock tends it."""

    def __init__(self, database: Database, url: str, inbox: Inbox) -> None:
        self.broker = make_broker(url, connections=20)
        self.client = redis_client(url)
        self.keeper = InboxKeeper(database, self.broker, self.client, inbox)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.broker.start()
        self._task = asyncio.create_task(self._tend())

    async def _tend(self) -> None:
        while True:
            await self.keeper.tend()
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.keeper.close()
        await self.broker.stop()
        await self.client.aclose()


@asynccontextmanager
async def kept(*keepers: Keeper) -> AsyncIterator[None]:
    try:
        for keeper in keepers:
            await keeper.start()
        yield
    finally:
        for keeper in keepers:
            await keeper.stop()


@pytest.fixture
async def desk(house: House, servers: Servers, valkey: Redis) -> Desk:
    worked.clear()
    identity = uuid4()
    await house.given("compliance", SystemConnected(system=SYSTEM, identity_id=identity))
    return Desk(house, valkey, servers.redis_url, identity)


async def test_commands_are_answered_in_order_by_their_system_and_deleted(desk: Desk) -> None:
    for n in range(25):
        await desk.send(command(f"c-{n}", correlationid="corr-1"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
        for n in range(25, 30):
            await desk.send(command(f"c-{n}"))
        await until(desk.is_empty)
    entries = [entry for entry in await desk.house.entries() if isinstance(entry.event, BookingCanceled)]
    assert [entry.causation for entry in entries] == [f"c-{n}" for n in range(30)]
    assert {(entry.actor.role, entry.actor.identity_id) for entry in entries} == {(Role.SYSTEM, desk.mailbox.identity_id)}
    assert entries[0].parts["causation"]["correlation"] == "corr-1"
    assert (await desk.client.xpending(desk.stream, GROUP))["pending"] == 0


async def test_a_real_command_of_booking_is_answered(desk: Desk) -> None:
    client_id = str(uuid4())
    person = {"client_id": client_id, "given_name": "Ana", "family_name": "Ruiz", "date_of_birth": "1990-02-03", "email": "ana@example.org"}
    await desk.send(command("r-1", type_="client.register", data=person))
    async with kept(desk.keeper(inbox_of("booking"))):
        await until(desk.is_empty)
    (registered,) = await desk.house.said(ClientRegistered)
    assert str(registered.client_id) == client_id


async def test_redelivered_after_a_kill_between_commit_and_acknowledgement(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four points of a kill: here the commit stands and nobody was told."""
    from events.inbox_keeper import OpenInbox

    data = {"booking_id": str(uuid4())}
    await desk.send(command("c-1", data=data))
    with monkeypatch.context() as patch:

        async def killed(self: OpenInbox, entry_id: str) -> None:
            await asyncio.Event().wait()

        patch.setattr(OpenInbox, "_acknowledge", killed)

        async def said() -> list[Any]:
            return await desk.house.said(BookingCanceled)

        async with kept(desk.keeper(make_inbox())):
            await until(said)
    assert not await desk.is_empty()
    await desk.send(command("c-2"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    canceled = [entry for entry in await desk.house.entries() if isinstance(entry.event, BookingCanceled)]
    assert [entry.causation for entry in canceled] == ["c-1", "c-2"]
    assert [again.event_id for again in await desk.house.said(AnswerRepeated)] == [canceled[0].event_id]


async def test_the_same_command_again_is_answered_again_and_decided_once(desk: Desk) -> None:
    same = command("c-1")
    async with kept(desk.keeper(make_inbox())):
        for _ in range(3):
            await desk.send(same)
        await until(desk.is_empty)
    assert len(await desk.house.said(BookingCanceled)) == 1
    assert len(await desk.house.said(AnswerRepeated)) == 2
    assert worked == ["c-1"]


SECRET = "Ana Ruiz 1990-02-03"
DEEP = b"[" * 2000 + b"]" * 2000
BAD: dict[str, tuple[bytes, set[tuple[str, str]]]] = {
    "bad JSON": (b'{"name":"' + SECRET.encode(), {("event", "json_invalid")}),
    "not UTF-8": (b'{"id":"\xff\xfe"}', {("event", "json_invalid")}),
    "deep": (DEEP, {("event", "json_invalid")}),
    "not an object": (b'["' + SECRET.encode() + b'"]', {("event", "model_type")}),
    "a number": (b"7", {("event", "model_type")}),
    "null": (b"null", {("event", "model_type")}),
    "empty": (b"", {("event", "json_invalid")}),
    "huge": (command(data={"booking_id": "x" * MAX_COMMAND_BYTES}), {("event", "too_large")}),
    "unknown type": (command(type_="booking.dance"), {("type", "unknown_type")}),
    "wrong fields": (
        command(data={"booking_id": SECRET, "reason": SECRET, SECRET: SECRET}),
        {("data.booking_id", "uuid_parsing"), ("data.reason", "string_pattern_mismatch"), ("data._unknown", "extra_forbidden")},
    ),
    "empty object": (b"{}", {(name, "missing") for name in ("specversion", "id", "source", "type", "data")}),
    "wrong envelope": (
        command("no good id", specversion="2.0", time="yesterday", data=[]),
        {
            ("id", "string_pattern_mismatch"),
            ("specversion", "string_pattern_mismatch"),
            ("time", "datetime_from_date_parsing"),
            ("data", "dict_type"),
        },
    ),
    "a NUL in a name": (
        command(
            type_="client.register",
            data={"client_id": str(uuid4()), "given_name": "A\0na", "family_name": "R", "date_of_birth": "1990-02-03"},
        ),
        {("data.given_name", "string_pattern_mismatch")},
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_not_understood_is_rejected_with_every_reason_and_no_value(desk: Desk, owner: asyncpg.Connection, name: str) -> None:
    event, reasons = BAD[name]
    before = await desk.house.entries()
    entry_id = await desk.send(event)
    await desk.send(command("good"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    (rejected,) = await desk.rejected()
    assert {(reason.field, reason.reason) for reason in rejected.reasons} == reasons
    assert (rejected.system, rejected.inbox_entry) == (SYSTEM, entry_id)
    entries = (await desk.house.entries())[len(before) :]
    assert [type(entry.event) for entry in entries] == [CommandRejected, BookingCanceled]
    assert not any(word.encode() in entries[0].body for word in SECRET.split())
    letter = await owner.fetchrow("select * from machinery.dead_letters")
    assert json.loads(letter["fields"])["event"].encode("latin-1") == event
    assert letter["inbox_entry"] == entry_id


async def test_an_entry_without_the_field_and_with_odd_ones_is_rejected_and_kept(desk: Desk, owner: asyncpg.Connection) -> None:
    await desk.client.xadd(desk.stream, {b"other\x00": b"v\x00\xff"})  # type: ignore[arg-type]
    await desk.client.xadd(desk.stream, {f"f{n}": "x" * 1000 for n in range(9000)})
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert [(one.reasons[0].field, one.reasons[0].reason) for one in await desk.rejected()] == [("event", "missing")] * 2
    letters = await owner.fetch("select fields from machinery.dead_letters order by inbox_entry")
    assert json.loads(letters[0]["fields"]) == {"other\\0": "v\\0\xff"}


async def test_a_rejection_names_the_command_where_its_id_can_be_read(desk: Desk) -> None:
    await desk.send(command("c-9", correlationid="corr-9", data=[]))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    (entry,) = [entry for entry in await desk.house.entries() if isinstance(entry.event, CommandRejected)]
    assert (entry.event.command, entry.causation, entry.parts["causation"]["correlation"]) == ("c-9", "c-9", "corr-9")


async def test_an_id_with_other_content_is_rejected_and_the_first_answer_stands(desk: Desk) -> None:
    await desk.send(command("c-1"))
    await desk.send(command("c-1"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert len(await desk.house.said(BookingCanceled)) == 1
    (rejected,) = await desk.rejected()
    assert [(reason.field, reason.reason) for reason in rejected.reasons] == [("id", "id_reused")]


async def test_an_expired_command_is_not_decided_but_an_answered_one_is_answered_again(desk: Desk) -> None:
    data = {"booking_id": str(uuid4())}
    await desk.send(command("c-1", data=data))
    await desk.send(command("c-1", data=data, expirytime="2020-01-01T00:00:00Z"))
    await desk.send(command("c-2", data=data, expirytime="2020-01-01T00:00:00Z"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert len(await desk.house.said(BookingCanceled)) == 1
    assert len(await desk.house.said(AnswerRepeated)) == 1
    (rejected,) = await desk.rejected()
    assert (rejected.command, rejected.reasons[0].reason) == ("c-2", "expired")


async def test_a_rejection_that_runs_again_is_one(desk: Desk) -> None:
    from events.inbox import NotUnderstood, Rejection, reject

    why = NotUnderstood((Rejection(field="event", reason="missing"),))
    for _ in range(2):
        await reject(desk.house.database, "booking", desk.mailbox, "5-0", {b"other": b"x"}, why)
    assert len(await desk.rejected()) == 1


async def test_a_command_that_trips_a_bug_gives_up_after_five_and_the_inbox_goes_on(desk: Desk) -> None:
    tries = 0

    async def stumble(request: Cancellation) -> None:
        nonlocal tries
        if request.reason == "poison":
            tries += 1
            message = "a bug"
            raise ValueError(message)

    await desk.send(command("c-1", data={"booking_id": str(uuid4()), "reason": "poison"}))
    await desk.send(command("c-2"))
    async with kept(desk.keeper(make_inbox(stumble))):
        await until(desk.is_empty)
    assert tries == 5
    assert [one.reasons[0].reason for one in await desk.rejected()] == ["gave_up"]
    assert len(await desk.house.said(BookingCanceled)) == 1


async def test_a_command_that_kills_its_process_is_given_up_and_those_behind_it_are_not(desk: Desk) -> None:
    from events.wakeups import ensure_group

    await ensure_group(desk.client, desk.stream, GROUP)
    for n in range(3):
        await desk.send(command(f"c-{n}"))
    await desk.client.xreadgroup(GROUP, "dead", {desk.stream: ">"})
    (first, *_) = [found["message_id"] for found in await desk.client.xpending_range(desk.stream, GROUP, "-", "+", 10)]
    for _ in range(4):  # each next process claimed it, tried it, and died
        await desk.client.xclaim(desk.stream, GROUP, "dead", 0, [first])
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert [one.inbox_entry for one in await desk.rejected()] == [first.decode()]
    assert worked == ["c-1", "c-2"]


async def test_what_a_dead_reader_left_comes_before_what_is_new(desk: Desk) -> None:
    from events.wakeups import ensure_group

    await ensure_group(desk.client, desk.stream, GROUP)
    for n in range(150):
        await desk.send(command(f"c-{n}"))
    await desk.client.xreadgroup(GROUP, "dead", {desk.stream: ">"}, count=140)
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert worked == [f"c-{n}" for n in range(150)]


async def test_what_was_delivered_and_lost_on_the_wire_is_worked_first(desk: Desk) -> None:
    async with kept(desk.keeper(make_inbox())):
        await desk.send(command("c-0"))
        await until(desk.is_empty)
        async with desk.client.pipeline(transaction=True) as pipe:
            pipe.xadd(desk.stream, {"event": command("c-1")})
            pipe.xreadgroup(GROUP, "another", {desk.stream: ">"})
            pipe.xadd(desk.stream, {"event": command("c-2")})
            await pipe.execute()
        await until(desk.is_empty)
    assert worked == ["c-0", "c-1", "c-2"]


async def test_while_the_database_is_away_entries_wait_and_keep_their_order(desk: Desk, servers: Servers, tmp_path: Path) -> None:
    name = desk.house.database.url.rpartition("/")[2].partition("?")[0]
    here = tmp_path / ".s.PGSQL.5432"
    url = f"postgresql+asyncpg://asepsis_app@/{name}?host={tmp_path}"
    database = Database(url, secret=desk.house.database.secret)
    async with wire(here, servers.sockets / ".s.PGSQL.5432") as line, kept(desk.keeper(make_inbox(), database)):
        await desk.send(command("c-0"))
        await until(desk.is_empty)
        await line.cut()
        for n in range(1, 8):
            await desk.send(command(f"c-{n}"))
        await asyncio.sleep(1.5)
        assert await desk.client.xlen(desk.stream) == 7
        await line.mend()
        await until(desk.is_empty)
    await database.close()
    entries = [entry for entry in await desk.house.entries() if isinstance(entry.event, BookingCanceled)]
    assert [entry.causation for entry in entries] == [f"c-{n}" for n in range(8)]
    assert await desk.rejected() == []


async def test_two_keepers_share_the_work_and_one_takes_over(desk: Desk) -> None:
    first, second = desk.keeper(make_inbox()), desk.keeper(make_inbox())
    async with kept(second):
        await first.start()
        for n in range(20):
            await desk.send(command(f"c-{n}"))
        await until(desk.is_empty)
        holding = [keeper for keeper in (first, second) if keeper.keeper._open]
        assert len(holding) == 1
        assert worked == [f"c-{n}" for n in range(20)]
        assert await desk.house.said(AnswerRepeated) == []
        await second.stop() if holding == [second] else await first.stop()
        rest = second if holding == [first] else first
        if rest is second:
            await until(lambda: _holds(rest))
            await desk.send(command("after"))
            await until(desk.is_empty)
            assert worked[-1] == "after"
        else:
            await first.stop()


async def _holds(keeper: Keeper) -> bool:
    return bool(keeper.keeper._open)


async def test_flushall_loses_no_inbox(desk: Desk) -> None:
    async with kept(desk.keeper(make_inbox())):
        await desk.send(command("c-0"))
        await until(desk.is_empty)
        for n in (1, 2):
            await desk.client.flushall()
            await desk.send(command(f"c-{n}"))
            await until(desk.is_empty)
    assert worked == ["c-0", "c-1", "c-2"]


@pytest.mark.parametrize("forged", ["18446744073709551615-18446744073709551615", "{future}-0"])
async def test_an_inbox_with_a_forged_id_is_emptied_into_dead_letters_and_made_anew(
    desk: Desk, owner: asyncpg.Connection, forged: str
) -> None:
    future = forged.format(future=int(time.time() * 1000) + 48 * 3600 * 1000)  # noqa: TID251 - an id of Redis's
    async with kept(desk.keeper(make_inbox())):
        await desk.send(command("c-0"))
        await until(desk.is_empty)
        await desk.send(command("forged"), future)

        async def anew() -> bool:
            info = await desk.client.xinfo_stream(desk.stream) if await desk.client.exists(desk.stream) else None
            return info is not None and not bytes(info["last-generated-id"]).startswith(future.split("-")[0].encode())

        await until(anew)
        await desk.send(command("c-1"))
        await until(desk.is_empty)
    assert "c-1" in worked
    assert not await desk.client.exists(f"{desk.stream}:forged")


async def test_what_lies_in_a_forged_inbox_unread_is_kept_whole(desk: Desk, owner: asyncpg.Connection) -> None:
    event = command("set-aside")
    await desk.client.xadd(f"{desk.stream}:forged", {"event": event})  # as a process left it that died here
    async with kept(desk.keeper(make_inbox())):
        await until(desk.rejected)
    (rejected,) = await desk.rejected()
    assert rejected.reasons[0].reason == "id_from_the_future"
    assert json.loads(await owner.fetchval("select fields from machinery.dead_letters"))["event"].encode() == event
    assert worked == []


async def test_a_disconnected_system_is_not_read(desk: Desk) -> None:
    from events.catalog.compliance import SystemDisconnected

    async with kept(desk.keeper(make_inbox())):
        await desk.send(command("c-0"))
        await until(desk.is_empty)
        await desk.house.given("compliance", SystemDisconnected(system=SYSTEM, identity_id=desk.mailbox.identity_id))
        await asyncio.sleep(0.5)
        await desk.send(command("c-1"))
        await asyncio.sleep(0.5)
        assert worked == ["c-0"]
        await desk.house.given("compliance", SystemConnected(system=SYSTEM, identity_id=desk.mailbox.identity_id))
        await until(desk.is_empty)
    assert worked == ["c-0", "c-1"]


async def test_stopping_leaves_what_was_read_and_not_begun(desk: Desk) -> None:
    begun = asyncio.Event()

    async def slow(request: Cancellation) -> None:
        begun.set()
        await asyncio.sleep(0.3)

    for n in range(20):
        await desk.send(command(f"c-{n}"))
    keeper = desk.keeper(make_inbox(slow))
    await keeper.start()
    await begun.wait()
    await keeper.stop()
    assert len(worked) < 5
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    said = [entry.causation for entry in await desk.house.entries() if isinstance(entry.event, BookingCanceled)]
    assert said == [f"c-{n}" for n in range(20)]
    assert actor().role is Role.MANAGER
