"""What comes before what: lock before look, commit before acknowledgement, publishing before bookmark."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events import wire
from events.catalog.booking import BookingCanceled, ResourceAdded
from events.database import Database
from events.ledger import head
from events.relay import SERVICE, STAGE, Relay
from events.streams import Follower
from events.transaction import Answer, RecordUnreadableError, Transaction, aside, transaction
from schemas.vocabulary import Shape
from services.operations import status_of
from tests.conftest import House, actor
from tests.frontdesk import Cancellation, Desk, command, kept, make_inbox, until


class Ask(Shape):
    subject: UUID


def added() -> ResourceAdded:
    return ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15)


@pytest.fixture
async def processes(database: Database) -> AsyncIterator[list[Database]]:
    """As many processes see it: no lock of one holds up another, but PostgreSQL's."""
    opened = [Database(database.url, secret=database.secret, pool_size=2) for _ in range(6)]
    yield opened
    for one in opened:
        await one.close()


async def test_two_processes_decide_one_after_the_other(house: House, processes: list[Database]) -> None:
    async def decide(process: Database) -> int:
        async with transaction(process, house.clinic_id, "booking", actor(), str(uuid4())) as tx:
            seen = tx.size
            await tx.record(added())
            return seen

    for _ in range(3):
        before = len(await house.entries())
        seen = await asyncio.gather(*(decide(process) for process in processes))
        assert sorted(seen) == list(range(before, before + len(processes)))


async def test_the_moment_of_a_decision_is_after_the_lock(house: House, owner: asyncpg.Connection) -> None:
    """A decision that waited is made when it was its turn, not when it was asked."""

    async def decide() -> datetime:
        async with transaction(house.database, house.clinic_id, "booking", actor(), "waits") as tx:
            await tx.record(added())
            return tx.now

    async def waits() -> bool:
        return bool(await owner.fetchval("select exists (select from pg_locks where locktype = 'advisory' and not granted)"))

    lock = "hashtextextended($1::uuid::text, 0)"
    await owner.execute(f"select pg_advisory_lock({lock})", house.clinic_id)
    deciding = asyncio.create_task(decide())
    await until(waits)
    released: datetime = await owner.fetchval("select clock_timestamp()")
    await owner.execute(f"select pg_advisory_unlock({lock})", house.clinic_id)
    assert await deciding >= released


async def test_a_lock_outside_a_transaction_is_refused(database: Database) -> None:
    """Where nothing was begun, each statement commits by itself: a lock taken so is none."""
    async with database._lines.line("") as line:
        with pytest.raises(RuntimeError, match="no transaction was begun"):
            await wire.fetch_row(line, "select pg_advisory_xact_lock(1)")


async def test_a_failure_that_somebody_caught_is_no_commit(house: House) -> None:
    """PostgreSQL answers such a COMMIT with a rollback, and no error."""
    with pytest.raises(RuntimeError, match="nothing was committed"):
        async with transaction(house.database, house.clinic_id, "booking", actor(), "c-1") as tx:
            await tx.record(added())
            await tx._keep()
            with contextlib.suppress(DBAPIError):
                await tx.rows.execute(text("select 1 / 0"))
    assert await house.said(ResourceAdded) == []


async def test_a_repeated_command_is_not_decided_again(house: House) -> None:
    runs: list[int] = []

    async def cancel(tx: Transaction, request: Ask) -> Answer[BookingCanceled]:
        runs.append(tx.size)
        if len(runs) > 1:  # what a decision on today's state may come to
            await tx.record(added(), event_id=uuid4())
        return await tx.answer(BookingCanceled(booking_id=request.subject, client_id=request.subject, reason="asked"))

    request, who = Ask(subject=uuid4()), actor()
    first = await house.doing("booking", cancel, request, by=who, command_id="c-1")
    size = len(await house.entries())
    again = await house.doing("booking", cancel, request, by=who, command_id="c-1")
    assert (again.repeated, again.entry, len(runs)) == (True, first.entry, 1)
    assert len(await house.entries()) == size


async def test_nothing_is_decided_on_another_ledger(house: House, owner: asyncpg.Connection) -> None:
    """The same size, another past: a database restored and written on."""
    await house.caught_up("treatment")
    await owner.execute("update ledger.bookmarks set chain = sha256('other') where service = 'treatment'")
    with pytest.raises(RecordUnreadableError):
        async with transaction(house.database, house.clinic_id, "treatment", actor(), "c-1"):
            pytest.fail("the tables follow another ledger")


@pytest.mark.parametrize("stage", ["projected", "reacted"])
async def test_a_bookmark_ahead_of_the_ledger_halts(house: House, owner: asyncpg.Connection, stage: str) -> None:
    """PostgreSQL came back from an older copy, a service's database of its own did not."""
    await house.react("recovery")
    await owner.execute("update ledger.bookmarks set size = size + 3 where service = 'recovery' and stage = $1", stage)
    await Follower(house.database, "recovery").sweep()
    assert [(one.service, one.stage, one.error) for one in (await status_of(house.database)).halted] == [
        ("recovery", stage, "RecordUnreadableError")
    ]


async def test_a_command_is_in_the_inbox_until_it_is_in_the_ledger(desk: Desk) -> None:
    decided = asyncio.Event()
    go_on = asyncio.Event()

    async def hold(_request: Cancellation) -> None:
        decided.set()
        await go_on.wait()

    entry_id = await desk.send(command("c-1"))
    async with kept(desk.keeper(make_inbox(hold))):
        await asyncio.wait_for(decided.wait(), 20)
        assert await desk.house.said(BookingCanceled) == []
        assert [found.decode() for found, _ in await desk.client.xrange(desk.stream)] == [entry_id]
        go_on.set()
        await until(desk.is_empty)
    assert len(await desk.house.said(BookingCanceled)) == 1


async def test_the_relays_bookmark_waits_until_the_stream_has_it(house: House, valkey: Redis, owner: asyncpg.Connection) -> None:
    relay = Relay(house.database, valkey)
    await relay.publish(house.database, house.clinic_id, SERVICE, 500)
    mark = "select size from ledger.bookmarks where service = $1 and stage = $2"
    published = await owner.fetchval(mark, SERVICE, STAGE)
    await house.given("booking", BookingCanceled(booking_id=uuid4(), client_id=uuid4(), reason="asked"))
    await valkey.config_set("maxmemory", "1")
    try:
        with pytest.raises(Exception, match="maxmemory"):
            await relay.publish(house.database, house.clinic_id, SERVICE, 500)
        assert await owner.fetchval(mark, SERVICE, STAGE) == published
    finally:
        await valkey.config_set("maxmemory", "0")
    await relay.publish(house.database, house.clinic_id, SERVICE, 500)
    async with aside(house.database, house.clinic_id, SERVICE) as rows:
        at: Any = await head(rows, house.clinic_id)
    assert await owner.fetchval(mark, SERVICE, STAGE) == at.size
