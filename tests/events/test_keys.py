"""A row is found by its key, also in a table of which PostgreSQL knows nothing yet."""

from uuid import uuid4

import asyncpg

from events.database import SERVICES, Database, tables_of
from events.transaction import aside


async def test_the_key_is_the_newest_index_of_its_table(database: Database, owner: asyncpg.Connection) -> None:
    """Of indexes that look equally good the newest is taken. A migration that adds an index to a table makes its key anew."""
    ours = [name for service in SERVICES for name in tables_of(service, "projection")]
    older = await owner.fetch(
        "select indrelid::regclass::text as name from pg_index where indrelid = any($1::text[]::regclass[])"
        " group by indrelid having max(indexrelid) <> max(indexrelid) filter (where indisprimary)",
        ours,
    )
    assert [row["name"] for row in older] == []


async def test_a_plan_made_on_an_empty_table_uses_the_key(database: Database, owner: asyncpg.Connection) -> None:
    async with aside(database, uuid4(), "booking") as rows:
        connection = await rows.connection()
        await connection.exec_driver_sql("set local plan_cache_mode = force_generic_plan")
        await connection.exec_driver_sql(
            "prepare by_key (uuid, uuid) as update booking.bookings set state = 'ended' where clinic_id = $1 and booking_id = $2"
        )
        plan = (await connection.exec_driver_sql(f"explain execute by_key ('{uuid4()}', '{uuid4()}')")).scalars().all()
    assert any("pk_bookings" in line for line in plan), plan
