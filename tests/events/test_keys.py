"""A row is found by its key, also in a table of which PostgreSQL knows little yet."""

from datetime import UTC, datetime
from itertools import islice
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.catalog.booking import BookingConfirmed
from events.database import SERVICES, Database, tables_of
from events.envelope import Context, Entry, body_of, versioned_type
from events.projection import projection_of
from events.transaction import aside
from tests.benchmarks.history import past
from tests.conftest import actor

STATISTICS_CAN_BE_TOLD = 180_000


async def test_the_key_is_the_newest_index_of_its_table(database: Database, owner: asyncpg.Connection) -> None:
    """Of indexes that look equally good the newest is taken. A migration that adds an index to a table makes its key anew."""
    ours = [name for service in SERVICES for name in tables_of(service, "projection")]
    older = await owner.fetch(
        "select indrelid::regclass::text as name from pg_index where indrelid = any($1::text[]::regclass[])"
        " group by indrelid having max(indexrelid) <> max(indexrelid) filter (where indisprimary)",
        ours,
    )
    assert [row["name"] for row in older] == []


def _confirmed(clinic_id: UUID, count: int) -> list[Entry[BookingConfirmed]]:
    now = datetime.now(UTC)  # noqa: TID251 - any day will do
    visits = (event for event in past(now) if isinstance(event, BookingConfirmed))
    return [
        Entry(clinic_id, 1, index, now, uuid4(), versioned_type(event), body_of(event, Context(actor(), "test")), b"")
        for index, event in enumerate(islice(visits, count))
    ]


@pytest.mark.parametrize("known", [0, 50, 200, 1000])
async def test_a_plan_made_on_the_first_rows_uses_the_key(database: Database, owner: asyncpg.Connection, known: int) -> None:
    """It stays until the first ANALYZE, and a service that catches up is through with many thousands of rows by then."""
    if known and int(await owner.fetchval("show server_version_num")) < STATISTICS_CAN_BE_TOLD:
        pytest.skip("this PostgreSQL cannot be told what it has not seen")
    clinic_id = uuid4()
    async with aside(database, clinic_id, "booking") as rows:
        await projection_of("booking").apply(rows, _confirmed(clinic_id, known))
        connection = await rows.connection()
        await connection.exec_driver_sql("set local plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(
            "prepare by_key (uuid, uuid) as update booking.bookings set state = 'ended' where clinic_id = $1 and booking_id = $2"
        )
        plan = (await connection.exec_driver_sql(f"explain execute by_key ('{uuid4()}', '{uuid4()}')")).scalars().all()
    assert any("pk_bookings" in line for line in plan), plan
