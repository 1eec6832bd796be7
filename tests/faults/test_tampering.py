"""The share of the tampering that `make test` tries, and what it has taught."""

from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.catalog.booking import ResourceAdded
from events.checking.check import Checker
from events.database import SERVICES
from events.reopening import bring_level
from tests.conftest import House
from tests.faults.row import carry_out
from tests.faults.tampering import ROW

SEED = 20261123


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_whatever_is_touched_is_found_at_its_place(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    print(f"\n{dict(tally.faults)}")  # noqa: T201
    assert not tally.wrongs, "\n".join(tally.wrongs[:20])


async def test_a_checker_sees_what_came_and_what_was_touched_since_its_last_look(house: House, owner: asyncpg.Connection) -> None:
    """It once kept its first moment of the database for ever, in six transactions that never ended."""
    await bring_level(house.database, house.clinic_id)
    async with Checker(house.database, SERVICES) as checker:
        first = await checker.check(house.clinic_id)
        left = await owner.fetch("select 1 from pg_stat_activity where datname = current_database() and state = 'idle in transaction'")
        assert left == []
        room = ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=5)
        await house.given("booking", room)
        await bring_level(house.database, house.clinic_id)
        assert (await checker.check(house.clinic_id)).size == first.size + 1
        await owner.execute("delete from booking.resources where resource_id = $1", room.resource_id)
        found = [wrong.sentence for wrong in (await checker.check(house.clinic_id)).report.wrongs]
        assert f"booking.resources: row resource_id={room.resource_id} is missing in the table" in found
