"""Recalls on the real PostgreSQL: state and facts, in one commit (domain.md 2.4, edge cases 43, 45, 47, 50)."""

from datetime import timedelta
from uuid import uuid4

import pytest

from events.catalog.hygiene import ExposureFound, IndicatorRead, PackQuarantined, RecallDecided, RecallOpened, SterilizerRemoved
from events.clock import jobs_of, run_job
from events.database import Database
from schemas.policy import policy_from_toml
from services.hygiene.queries import cycle_sheet, hygiene_day, recalls
from tests.conftest import House, open_house
from tests.services.hygiene_words import BI, Bench, unmet


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, await house.now())


async def test_a_positive_indicator_recalls_its_window_in_one_commit(bench: Bench) -> None:
    machine = await bench.sterilizer()
    before, used, unused, after = (uuid4() for _ in range(4))
    good = await bench.cycle(machine, 40, [before], indicator=BI)
    await bench.read(good, 39)
    doubtful = await bench.cycle(machine, 30, [used, unused])
    positive = await bench.cycle(machine, 20, [after], indicator=BI)
    await bench.release(doubtful)
    started = await bench.treated([used])
    size = len(await bench.house.entries())
    answer = await bench.read(positive, 19, grew=True)

    assert answer.event.result == "positive"
    new = (await bench.house.entries())[size:]
    assert [type(entry.event) for entry in new] == [IndicatorRead, SterilizerRemoved, RecallOpened, PackQuarantined]
    assert {entry.causation for entry in new} == {new[0].causation}
    [recall] = await bench.house.said(RecallOpened)
    [held] = await bench.house.said(PackQuarantined)
    assert recall.cycle_ids == (doubtful, positive)
    assert [(found.client_id, found.treatment_id, found.item_id) for found in recall.exposures] == [
        (started.client_id, started.treatment_id, used)
    ]
    assert set(held.pack_ids) == {unused, after}
    async with bench.house.look("hygiene") as view:
        [sheet] = await recalls(view)
        day = await hygiene_day(view)
        assert (await cycle_sheet(view, good)).recall_ids == ()  # type: ignore[union-attr]
    assert sheet.client_ids == (started.client_id,)
    assert not sheet.exposures[0].found_late
    assert sheet.cycle_ids == (doubtful, positive)
    assert not day.sterilizers[0].in_service
    assert day.usable_packs == ()
    assert [cycle.cycle_id for cycle in day.awaiting_release] == [good]


async def test_without_any_negative_indicator_everything_since_commissioning_is_in_doubt(bench: Bench) -> None:
    machine = await bench.sterilizer(days_ago=100)
    first = await bench.cycle(machine, 24 * 90)
    positive = await bench.cycle(machine, 20, indicator=BI)
    await bench.read(positive, 19, grew=True)
    [recall] = await bench.house.said(RecallOpened)
    assert recall.window_from is None
    assert recall.cycle_ids == (first, positive)


async def test_a_negative_indicator_after_the_positive_one_ends_the_window(bench: Bench) -> None:
    machine = await bench.sterilizer()
    positive = await bench.cycle(machine, 30, indicator=BI)
    good = await bench.cycle(machine, 20, indicator=BI)
    later = await bench.cycle(machine, 10)
    await bench.read(good, 18)
    await bench.read(positive, 17, grew=True)
    [recall] = await bench.house.said(RecallOpened)
    assert recall.cycle_ids == (positive,)
    assert later not in recall.cycle_ids


async def test_other_sterilizers_are_not_recalled_but_other_commissionings_of_the_machine_are(bench: Bench) -> None:
    old, new, other = await bench.sterilizer("MX-1"), await bench.sterilizer("MX-1"), await bench.sterilizer("MX-2")
    first, mine = await bench.cycle(old, 30), await bench.cycle(new, 20, indicator=BI)
    await bench.cycle(other, 25)
    await bench.read(mine, 19, grew=True)
    [recall] = await bench.house.said(RecallOpened)
    assert recall.cycle_ids == (first, mine)


async def test_a_second_vial_of_the_same_cycle_opens_no_second_recall(bench: Bench) -> None:
    machine = await bench.sterilizer()
    positive = await bench.cycle(machine, 20, indicator=BI)
    await bench.read(positive, 19, grew=True)
    await bench.read(positive, 18, grew=True)
    assert len(await bench.house.said(RecallOpened)) == 1


async def test_a_load_recorded_late_falls_into_the_open_recall_by_its_cycle_time(bench: Bench) -> None:
    machine = await bench.sterilizer()
    positive = await bench.cycle(machine, 20, indicator=BI)
    await bench.read(positive, 19, grew=True)
    used, unused = uuid4(), uuid4()
    on_paper = await bench.treated_on_paper([used])
    late = await bench.cycle(machine, 25, [used, unused])
    [found] = await bench.house.said(ExposureFound)
    [held] = await bench.house.said(PackQuarantined)
    assert found.cycle_ids == (late,)
    assert [exposure.client_id for exposure in found.exposures] == [on_paper.client_id]
    assert held.pack_ids == (unused,)
    assert "load_may_not_be_recalled" in unmet(await bench.release(late))
    async with bench.house.look("hygiene") as view:
        [sheet] = await recalls(view)
    assert [exposure.found_late for exposure in sheet.exposures] == [True]


