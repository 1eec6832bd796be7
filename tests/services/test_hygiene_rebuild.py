"""Hygiene's tables, thrown away and projected again from the ledger, are the same tables."""

from typing import Any
from uuid import uuid4

import asyncpg

from events.catalog.compliance import AccessRevoked
from events.database import tables_of
from schemas.hygiene import HandpieceReport, LotQuarantine, PackRejection, ReprocessingReport, TurnoverReport, TurnoverStep, Waste
from schemas.vocabulary import Role
from services.hygiene import commands
from tests.conftest import House
from tests.services.hygiene_words import BI, GTIN, Bench


async def a_busy_day(bench: Bench) -> None:
    await bench.signer()
    await bench.house.given("compliance", AccessRevoked(identity_id=await bench.signer(), role=Role.CLINICIAN))
    machine, packs = await bench.sterilizer(), [uuid4() for _ in range(6)]
    first = await bench.cycle(machine, 30, packs[:3], indicator=BI)
    await bench.read(first, 29)
    await bench.release(first)
    lot = await bench.lot(5)
    units = await bench.units(lot, 4)
    handpiece, room = uuid4(), uuid4()
    pen = HandpieceReport(serial="PEN-1", fits_gtins=(GTIN,), max_depth_um=2500, occurred_at=bench.now)
    await bench.do(commands.commission_handpiece, handpiece, pen)
    wiped = ReprocessingReport(handpiece_id=handpiece, product="quat_wipes", wet_seconds=700, occurred_at=bench.now)
    await bench.do(commands.reprocess_handpiece, uuid4(), wiped)
    tidy = TurnoverReport(room_id=room, product="quat_wipes", wet_seconds=700, steps=tuple(TurnoverStep), occurred_at=bench.now)
    await bench.do(commands.turn_over_room, uuid4(), tidy)
    await bench.treated(packs[:1], units[:1], handpiece_id=handpiece, room_id=room)
    await bench.do(commands.waste_cartridge, units[1], Waste(reason="dropped", occurred_at=bench.now))
    await bench.do(commands.reject_pack, packs[1], PackRejection(reason="torn", occurred_at=bench.now))
    positive = await bench.cycle(machine, 20, packs[3:5], indicator=BI)
    await bench.treated_on_paper(packs[3:4], units[2:3])
    await bench.read(positive, 19, grew=True)
    await bench.cycle(machine, 22, packs[5:])
    await bench.do(commands.quarantine_lot, lot, LotQuarantine(reason="manufacturer_recall", occurred_at=bench.now))
    await bench.house.react("hygiene")


async def rows_of(owner: asyncpg.Connection, house: House) -> dict[str, list[Any]]:
    found = {}
    for table in tables_of("hygiene", "projection"):
        query = f"select to_jsonb(t) as row from {table} t where clinic_id = $1 order by to_jsonb(t)::text"
        found[table] = [row["row"] for row in await owner.fetch(query, house.clinic_id)]
    return found


async def test_a_rebuild_gives_the_same_rows(house: House, owner: asyncpg.Connection) -> None:
    await a_busy_day(Bench(house, await house.now()))
    before = await rows_of(owner, house)
    assert all(before.values()), [table for table, rows in before.items() if not rows]
    for table in before:
        await owner.execute(f"delete from {table} where clinic_id = $1", house.clinic_id)
    await owner.execute(
        "delete from ledger.bookmarks where clinic_id = $1 and service = 'hygiene' and stage = 'projected'", house.clinic_id
    )
    await house.caught_up("hygiene")
    assert await rows_of(owner, house) == before
