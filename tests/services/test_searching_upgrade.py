"""An installation that was there before the record could be searched by type and code: its record is found all the same."""

from uuid import uuid4

import asyncpg
import pytest

from events.catalog.hygiene import IndicatorRead, LotReceived
from tests.conftest import House
from tests.services.compliance_story import NOON, furnished
from tests.services.migration_step import step

TABLES = {"stretches": "clinic_id, type, epoch, stretch", "codes": "clinic_id, code, subject_id, index"}


async def test_what_was_projected_before_is_found_as_if_it_came_now(
    house: House, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    things = await furnished(house)
    delivery = LotReceived(
        lot_id=things.lot,
        gtin="09506000134352",
        lot="L1",
        expires_on=NOON.date(),
        quantity=1,
        serial="S1",
        source="scan",
        occurred_at=NOON,
    )
    read = IndicatorRead(
        indicator_id=uuid4(),
        sterilizer_id=things.sterilizer,
        cycle_id=things.cycle,
        indicator_lot="BI-7",
        result="negative",
        control_grew=True,
        incubated_seconds=1,
        occurred_at=NOON,
    )
    await house.given("hygiene", *[delivery] * 140, read)
    await house.caught_up("compliance")
    live = {table: await owner.fetch(f"select * from compliance.{table} order by {names}") for table, names in TABLES.items()}
    assert {row["code"] for row in live["codes"]} == {"ST-1", "L1", "HP-1", "S1", "BI-7"}
    assert max(row["stretch"] for row in live["stretches"]) > 0
    for table in TABLES:
        await owner.execute(f"drop table compliance.{table}")
    given: list[str] = []
    upgrade = step("2026_11_23_searching")
    monkeypatch.setattr(upgrade.op, "execute", given.append)
    upgrade.upgrade()
    async with owner.transaction():
        for statement in given:
            await owner.execute(statement)
    for table, names in TABLES.items():
        assert await owner.fetch(f"select * from compliance.{table} order by {names}") == live[table]