async def test_a_treatment_recorded_late_with_a_recalled_pack_is_an_exposure(bench: Bench) -> None:
    machine, pack = await bench.sterilizer(), uuid4()
    positive = await bench.cycle(machine, 20, [pack], indicator=BI)
    await bench.read(positive, 19, grew=True)
    late = await bench.treated_on_paper([pack])
    await bench.house.react("hygiene")
    await bench.house.react("hygiene")
    [found] = await bench.house.said(ExposureFound)
    assert [(e.client_id, e.item_id) for e in found.exposures] == [(late.client_id, pack)]


async def test_many_exposures_are_all_listed_in_entries_that_fit(bench: Bench) -> None:
    machine = await bench.sterilizer()
    packs = [[uuid4() for _ in range(100)] for _ in range(3)]
    for n, load in enumerate(packs):
        await bench.cycle(machine, 30 - n, load)
    clients = {(await bench.treated(load[:60])).client_id for load in packs for _ in range(1)}
    positive = await bench.cycle(machine, 20, indicator=BI)
    await bench.read(positive, 19, grew=True)
    async with bench.house.look("hygiene") as view:
        [sheet] = await recalls(view)
    assert len(sheet.pack_ids) == 300
    assert len(sheet.exposures) == 180
    assert not any(exposure.found_late for exposure in sheet.exposures)
    assert set(sheet.client_ids) == clients
    assert sum(len(held.pack_ids) for held in await bench.house.said(PackQuarantined)) == 120


async def test_in_the_cdc_mode_a_recall_waits_for_repeated_indicators_and_two_persons(database: Database) -> None:
    house = await open_house(database, policy_from_toml('[recall]\nmode = "cdc_steam"\n'))
    bench = Bench(house, await house.now())
    machine = await bench.sterilizer()
    positive = await bench.cycle(machine, 20, indicator=BI)
    await bench.read(positive, 19, grew=True)
    [recall] = await house.said(RecallOpened)
    assert recall.decision == "pending"
    assert recall.decide_by is not None
    second = await bench.signer()
    assert unmet(await bench.decide(recall.recall_id, second, "released")) == {"repeats_must_be_negative"}
    for hours in (8, 6, 4):
        await bench.read(await bench.cycle(machine, hours, indicator=BI, purpose="qualification"), hours - 1)
    await bench.decide(recall.recall_id, second, "released")
    [decided] = await house.said(RecallDecided)
    assert decided.decision == "released"
    assert len(decided.evidence) == 3
    again = await bench.decide(recall.recall_id, second, "released")
    assert unmet(again) == {"recall_must_be_pending"}


async def test_a_released_recall_takes_in_nothing_new(database: Database) -> None:
    house = await open_house(database, policy_from_toml('[recall]\nmode = "cdc_steam"\nrepeat_cycles = 0\n'))
    bench = Bench(house, await house.now())
    machine = await bench.sterilizer()
    await bench.read(await bench.cycle(machine, 20, indicator=BI), 19, grew=True)
    [recall] = await house.said(RecallOpened)
    await bench.decide(recall.recall_id, await bench.signer(), "released")
    await bench.cycle(machine, 25, [uuid4()])
    assert await house.said(ExposureFound) == []


async def test_the_window_reaches_until_now_where_nothing_ended_it(bench: Bench) -> None:
    machine = await bench.sterilizer()
    positive = await bench.cycle(machine, 20, indicator=BI)
    later = await bench.cycle(machine, 1)
    await bench.read(positive, 19, grew=True)
    [recall] = await bench.house.said(RecallOpened)
    assert recall.cycle_ids == (positive, later)
    assert recall.window_until is not None
    assert recall.window_until >= bench.now - timedelta(seconds=1)


async def test_a_recall_that_nobody_decided_in_time_is_confirmed(database: Database) -> None:
    house = await open_house(database, policy_from_toml('[recall]\nmode = "cdc_steam"\ndecision_hours = 0\n'))
    bench = Bench(house, await house.now())
    machine = await bench.sterilizer()
    await bench.read(await bench.cycle(machine, 20, indicator=BI), 19, grew=True)
    [job] = jobs_of("hygiene")
    assert await run_job(database, job) == 1
    assert await run_job(database, job) == 0
    [decided] = await house.said(RecallDecided)
    assert (decided.decision, decided.second_signer_id) == ("confirmed", None)
    async with house.look("hygiene") as view:
        [sheet] = await recalls(view)
    assert sheet.decision == "confirmed"
