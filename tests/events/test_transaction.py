"""Caught up, decided, recorded, on the real PostgreSQL."""

import asyncio
from itertools import pairwise
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events import chain, ledger
from events.catalog.booking import BookingCanceled, ResourceAdded
from events.catalog.compliance import RecordViewed
from events.database import Database
from events.transaction import Answer, IdReusedError, Transaction, UnknownClinicError, aside, transaction
from schemas.vocabulary import Shape
from tests.conftest import House, actor


class Ask(Shape):
    """A request of these tests."""

    subject: UUID
    reason: str = "asked"


async def cancel(tx: Transaction, request: Ask) -> Answer[BookingCanceled]:
    """A command of these tests: one answer."""
    return await tx.answer(BookingCanceled(booking_id=request.subject, client_id=request.subject, reason=request.reason))


async def test_the_chain_in_sql_is_the_chain_in_python(house: House) -> None:
    await house.given("booking", ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15))
    entries = await house.entries()
    link = chain.genesis(house.clinic_id, 1)
    for entry in entries:
        leaf = chain.leaf(
            chain.header(
                clinic_id=house.clinic_id,
                index=entry.index,
                recorded_at=entry.recorded_at,
                event_id=entry.event_id,
                type=entry.type,
                body=entry.body,
            )
        )
        link = chain.link(link, leaf)
        assert entry.chain == link
    assert [entry.index for entry in entries] == [0, 1, 2]


async def test_the_same_command_twice_is_one_event_and_the_same_answer(house: House) -> None:
    request, who = Ask(subject=uuid4()), actor()
    first = await house.doing("booking", cancel, request, by=who, command_id="c-1")
    second = await house.doing("booking", cancel, request, by=who, command_id="c-1")
    assert (first.repeated, second.repeated) == (False, True)
    assert first.entry == second.entry
    assert len(await house.said(BookingCanceled)) == 1


async def test_the_same_id_with_other_content_is_refused_and_changes_nothing(house: House) -> None:
    who, subject = actor(), uuid4()
    await house.doing("booking", cancel, Ask(subject=subject), by=who, command_id="c-1")
    with pytest.raises(IdReusedError):
        await house.doing("booking", cancel, Ask(subject=subject, reason="other"), by=who, command_id="c-1")
    assert len(await house.said(BookingCanceled)) == 1


async def test_the_same_id_of_another_principal_is_another_command(house: House) -> None:
    request = Ask(subject=uuid4())
    await house.doing("booking", cancel, request, by=actor(), command_id="c-1")
    answer = await house.doing("booking", cancel, request, by=actor(), command_id="c-1")
    assert not answer.repeated


async def test_concurrent_commands_come_out_in_one_order_without_gaps(house: House) -> None:
    await asyncio.gather(*(house.doing("booking", cancel, Ask(subject=uuid4())) for _ in range(20)))
    entries = await house.entries()
    assert [entry.index for entry in entries] == list(range(22))
    assert all(one.recorded_at <= next_.recorded_at for one, next_ in pairwise(entries))


async def test_an_exception_records_nothing(house: House) -> None:
    async def stumble(tx: Transaction, request: Ask) -> Answer[BookingCanceled]:
        await cancel(tx, request)
        message = "a bug"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="a bug"):
        await house.doing("booking", stumble, Ask(subject=uuid4()))
    assert await house.said(BookingCanceled) == []


async def test_an_unknown_clinic_is_refused(database: Database) -> None:
    with pytest.raises(UnknownClinicError):
        async with transaction(database, uuid4(), "booking", actor(), "c-1"):
            pytest.fail("there is no such clinic")


async def test_append_refuses_an_older_view(house: House) -> None:
    with pytest.raises(DBAPIError, match="entries, not"):
        async with transaction(house.database, house.clinic_id, "compliance", actor(), "c-1") as tx:
            before = tx.head
            await tx.record(RecordViewed(question="q1", answers=1))
            await ledger.append(tx.rows, house.clinic_id, before, uuid4(), "record.viewed.v1", b"{}")


async def test_append_refuses_another_clinic_and_asynchronous_commit(house: House) -> None:
    other = uuid4()
    async with aside(house.database, None, "compliance") as rows:
        await ledger.open_clinic(rows, other)
    with pytest.raises(DBAPIError, match="another clinic"):
        async with transaction(house.database, house.clinic_id, "compliance", actor(), "c-1") as tx:
            await ledger.append(tx.rows, other, tx.head, uuid4(), "record.viewed.v1", b"{}")
    with pytest.raises(DBAPIError, match="synchronous_commit"):
        async with transaction(house.database, house.clinic_id, "compliance", actor(), "c-2") as tx:
            await tx.rows.execute(text("set local synchronous_commit = off"))
            await tx.record(RecordViewed(question="q1", answers=1))


@pytest.mark.parametrize(
    "statement",
    ["update ledger.entries set type = 'x.v1'", "delete from ledger.entries", "truncate ledger.entries", "delete from ledger.clinics"],
)
async def test_nobody_changes_the_ledger_not_even_its_owner(house: House, owner: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.PostgresError, match="keeps what was recorded"):
        await owner.execute(statement)


@pytest.mark.parametrize("statement", ["insert into ledger.clinics values (gen_random_uuid(), 1, now())", "delete from ledger.entries"])
async def test_a_service_may_only_append_and_read(house: House, statement: str) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with aside(house.database, house.clinic_id, "booking") as rows:
            await rows.execute(text(statement))


async def test_one_clinic_sees_nothing_of_another(house: House, database: Database) -> None:
    async with aside(database, uuid4(), "booking") as rows:
        seen = (await rows.execute(text("select count(*) from ledger.entries"))).scalar_one()
    assert seen == 0
    async with aside(database, house.clinic_id, "booking") as rows:
        seen = (await rows.execute(text("select count(*) from ledger.entries"))).scalar_one()
    assert seen == 2


async def test_the_login_inherits_nothing(database: Database, house: House) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        async with aside(database, house.clinic_id, None) as rows:
            await rows.execute(text("select count(*) from ledger.entries"))
