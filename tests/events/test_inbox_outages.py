"""An outage is nobody's fault: not of the command in hand, and the inboxes are kept again after it."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events.catalog.booking import BookingCanceled
from events.database import Database
from events.embedded import Servers
from events.inbox_keeper import GROUP, MOST_DELIVERIES
from events.wakeups import ensure_group
from tests.conftest import administer
from tests.frontdesk import Desk, command, kept, make_inbox, until, worked
from tests.outage import wire


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


async def test_a_process_that_ends_while_it_waits_for_the_database_did_not_die_of_the_command(
    desk: Desk, servers: Servers, tmp_path: Path
) -> None:
    """Five such deaths, and the command is worked when the database is back: it never killed anybody."""
    name = desk.house.database.url.rpartition("/")[2].partition("?")[0]
    url = f"postgresql+asyncpg://asepsis_app@/{name}?host={tmp_path}"
    await ensure_group(desk.client, desk.stream, GROUP)
    await desk.send(command("c-1"))

    async def waits() -> bool:
        if len(worked) == before:
            return False
        pending = await desk.client.xpending_range(desk.stream, GROUP, "-", "+", 1)
        return bool(pending) and pending[0]["times_delivered"] == 0

    for before in range(MOST_DELIVERIES + 1):  # noqa: B007 - read by `waits`
        database = Database(url, secret=desk.house.database.secret)
        async with wire(tmp_path / ".s.PGSQL.5432", servers.sockets / ".s.PGSQL.5432") as line:
            keeper = desk.keeper(make_inbox(lambda _: line.cut()), database)
            async with kept(keeper):
                await until(waits)
                for opened in keeper.keeper._open.values():  # killed: it does not finish what it has in hand
                    assert opened._task is not None
                    opened._task.cancel()
        await database.close()
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert await desk.rejected() == []
    assert len(worked) > MOST_DELIVERIES


async def test_inboxes_are_kept_again_after_their_session_was_lost_in_the_middle_of_a_look(desk: Desk, servers: Servers) -> None:
    keeper = desk.keeper(make_inbox())
    await keeper.broker.start()
    try:
        await keeper.keeper.tend()
        session = keeper.keeper._session
        assert session is not None
        pid = (await session.execute(text("select pg_backend_pid()"))).scalar_one()
        await administer(servers, f"select pg_terminate_backend({pid})")
        with pytest.raises(DBAPIError):
            await session.execute(text("select pg_try_advisory_lock(1)"))
        await keeper.keeper.tend()
        await desk.send(command("c-1"))
        await until(desk.is_empty)
    finally:
        await keeper.stop()
    assert worked == ["c-1"]


async def test_an_inbox_that_was_flushed_is_heard_again_between_two_looks(desk: Desk) -> None:
    """Where everything is flushed each second, a look each second would always come too late."""
    keeper = desk.keeper(make_inbox())
    await keeper.broker.start()
    try:
        await keeper.keeper.tend()
        await desk.send(command("c-1"))
        await until(desk.is_empty)
        await desk.client.flushall()

        async def deaf() -> bool:
            return bool(keeper.keeper.deaf)

        await until(deaf)
        await desk.send(command("c-2"))
        await keeper.keeper.mend()
        await until(desk.is_empty)
    finally:
        await keeper.stop()
    assert worked == ["c-1", "c-2"]
