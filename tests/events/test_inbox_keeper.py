"""Inboxes are worked in order and once, whatever dies, is flushed, forged or away."""

import asyncio
import json
import time
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from events.catalog.booking import AnswerRepeated, BookingCanceled, ClientRegistered, CommandRejected
from events.catalog.compliance import SystemConnected, SystemDisconnected
from events.inbox import inbox_of
from events.inbox_keeper import GROUP, OpenInbox
from events.wakeups import ensure_group
from schemas.vocabulary import Role
from tests.frontdesk import SYSTEM, Cancellation, Desk, Keeper, command, kept, make_inbox, until, worked


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


async def _given_up_by_five(desk: Desk, event: bytes) -> None:
    """Five processes took it and died of it, or of something else."""
    await ensure_group(desk.client, desk.stream, GROUP)
    await desk.send(event)
    ((_, ((entry_id, _),)),) = await desk.client.xreadgroup(GROUP, "dead", {desk.stream: ">"})
    for _ in range(4):
        await desk.client.xclaim(desk.stream, GROUP, "dead", 0, [entry_id])


async def test_what_is_given_up_is_said_of_its_command_and_may_be_sent_again(desk: Desk) -> None:
    same = command("c-1", correlationid="corr-1")
    await _given_up_by_five(desk, same)
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
        await desk.send(same)
        await until(desk.is_empty)
    assert [event.command for event in await desk.rejected()] == ["c-1"]
    (rejected,) = [entry for entry in await desk.house.entries() if isinstance(entry.event, CommandRejected)]
    assert rejected.causation == "c-1"
    assert rejected.parts["causation"]["correlation"] == "corr-1"
    assert worked == ["c-1"]


async def test_what_was_decided_is_never_given_up(desk: Desk) -> None:
    """Five times killed between commit and acknowledgement: the answer stands, and is said again."""
    same = command("c-1")
    async with kept(desk.keeper(make_inbox())):
        await desk.send(same)
        await until(desk.is_empty)
    await _given_up_by_five(desk, same)
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert await desk.rejected() == []
    (canceled,) = [entry for entry in await desk.house.entries() if isinstance(entry.event, BookingCanceled)]
    assert [again.event_id for again in await desk.house.said(AnswerRepeated)] == [canceled.event_id]


async def test_what_a_dead_reader_left_comes_before_what_is_new(desk: Desk) -> None:
    await ensure_group(desk.client, desk.stream, GROUP)
    for n in range(110):
        await desk.send(command(f"c-{n}"))
    await desk.client.xreadgroup(GROUP, "dead", {desk.stream: ">"}, count=105)
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert worked == [f"c-{n}" for n in range(110)]


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


async def _is_free(keeper: Keeper) -> bool:
    """Nobody reads the inbox any more."""
    return not keeper.keeper._open


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
    future = forged.format(future=int(time.time() * 1000) + 48 * 3600 * 1000)  # noqa: TID251 - an id of Redis
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
    assert (rejected.command, rejected.reasons[0].reason) == ("set-aside", "id_from_the_future")
    assert json.loads(await owner.fetchval("select fields from machinery.dead_letters"))["event"].encode() == event
    assert worked == []


async def test_a_disconnected_system_is_not_read(desk: Desk) -> None:
    keeper = desk.keeper(make_inbox())
    async with kept(keeper):
        await desk.send(command("c-0"))
        await until(desk.is_empty)
        await desk.house.given("compliance", SystemDisconnected(system=SYSTEM, identity_id=desk.mailbox.identity_id))
        await until(lambda: _is_free(keeper))
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
