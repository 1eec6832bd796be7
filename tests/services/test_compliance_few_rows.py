"""A search reads no more of a long record than of a short one, and finds what a look at every entry would find."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import text

from events.catalog.booking import RequestRefused
from events.catalog.hygiene import LotReceived
from events.envelope import Entry
from schemas.compliance import RecordFilter
from services.compliance.models import STRETCH
from services.compliance.queries import found_entries, meant_by
from tests.benchmarks.ground import grow
from tests.benchmarks.history import past
from tests.conftest import House
from tests.services.compliance_story import NOON

READ = """select schemaname || '.' || relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
          from pg_stat_xact_user_tables where schemaname in ('ledger', 'compliance')"""
LONG = 60 * STRETCH
LIMIT = 50


@asynccontextmanager
async def counted(house: House) -> AsyncIterator[tuple[Any, dict[str, int]]]:
    """A look, and how many rows it reads of each table."""
    read: dict[str, int] = {}
    async with house.look("compliance") as view:
        before = dict(tuple(row) for row in (await view.rows.execute(text(READ))).all())
        yield view, read
        for table, count in (await view.rows.execute(text(READ))).all():
            read[table] = int(count) - int(before.get(table, 0))


def received(code: str) -> LotReceived:
    return LotReceived(
        lot_id=uuid4(), gtin="09506000134352", lot=code, expires_on=date(2030, 1, 1), quantity=5, source="scan", occurred_at=NOON
    )


async def test_a_type_and_a_printed_code_are_found_by_key(house: House, owner: asyncpg.Connection) -> None:
    first = received("OLDEST")
    await house.given("hygiene", first)
    await grow(owner, house.clinic_id, past(await house.now()), LONG)
    await house.caught_up("compliance")
    for wanted, expected, most in (
        (RecordFilter(types=("lot.received",)), 1, 2 * STRETCH),
        (RecordFilter(types=("lot.received",), before=LONG), 1, 2 * STRETCH),
        (RecordFilter(refused=True), 0, STRETCH),
        (RecordFilter(types=("room.turned_over", "lot.received"), without=("record.viewed",)), LIMIT, 10 * STRETCH),
    ):
        async with counted(house) as (view, read):
            found = await found_entries(view, wanted, LIMIT)
        assert len(found.entries) == expected, wanted
        assert read["ledger.entries"] < most, (wanted, read)
        assert read.get("compliance.mentions", 0) == 0, read
    async with counted(house) as (view, read):
        assert (await meant_by(view, "OLDEST")).ids == (first.lot_id,)
    assert read.get("ledger.entries", 0) == 0, read
    assert read["compliance.codes"] < 10, read


async def test_what_is_found_stretch_by_stretch_is_what_stands_in_the_record(house: House, owner: asyncpg.Connection) -> None:
    await house.given("booking", RequestRefused(command="arrive", subject_id=uuid4(), findings=()))
    await grow(owner, house.clinic_id, past(await house.now()), 5 * STRETCH)
    await house.given("booking", RequestRefused(command="arrive", subject_id=uuid4(), findings=()))
    await house.given("hygiene", *(received(f"L{number}") for number in range(3)))
    await house.caught_up("compliance")
    entries = await house.entries()

    def stands(entry: Entry[Any], wanted: RecordFilter) -> bool:
        return (
            (not wanted.types or entry.event.type in wanted.types)
            and entry.event.type not in wanted.without
            and (not wanted.refused or entry.event.refusal)
            and (wanted.before is None or entry.index < wanted.before)
            and (wanted.begins_at is None or entry.recorded_at >= wanted.begins_at)
            and (wanted.until is None or entry.recorded_at < wanted.until)
        )

    edges = (None, 0, STRETCH, STRETCH + 1, len(entries) - 2)
    types = ((), ("room.turned_over",), ("lot.received", "client.arrived"), ("clinic.opened",))
    times: tuple[dict[str, Any], ...] = (
        {},
        {"begins_at": entries[-1].recorded_at},
        {"until": entries[-1].recorded_at},
        {"begins_at": NOON + timedelta(days=9999)},
    )
    async with house.look("compliance") as view:
        for before in edges:
            for kinds in types:
                for more in (*times, {"refused": True}, {"without": ("room.turned_over",)}):
                    wanted = RecordFilter.model_validate({"types": kinds, "before": before, **more})
                    right = [entry.index for entry in reversed(entries) if stands(entry, wanted)]
                    for limit in (7, 200):
                        found = await found_entries(view, wanted, limit)
                        assert [entry.index for entry in found.entries] == right[:limit], wanted
                        assert found.before == (right[limit - 1] if len(right) > limit else None), wanted


async def test_a_lot_that_comes_in_twice_is_one(house: House) -> None:
    again = received("TWICE")
    await house.given("hygiene", again, again)
    await house.caught_up("compliance")
    async with house.look("compliance") as view:
        assert (await meant_by(view, "TWICE")).ids == (again.lot_id,)
