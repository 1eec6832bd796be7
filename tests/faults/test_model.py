"""Made-up days in `make test`: always the same ones. The campaign makes up others (`make faults`)."""

import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from events.database import Database
from events.embedded import Servers
from services.example import database_now
from tests.conftest import SECRET, administer, owner_url
from tests.faults import days
from tests.faults.days import KINDS, happened, make_up
from tests.faults.small_clinic import HANDPIECES, ROOMS, open_small_clinic
from tests.faults.small_day import Day
from tests.faults.small_record import Watch

EXAMPLES = int(os.environ.get("ASEPSIS_EXAMPLES", days.ROW.in_tests))
STEPS = int(os.environ.get("ASEPSIS_STEPS", "40"))
SECONDS_PER_STEP = 0.5
"""What a step may take on a slow machine; only a hang takes longer."""


@pytest.fixture(scope="module")
async def database_name(servers: Servers, template: str) -> AsyncIterator[str]:
    """A database of this file's own: every day opens clinics of its own in it."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{template}" strategy wal_log')
    yield name
    await administer(servers, f'drop database "{name}" with (force)')


@pytest.fixture
def choking() -> Iterator[None]:
    with days.choking():
        yield


@pytest.mark.slow
@pytest.mark.timeout(60 + EXAMPLES * STEPS * SECONDS_PER_STEP)
@pytest.mark.usefixtures("choking")
def test_a_made_up_day_ends_as_somebody_beside_it_would_expect(servers: Servers, database_name: str) -> None:
    make_up(servers.login_url("asepsis_app", database_name), owner_url(servers, database_name), EXAMPLES, STEPS, None)
    assert happened["days"] >= EXAMPLES


@pytest.mark.usefixtures("choking")
async def test_every_kind_of_step_does_what_it_says(servers: Servers, database_name: str) -> None:
    """One day without chance: what the made-up ones are made of really happens."""
    happened.clear()
    database = Database(servers.login_url("asepsis_app", database_name), secret=SECRET, pool_size=2)
    try:
        clinic = await open_small_clinic(database, await database_now(database))
        day = Day(clinic, happened, Watch(clinic.house))
        await a_plain_day(day)
        await day.come_to_rest()
    finally:
        await database.close()
    assert [kind for kind in KINDS if not happened[kind]] == []


async def a_plain_day(day: Day) -> None:
    for number in range(HANDPIECES):
        await day.reprocess(number)
    for number in range(ROOMS):
        await day.turn_over(number)
    await day.withdraw(0)
    one, other, third = [await day.book_and_prepare(client) for client in (0, 1, 2)]
    assert one is not None
    assert other is not None
    assert third is not None
    assert await day.book(3, one.practitioner, one.room) is None
    await day.start(one, (one.practitioner, one.room, 0, *day.fresh()))
    for _ in range(2):
        await day.start(other, (other.practitioner, other.room, 0, *day.fresh()))
    await day.start(third, (third.practitioner, third.room, 0, *day.fresh()))
    await day.start(third, (third.practitioner, third.room, 1, *day.fresh()))
    await day.end(other, needled=True)
    await day.hold(third.client, poisoned=False)
    await day.hold(one.client, poisoned=False)
    await day.hold(3, poisoned=True)
    await day.lift(0)
    await day.waste(5)
    await day.repeat(0)
    await day.reuse(0)
    for service in ("consent", "treatment", "booking"):
        await day.react(service, 500)
    await day.cancel(one)
