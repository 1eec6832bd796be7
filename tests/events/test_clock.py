"""Jobs: due subjects, two replicas, failures that stay alone."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.catalog.compliance import RecordViewed
from events.clock import Job, due_now, run_job
from events.transaction import Transaction
from tests.conftest import House, open_house

DUE = """
create or replace function recovery.due_of_test(at timestamptz, most integer)
returns table (clinic_id uuid, subject uuid, due_at timestamptz) language sql stable security definer
set search_path = public, pg_temp as $$
  select d.clinic_id, d.subject, d.due_at from public.due d where d.due_at <= at order by 3 limit most
$$;
"""


@pytest.fixture
async def make_due(owner: asyncpg.Connection) -> Callable[..., Awaitable[UUID]]:
    """`await make_due(house, minutes=…)`: a subject that is due so many minutes from now."""
    await owner.execute("create table public.due (clinic_id uuid, subject uuid, due_at timestamptz)")
    await owner.execute(DUE + "grant execute on function recovery.due_of_test to public")

    async def add(house: House, minutes: int = -1) -> UUID:
        subject = uuid4()
        values = (house.clinic_id, subject, minutes)
        await owner.execute("insert into public.due values ($1, $2, now() + make_interval(mins => $3))", *values)
        return subject

    return add


def job(act: Callable[[Transaction, UUID], Awaitable[None]]) -> Job:
    return Job("recovery", "look", 1, "recovery.due_of_test", act)


async def look(tx: Transaction, subject: UUID) -> None:
    await tx.record(RecordViewed(question="due", subject_id=subject, answers=1))


async def test_what_is_due_is_worked_and_what_is_not_waits(house: House, make_due: Callable[..., Awaitable[UUID]]) -> None:
    due = await make_due(house)
    await make_due(house, minutes=5)
    assert [found.subject for found in await due_now(house.database, job(look))] == [due]
    assert await run_job(house.database, job(look)) == 1
    assert [said.subject_id for said in await house.said(RecordViewed)] == [due]


async def test_two_replicas_do_nothing_twice(house: House, make_due: Callable[..., Awaitable[UUID]]) -> None:
    subjects = {await make_due(house) for _ in range(5)}
    await asyncio.gather(*(run_job(house.database, job(look)) for _ in range(3)))
    await run_job(house.database, job(look))
    said = [found.subject_id for found in await house.said(RecordViewed)]
    assert len(said) == 5
    assert set(said) == subjects


async def test_one_failure_stops_neither_its_clinic_nor_another(house: House, make_due: Callable[..., Awaitable[UUID]]) -> None:
    other = await open_house(house.database)
    poison = await make_due(house, minutes=-9)
    await make_due(house)
    await make_due(other)

    async def stumble(tx: Transaction, subject: UUID) -> None:
        await look(tx, subject)
        if subject == poison:
            message = "poison"
            raise ValueError(message)

    assert await run_job(house.database, job(stumble)) == 2
    assert len(await house.said(RecordViewed)) == 1
    assert len(await other.said(RecordViewed)) == 1
    assert await run_job(house.database, job(look)) == 3
    assert len(await house.said(RecordViewed)) == 2
