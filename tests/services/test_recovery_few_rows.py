"""Recovery's lists, and an alarm that was raised before, read what they show and no more, however long a clinic has been asking."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from events.transaction import View, transaction
from schemas.recovery import CheckInAnswer, CheckInSheet
from services.recovery.commands import answer_checkin
from services.recovery.queries import MOST, calls, check_ins_on, unanswered_check_ins
from tests.conftest import House
from tests.services.recovery_care import CLIENT, Care, open_care

YEARS = 4_000
"""How much was there before: check-ins one every six hours, and a reaction with a hold for each."""

READ = """select relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
          from pg_stat_xact_user_tables where schemaname = 'recovery'"""

CHECK_INS = """
insert into recovery.check_ins
       (clinic_id, checkin_id, treatment_id, client_id, step, due_at, missed_at, staff_task, link_seconds, state, call)
select $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'h24', at, at + interval '12 hours', n % 2 = 0, 1,
       case when n % 4 < 2 then 'answered' else 'missed' end, case when n % 8 < 4 then 'reached' end
  from (select n, now() - n * interval '6 hours' as at from generate_series(1, $2::integer) n) one
"""
REACTIONS = """
insert into recovery.reactions (clinic_id, reaction_id, treatment_id, client_id, tier, reported_at, ledger_index, event_id)
select $1, gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'review', now(), n, gen_random_uuid()
  from generate_series(1, $2::integer) n
"""
HOLDS = """
insert into recovery.safety_holds (clinic_id, hold_id, client_id, reason, tier, cause, placed_at, ledger_index, placed_event_id)
select $1, gen_random_uuid(), gen_random_uuid(), 'reaction', 'urgent', reaction_id, now(), ledger_index, gen_random_uuid()
  from recovery.reactions where clinic_id = $1
"""


@pytest.fixture
async def care(house: House, owner: asyncpg.Connection) -> Care:
    """A clinic that has been asking for years, and one client who has just been asked."""
    opened = await open_care(house)
    await opened.house.caught_up("recovery")
    for statement in (CHECK_INS, REACTIONS):
        await owner.execute(statement, opened.house.clinic_id, YEARS)
    await owner.execute(HOLDS, opened.house.clinic_id)
    for table in ("check_ins", "reactions", "safety_holds"):
        await owner.execute(f"analyze recovery.{table}")
    return opened


async def _to_call(view: View) -> int:
    return len(await calls(view))


async def _unanswered(view: View) -> int:
    return len(await unanswered_check_ins(view))


async def _on_a_day(view: View) -> int:
    return len(await check_ins_on(view, (view.now - timedelta(days=300)).date()))


async def _listed(care: Care, ask: Callable[[View], Awaitable[int]]) -> tuple[int, Mapping[str, int]]:
    """How much a list shows, and how many rows it read of each table."""
    async with care.house.look("recovery") as view:
        before = dict(tuple(row) for row in (await view.rows.execute(text(READ))).all())
        shown = await ask(view)
        after = (await view.rows.execute(text(READ))).all()
    return shown, {table: int(count) - int(before.get(table, 0)) for table, count in after}


@asynccontextmanager
async def without(owner: asyncpg.Connection, index: str) -> AsyncIterator[None]:
    """As it was before there was this index."""
    made = await owner.fetchval("select indexdef from pg_indexes where schemaname = 'recovery' and indexname = $1", index)
    await owner.execute(f"drop index recovery.{index}")
    yield
    await owner.execute(made)


@pytest.mark.parametrize(
    ("ask", "shown", "index"),
    [
        (_to_call, {MOST}, "ix_check_ins_to_call"),
        (_unanswered, {MOST}, "ix_check_ins_silent"),
        (_on_a_day, {3, 4, 5}, "ix_check_ins_clinic_id_due_at"),
    ],
    ids=["to call", "unanswered", "on a day"],
)
async def test_a_list_reads_what_it_shows(
    care: Care, owner: asyncpg.Connection, ask: Callable[[View], Awaitable[int]], shown: set[int], index: str
) -> None:
    found, read = await _listed(care, ask)
    assert found in shown
    assert read["check_ins"] <= max(found, 4 * max(shown)), read
    async with without(owner, index):
        assert (await _listed(care, ask))[1]["check_ins"] > YEARS / 5


async def _answers_again(care: Care, checkin: Any) -> Mapping[str, int]:
    """The client says once more what they said: nobody is alarmed anew."""
    request = CheckInAnswer(checkin_id=checkin, sheet=CheckInSheet(symptoms=("pus",), fever=False))
    async with transaction(care.house.database, care.house.clinic_id, "recovery", CLIENT, str(uuid4())) as tx:
        answer = await tx.once(answer_checkin, request)
        read = {table: int(count) for table, count in (await tx.rows.execute(text(READ))).all()}
    assert answer.repeated
    return read


@pytest.mark.parametrize(
    ("table", "index"), [("reactions", "ix_reactions_clinic_id_event_id"), ("safety_holds", "ix_safety_holds_clinic_id_cause")]
)
async def test_whether_an_alarm_stands_is_looked_up_by_its_keys(care: Care, owner: asyncpg.Connection, table: str, index: str) -> None:
    checkin = await care.asked()
    assert not (await care.answer(checkin, "pus")).event.refusal
    assert (await _answers_again(care, checkin))[table] < 10
    async with without(owner, index):
        assert (await _answers_again(care, checkin))[table] > YEARS / 2
