"""Counting attempts: an entry that kills its process, an outage that blames nobody."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from events.attempts import DIED, MOST_ATTEMPTS, AttemptAt, Pair, halt_if_spent, succeeded
from events.catalog.compliance import RecordViewed
from events.database import Database
from events.rounds import Stage, look
from events.streams import Follower
from events.transaction import aside, project
from services.operations import status_of
from tests.conftest import House


@pytest.fixture
async def pair(house: House) -> Pair:
    await house.given("compliance", RecordViewed(question="q", answers=1))
    return Pair(house.clinic_id, "consent", "projected")


async def test_an_entry_that_kills_its_process_five_times_halts_the_pair(house: House, pair: Pair) -> None:
    for count in range(1, MOST_ATTEMPTS + 1):
        attempt = await begin_attempt(house.database, pair)
        assert attempt is not None
        assert (attempt.count, attempt.halted) == (count, False)
    halted = await begin_attempt(house.database, pair)
    assert halted is not None
    assert (halted.halted, halted.deadly, halted.error) == (True, True, DIED)
    # It would kill the next process, too: nobody tries it again unasked.
    await Follower(house.database, stages=[_stage(pair)]).sweep()
    assert [found.error for found in (await status_of(house.database)).halted] in ([DIED], [])


async def _never(*_: object) -> int:
    pytest.fail("a deadly entry was tried again")


def _stage(pair: Pair) -> Stage:
    """One that every entry of these tests concerns."""
    return Stage(pair.service, pair.stage, lambda: frozenset({"clinic.opened.v1", "record.viewed.v1"}), _never)


async def begin_attempt(database: Database, pair: Pair) -> AttemptAt | None:
    """What a look counts for the one pair that there is."""
    found = await look(database, pair.clinic_id, [_stage(pair)])
    assert found is not None
    return found.todo[0][1] if found.todo else None


async def test_an_outage_is_no_attempt(house: House, pair: Pair) -> None:
    for _ in range(3 * MOST_ATTEMPTS):
        attempt = await begin_attempt(house.database, pair)
        assert attempt is not None
        assert attempt.count == 1
        assert not await halt_if_spent(house.database, pair, attempt, ConnectionResetError())


async def test_success_forgets_earlier_failures(house: House, pair: Pair) -> None:
    attempt = None
    for _ in range(MOST_ATTEMPTS - 1):
        attempt = await begin_attempt(house.database, pair)
    assert attempt is not None
    await succeeded(house.database, pair, attempt)
    again = await begin_attempt(house.database, pair)
    assert again is not None
    assert again.count == 1


async def test_nothing_is_counted_where_nothing_is_left(house: House, pair: Pair) -> None:
    await house.caught_up("consent")
    assert await begin_attempt(house.database, pair) is None
    assert await look(house.database, uuid4(), [_stage(pair)]) is None
    async with aside(house.database, house.clinic_id, "consent") as rows:
        assert (await rows.execute(text("select count(*) from ledger.attempts"))).scalar_one() == 0


async def test_without_a_database_nothing_is_tried(database: Database, house: House) -> None:
    gone = Database(database.url.replace("host=", "host=/nowhere"), secret=database.secret)
    await Follower(gone, stages=[_stage(Pair(house.clinic_id, "consent", "projected"))]).follow(house.clinic_id)
    await gone.close()


async def test_who_was_begun_and_came_to_no_end_is_tried_alone(house: House, pair: Pair) -> None:
    """The process died of one of them: the others must not be blamed, nor held up."""
    ran: list[str] = []

    async def work(database: Database, clinic_id: UUID, service: str, limit: int) -> int:
        ran.append(service)
        return await project(database, clinic_id, service, limit)

    stages = [replace(_stage(Pair(house.clinic_id, service, "projected")), step=work) for service in ("consent", "recovery", "hygiene")]
    for stage in stages:
        await house.caught_up(stage.service)
    await house.given("compliance", RecordViewed(question="q", answers=1))
    for service in ("consent", "recovery"):  # both were at work when the process died
        await look(house.database, house.clinic_id, [stage for stage in stages if stage.service == service])
    found = await look(house.database, house.clinic_id, stages)
    assert found is not None
    assert [(stage.service, attempt.count) for stage, attempt in found.todo] == [("hygiene", 1)]
    assert found.suspected
    first = await look(house.database, house.clinic_id, stages, suspects_first=True)
    assert first is not None
    assert [attempt.count for _, attempt in first.todo] == [2]
    await Follower(house.database, stages=stages).follow(house.clinic_id)
    assert sorted(ran) == ["consent", "hygiene", "recovery"]
    assert (await status_of(house.database)).halted == []
