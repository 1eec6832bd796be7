"""How long anybody waits, and what says nothing about the work: limits, outages, full disks."""

import asyncio
import time
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import events.database
from events.catalog.compliance import ClinicOpened
from events.database import Database, is_passing
from events.transaction import aside, transaction
from tests.conftest import House, actor


@pytest.mark.parametrize(
    ("state", "passing"),
    [
        ("08006", True),
        ("25P03", True),
        ("40001", True),
        ("40P01", True),
        ("53100", True),
        ("53200", True),
        ("53300", True),
        ("55P03", True),
        ("57014", True),
        ("57P01", True),
        ("58030", True),
        ("AS006", True),
        ("22012", False),
        ("23505", False),
        ("42501", False),
        ("AS001", False),
        ("AS004", False),
        ("XX000", False),
    ],
)
async def test_an_outage_says_nothing_about_the_work(database: Database, state: str, passing: bool) -> None:
    """What a full disk says, too: nobody halts because of it, and doors answer 503."""
    with pytest.raises(DBAPIError) as failed:
        async with aside(database, None, "booking") as rows:
            await rows.execute(text(f"do $$ begin raise exception 'as asked' using errcode = '{state}'; end $$"))
    assert is_passing(failed.value) == passing


async def test_a_statement_that_takes_too_long_is_an_outage(database: Database) -> None:
    with pytest.raises(DBAPIError) as failed:
        async with aside(database, None, "booking") as rows:
            await rows.execute(text("set local statement_timeout = '20ms'"))
            await rows.execute(text("select pg_sleep(5)"))
    assert is_passing(failed.value)


async def test_every_transaction_has_its_limits(house: House) -> None:
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    async with transaction(house.database, house.clinic_id, "booking", actor(), "limits") as tx:
        found = [(await tx.rows.execute(text(f"show {name}"))).scalar_one() for name in names]
    assert found == ["2s", "5s", "5s"]


async def test_who_says_nothing_more_lets_go_of_the_clinic(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frozen process, or one that is cut off without a word: its lock goes, what it wrote too, and it is told."""
    limits = events.database._LIMITS
    monkeypatch.setattr(events.database, "_LIMITS", limits.replace("session_timeout = '5s'", "session_timeout = '1s'"))
    before = len(await house.entries())
    another = Database(house.database.url, secret=house.database.secret)
    try:
        with pytest.raises(Exception, match=r".") as told:
            async with transaction(house.database, house.clinic_id, "compliance", actor(), "frozen") as tx:
                await tx.record(ClinicOpened(timezone="Europe/Amsterdam"))
                monkeypatch.setattr(events.database, "_LIMITS", limits)
                began = time.monotonic()
                async with transaction(another, house.clinic_id, "compliance", actor(), "another") as second:
                    await second.record(ClinicOpened(timezone="Europe/Amsterdam"))
                assert time.monotonic() - began < 2
    finally:
        await another.close()
    assert is_passing(told.value), told.value
    assert len(await house.entries()) == before + 1
    async with transaction(house.database, house.clinic_id, "compliance", actor(), "afterwards") as tx:
        await tx.record(ClinicOpened(timezone="Europe/Amsterdam"))
    assert len(await house.entries()) == before + 2


async def test_nobody_waits_in_turn_for_a_clinic_that_is_held_elsewhere(house: House) -> None:
    """Who stood in line while somebody waited for the database in vain has waited in vain too; who comes later tries anew."""
    another = Database(house.database.url, secret=house.database.secret)

    async def try_it() -> float:
        began = time.monotonic()
        with pytest.raises(Exception, match=r".") as told:
            async with transaction(house.database, house.clinic_id, "compliance", actor(), str(uuid4())):
                pytest.fail("the clinic's lock was held by two")
        assert is_passing(told.value), told.value
        return time.monotonic() - began

    try:
        async with transaction(another, house.clinic_id, "compliance", actor(), "holder"):
            waited = await asyncio.gather(*(try_it() for _ in range(20)))
        assert max(waited) < 2 + 2  # lock_timeout, and some more for a busy machine
        await house.given("compliance", ClinicOpened(timezone="Europe/Amsterdam"))
    finally:
        await another.close()


async def test_a_queue_that_goes_on_slowly_refuses_nobody(house: House) -> None:
    served = list[int]()

    async def one(number: int) -> None:
        async with house.database.clinic_lock(house.clinic_id):
            await asyncio.sleep(0.3)
            served.append(number)

    await asyncio.gather(*(one(number) for number in range(9)))
    assert served == list(range(9))


async def test_a_queue_is_stood_in_for_so_long_and_no_longer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who queues for another clinic does not notice."""
    monkeypatch.setattr(events.database, "QUEUE_SECONDS", 0.2)

    async def wait_in_line() -> None:
        with pytest.raises(TimeoutError) as told:
            async with house.database.clinic_lock(house.clinic_id):
                pytest.fail("the clinic's lock was held by two")
        assert is_passing(told.value)

    async with house.database.clinic_lock(house.clinic_id):
        async with asyncio.timeout(4):
            await asyncio.gather(*(wait_in_line() for _ in range(20)))
        async with asyncio.timeout(1), house.database.clinic_lock(uuid4()):
            pass
    async with asyncio.timeout(1), house.database.clinic_lock(house.clinic_id):
        pass
