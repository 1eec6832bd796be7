"""Attacks on recalls by size and by order: nothing is cut off at an entry's 32 KiB, nothing is listed twice."""

from datetime import timedelta
from uuid import uuid4

import pytest

from events.catalog.booking import BookingFlagged
from events.catalog.hygiene import ExposureFound, PackQuarantined, RecallOpened
from events.envelope import MAX_BODY_BYTES
from services.hygiene.queries import recalls
from tests.conftest import House
from tests.services.hygiene_words import BI, Bench


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, await house.now())


async def test_a_recall_of_a_thousand_packs_and_five_hundred_exposures_is_whole(bench: Bench) -> None:
    machine = await bench.sterilizer(days_ago=20)
    packs = [uuid4() for _ in range(1080)]
    cycles = [await bench.cycle(machine, 400 - n, packs[n * 120 : (n + 1) * 120]) for n in range(9)]
    positive = await bench.cycle(machine, 300, indicator=BI)
    treated = [await bench.treated(packs[n * 12 : (n + 1) * 12]) for n in range(42)]
    await bench.read(positive, 299, grew=True)
    [opened] = await bench.house.said(RecallOpened)
    further = await bench.house.said(ExposureFound)
    listed = [(found.treatment_id, found.item_id) for part in (opened, *further) for found in part.exposures]
    assert len(listed) == len(set(listed)) == 504
    assert {treatment_id for treatment_id, _ in listed} == {started.treatment_id for started in treated}
    assert {cycle for part in (opened, *further) for cycle in part.cycle_ids} == {*cycles, positive}
    held = [pack for part in await bench.house.said(PackQuarantined) for pack in part.pack_ids]
    assert len(held) == len(set(held)) == 1080 - 504
    assert max(len(entry.body) for entry in await bench.house.entries()) <= MAX_BODY_BYTES
    size = len(await bench.house.entries())
    for service in ("hygiene", "treatment", "recovery", "booking"):
        await bench.house.react(service)
    assert not [entry for entry in (await bench.house.entries())[size:] if isinstance(entry.event, ExposureFound | BookingFlagged)]
    async with bench.house.look("hygiene") as view:
        [sheet] = await recalls(view)
    assert len(sheet.client_ids) == 42
    assert not any(exposure.found_late for exposure in sheet.exposures)


async def test_an_indicator_read_positive_after_a_conditional_release_finds_who_was_treated_meanwhile(bench: Bench) -> None:
    machine, used, unused = await bench.sterilizer(), uuid4(), uuid4()
    cycle = await bench.cycle(machine, 5, [used, unused], indicator=BI)
    assert (await bench.release(cycle)).event.basis == "bi_pending"
    started = await bench.treated([used])
    late = await bench.treated_on_paper([used], started_at=bench.now - timedelta(hours=1), ended_at=bench.now)
    await bench.read(cycle, 4, grew=True)
    [opened] = await bench.house.said(RecallOpened)
    assert {exposure.client_id for exposure in opened.exposures} == {started.client_id, late.client_id}
    [held] = await bench.house.said(PackQuarantined)
    assert held.pack_ids == (unused,)
    await bench.house.react("hygiene")
    assert not await bench.house.said(ExposureFound)
