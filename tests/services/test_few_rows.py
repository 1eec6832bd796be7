"""A decision finds its rows by key, however many the clinic has: under row security PostgreSQL looks up no COALESCE in an index."""

from uuid import uuid4

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events.catalog.treatment import TreatmentRefused
from events.transaction import transaction
from schemas.vocabulary import Role
from services.treatment.commands import start_treatment
from tests.conftest import House, actor
from tests.services.treatment_room import a_room

OTHERS = 5_000
READ = """select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) as read
          from pg_stat_xact_user_tables where schemaname = 'treatment'"""


async def read_so_far(rows: AsyncSession) -> dict[str, int]:
    """Rows that this transaction has read, table by table."""
    return {str(table): int(read) for table, read in (await rows.execute(text(READ))).all() if read}


async def test_the_gate_reads_no_more_of_a_clinic_with_many_clients(house: House, owner: asyncpg.Connection) -> None:
    room = await (await a_room(house)).ready()
    await house.caught_up("treatment")
    others = [(house.clinic_id, other, other) for other in (uuid4() for _ in range(OTHERS))]
    await owner.executemany("insert into treatment.clients (clinic_id, client_id, person_id) values ($1, $2, $3)", others)
    await owner.execute("analyze treatment.clients")
    request = room.request().model_copy(update={"packs": ()})
    async with transaction(house.database, house.clinic_id, "treatment", actor(Role.PRACTITIONER), str(uuid4())) as tx:
        answer = await tx.once(start_treatment, request)
        read = await read_so_far(tx.rows)
    assert isinstance(answer.event, TreatmentRefused)
    assert read["clients"] < 20, read
    assert max(read.values()) < 100, read
