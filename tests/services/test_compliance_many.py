"""Traces of what was used for years: as many packs and units as there are, in as many statements as for one."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import event

from schemas.compliance import TouchedQuestion
from services.compliance.queries import newest_touched, reach_of, touched_by, touched_page
from services.compliance.queries.record import entries_at
from services.compliance.queries.touched import MOST_LOADS
from tests.conftest import House
from tests.services.compliance_story import NOON, behind, cycle_recorded, furnished, touched, treat

LOADS, PACKS = 400, 100
MANY = LOADS * PACKS
"""More than PostgreSQL's protocol has places for in one statement."""

FILL_LOADS = """
    with run as (insert into compliance.loads (clinic_id, cycle_id, sterilizer_id, started_at, index)
                  select $1, gen_random_uuid(), $2, $3::timestamptz - make_interval(days => number), number
                  from generate_series(1, $4::int) as number returning cycle_id)
    insert into compliance.packs (clinic_id, pack_id, cycle_id)
    select $1, gen_random_uuid(), cycle_id from run cross join generate_series(1, $5::int)
    """
FILL_UNITS = """
    insert into compliance.units (clinic_id, unit_id, lot_id, wasted)
    select $1, gen_random_uuid(), $2, number % 2 = 0 from generate_series(1, $3::int) as number
    """
TREAT_WITH_ALL = """
    with packed as (select p.pack_id, gen_random_uuid() as treatment_id from compliance.packs p
                    join compliance.loads l using (clinic_id, cycle_id) where clinic_id = $1 and l.sterilizer_id = $2),
         used as (insert into compliance.uses (clinic_id, subject_id, kind, treatment_id)
                  select $1, pack_id, 'pack', treatment_id from packed)
    insert into compliance.treatments (clinic_id, treatment_id, client_id, practitioner_id, started_at, recorded_late, epoch, index)
    select $1, treatment_id, gen_random_uuid(), gen_random_uuid(), $3, false, 1, 2 from packed
    """


@contextmanager
def statements(house: House) -> Iterator[list[str]]:
    """What goes to the database through SQLAlchemy."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(house.database.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(house.database.engine.sync_engine, "before_cursor_execute", note)


async def asked(house: House, question: TouchedQuestion) -> tuple[Any, int]:
    """The answer, and in how many statements."""
    async with house.look("compliance") as view:
        with statements(house) as seen:
            answer = await touched_by(view, question)
    return answer, len(seen)


@pytest.mark.long  # `.ci/run` asks it each time: forty thousand packs take a quarter of a minute to lay out
async def test_a_sterilizer_of_years_is_traced_in_as_many_statements_as_a_new_one(house: House, owner: asyncpg.Connection) -> None:
    old, new = uuid4(), uuid4()
    await owner.execute(FILL_LOADS, house.clinic_id, old, NOON, LOADS, PACKS)
    await owner.execute(FILL_LOADS, house.clinic_id, new, NOON, 1, 1)
    await owner.execute(TREAT_WITH_ALL, house.clinic_id, old, NOON)
    await owner.execute("analyze compliance.packs, compliance.uses, compliance.loads, compliance.treatments")
    answer, many = await asked(house, TouchedQuestion(kind="sterilizer", subject_id=old))
    assert (len(answer.loads), sum(load.used for load in answer.loads), answer.complete) == (LOADS, MANY, True)
    assert (len(answer.treatments), len(answer.clients)) == (MANY, MANY)
    few_answer, few = await asked(house, TouchedQuestion(kind="sterilizer", subject_id=new))
    assert [(load.labeled, load.in_stock) for load in few_answer.loads] == [(1, 1)]
    assert many == few
    assert few < 12
    await a_page_of_it_costs_what_a_page_costs(house, old)


async def a_page_of_it_costs_what_a_page_costs(house: House, old: UUID) -> None:
    question = TouchedQuestion(kind="sterilizer", subject_id=old)
    async with house.look("compliance") as view:
        with statements(house) as seen:
            page = await touched_page(view, question, 100)
        assert len(seen) < 12
        assert (page.count, page.clients, len(page.treatments), page.complete) == (MANY, MANY, 100, True)
        assert (page.load_count, len(page.loads)) == (LOADS, MOST_LOADS)
        shown = {treatment.treatment_id for treatment in page.treatments}
        assert shown & {treatment for load in page.loads for pack in load.packs for treatment in pack.treatment_ids}
        following, more = await newest_touched(view, await reach_of(view, question), 100, page.before)
        assert (len(following), more) == (100, True)
        assert shown.isdisjoint({treatment.treatment_id for treatment in following})


async def test_a_lot_of_any_size_is_accounted_for(house: House, owner: asyncpg.Connection) -> None:
    things = await furnished(house)
    did = await treat(house, things, things.packs[0])
    await house.caught_up("compliance")
    await owner.execute(FILL_UNITS, house.clinic_id, things.lot, MANY)
    await owner.execute("update compliance.lots set received = $1", MANY + 1)
    answer, _ = await asked(house, TouchedQuestion(kind="lot", subject_id=things.lot))
    (lot,) = answer.lots
    assert (lot.used, lot.wasted, lot.in_stock, lot.complete) == (1, MANY // 2, MANY // 2, True)
    assert [treatment.treatment_id for treatment in answer.treatments] == [did.treatment]


@pytest.mark.parametrize("by_name", [True, False])
async def test_a_window_leaves_out_the_loads_that_have_nothing_to_do_with_it(house: House, by_name: bool) -> None:
    """An older load whose pack was used in the window has to do with it, whether the treatment names the load or the pack."""
    things, sterilizer, cycle, pack = await furnished(house), uuid4(), uuid4(), uuid4()
    run = await house.now() - timedelta(days=30)
    await house.given("hygiene", cycle_recorded(cycle, sterilizer, (pack,), at=run))
    did = await treat(house, things, uuid4() if by_name else pack, cycles=(cycle,) if by_name else ())
    started = (await touched(house, TouchedQuestion(kind="room", subject_id=things.room))).treatments[0].started_at

    async def within(begins_at: datetime, until: datetime | None = None) -> tuple[list[UUID], list[UUID]]:
        question = TouchedQuestion(kind="sterilizer", subject_id=sterilizer, begins_at=begins_at, until=until)
        answer = await touched(house, question)
        return [treatment.treatment_id for treatment in answer.treatments], [load.cycle_id for load in answer.loads]

    moment = timedelta(microseconds=1)
    assert await within(started) == ([did.treatment], [cycle])
    assert await within(run + moment, started + moment) == ([did.treatment], [cycle])
    assert await within(run + moment, started) == ([], [])
    assert await within(started + moment) == ([], [])
    assert await within(run, run + moment) == ([], [cycle]), "it was run in the window"


async def test_entries_are_looked_up_however_many_they_are(house: House) -> None:
    things = await furnished(house)
    did = await treat(house, things, things.packs[0])
    assert await behind(house, did.treatment) is not None
    async with house.look("compliance") as view:
        found = await entries_at(view.rows, house.clinic_id, range(MANY))
    assert sorted(found) == list(range(len(await house.entries())))
