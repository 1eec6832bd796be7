"""Sterilizers, cycles, releases and readings on the real PostgreSQL: state and facts."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from events.catalog.hygiene import (
    CycleRecorded,
    HygieneRefused,
    IndicatorRead,
    LoadReleased,
    PackQuarantined,
    SterilizerCommissioned,
    SterilizerReturned,
)
from events.transaction import IdReusedError
from schemas.hygiene import IndicatorReport, PackRejection, Removal, Return, Said, SterilizerReport
from services.hygiene import commands
from services.hygiene.queries import cycle_sheet, hygiene_day
from tests.conftest import House, actor
from tests.services.hygiene_words import BI, Bench, plateau, unmet


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, await house.now())


async def test_a_load_goes_from_the_chamber_to_the_shelf(bench: Bench) -> None:
    machine, packs = await bench.sterilizer(), [uuid4(), uuid4()]
    cycle = await bench.cycle(machine, 2, packs)
    async with bench.house.look("hygiene") as view:
        day = await hygiene_day(view)
    assert [load.cycle_id for load in day.awaiting_release] == [cycle]
    assert day.usable_packs == ()
    answer = await bench.release(cycle)
    assert isinstance(answer.event, LoadReleased)
    assert answer.event.basis == "parametric"
    async with bench.house.look("hygiene") as view:
        day = await hygiene_day(view)
    assert day.awaiting_release == ()
    assert {pack.pack_id for pack in day.usable_packs} == set(packs)
    await bench.treated([packs[0]])
    await bench.house.caught_up("hygiene")
    async with bench.house.look("hygiene") as view:
        assert [pack.pack_id for pack in (await hygiene_day(view)).usable_packs] == [packs[1]]


async def test_a_failed_cycle_is_recorded_and_not_released(bench: Bench) -> None:
    machine = await bench.sterilizer()
    dipped = plateau(*[134_500] * 10, 133_400, *[134_500] * 10)
    cycle_id = uuid4()
    answer = await bench.do(commands.record_cycle, cycle_id, bench.report(machine, 2, [uuid4()], samples=dipped))
    assert isinstance(answer.event, CycleRecorded)
    assert answer.event.mechanical == "failed"
    assert unmet(answer) == {"plateau_must_stay_in_band"}
    refused = await bench.release(cycle_id)
    assert isinstance(refused.event, HygieneRefused)
    assert unmet(refused) == {"cycle_must_have_passed"}
    async with bench.house.look("hygiene") as view:
        assert (await hygiene_day(view)).awaiting_release == ()


async def test_the_readings_stand_beside_the_ledger_bound_by_their_digest(bench: Bench, owner: asyncpg.Connection) -> None:
    machine = await bench.sterilizer()
    cycle = await bench.cycle(machine, 2)
    [said] = await bench.house.said(CycleRecorded)
    row = await owner.fetchrow("select salt, report from hygiene.cycle_samples where cycle_id = $1", cycle)
    assert row is not None
    assert hashlib.sha256(b"\x10" + row["salt"] + row["report"]).hexdigest() == said.samples_digest
    assert b'"temperature_mc":134500' in row["report"]


async def test_the_same_cycle_from_another_tablet_and_person_is_recorded_once(bench: Bench) -> None:
    machine, cycle_id = await bench.sterilizer(), uuid4()
    report = bench.report(machine, 2, [uuid4()])
    first = await bench.do(commands.record_cycle, cycle_id, report, by=actor())
    second = await bench.do(commands.record_cycle, cycle_id, report.model_copy(update={"device": "tablet-9"}), by=actor())
    assert second.repeated
    assert second.entry.event_id == first.entry.event_id
    assert len(await bench.house.said(CycleRecorded)) == 1
    other = report.model_copy(update={"internal_indicator": "unchanged"})
    assert "id_must_be_new" in unmet(await bench.do(commands.record_cycle, cycle_id, other, by=actor()))


async def test_the_same_command_with_other_content_is_refused(bench: Bench) -> None:
    machine, cycle_id, me = await bench.sterilizer(), uuid4(), actor()
    report = bench.report(machine, 2)
    await bench.do(commands.record_cycle, cycle_id, report, by=me, command_id="c-1")
    assert (await bench.do(commands.record_cycle, cycle_id, report, by=me, command_id="c-1")).repeated
    with pytest.raises(IdReusedError):
        await bench.do(commands.record_cycle, cycle_id, bench.report(machine, 1), by=me, command_id="c-1")


async def test_numbers_packs_sterilizers_and_times_that_cannot_be_are_refused_together(bench: Bench) -> None:
    machine, pack = await bench.sterilizer(), uuid4()
    await bench.cycle(machine, 3, [pack])
    bench.numbers = 0
    ahead = bench.now + timedelta(hours=1)
    wrong = bench.report(machine, -1, [pack], occurred_at=ahead)
    answer = await bench.do(commands.record_cycle, uuid4(), wrong)
    assert unmet(answer) == {"cycle_number_must_be_new", "pack_ids_must_be_new", "occurred_at_may_not_lie_ahead"}
    unknown = await bench.do(commands.record_cycle, uuid4(), bench.report(uuid4(), 1))
    assert unmet(unknown) == {"subject_must_be_known"}


async def test_a_sterilizer_whose_clock_runs_ahead_is_set_right(bench: Bench) -> None:
    machine, cycle_id = await bench.sterilizer(), uuid4()
    report = bench.report(machine, -0.5, clock_ahead_seconds=3600, occurred_at=bench.now)
    answer = await bench.do(commands.record_cycle, cycle_id, report)
    assert answer.event.started_at == report.started_at - timedelta(hours=1)
    assert "sterilizer_clock_should_be_right" in {f.rule for f in answer.event.findings if f.verdict == "warning"}


async def test_a_new_commissioning_of_the_machine_counts_from_one_again(bench: Bench) -> None:
    first, second = await bench.sterilizer("MX-1"), await bench.sterilizer("MX-1")
    await bench.cycle(first, 5)
    bench.numbers = 0
    answer = await bench.do(commands.record_cycle, uuid4(), bench.report(second, 4))
    assert isinstance(answer.event, CycleRecorded)


async def test_a_conditional_release_is_followed_by_its_result(bench: Bench) -> None:
    machine, pack = await bench.sterilizer(), uuid4()
    cycle = await bench.cycle(machine, 3, [pack], indicator=BI)
    assert (await bench.release(cycle)).event.basis == "bi_pending"
    await bench.treated([pack])
    await bench.read(cycle, 2)
    async with bench.house.look("hygiene") as view:
        sheet = await cycle_sheet(view, cycle)
        day = await hygiene_day(view)
    assert sheet is not None
    assert (sheet.released, sheet.indicator) == ("bi_pending", "negative")
    assert [result for on in day.sterilizers[0].calendar for result in on.results] == ["negative"]
    again = await bench.release(cycle)
    assert again.repeated
    assert len(await bench.house.said(LoadReleased)) == 1


async def test_releases_stop_when_the_indicator_is_overdue_and_go_on_after_one_ran(bench: Bench) -> None:
    machine = await bench.sterilizer(days_ago=9)
    without = await bench.cycle(machine, 3)
    assert unmet(await bench.release(without)) == {"indicator_may_not_be_overdue"}
    await bench.cycle(machine, 2, indicator=BI)
    assert isinstance((await bench.release(without)).event, LoadReleased)


async def test_an_invalid_indicator_does_not_count_as_one(bench: Bench) -> None:
    machine = await bench.sterilizer(days_ago=9)
    cycle = await bench.cycle(machine, 3, indicator=BI)
    answer = await bench.read(cycle, 2, control_grew=False)
    assert answer.event.result == "invalid"
    assert unmet(await bench.release(cycle)) == {"indicator_may_not_be_overdue"}


async def test_a_result_that_is_late_stops_every_release(bench: Bench) -> None:
    machine = await bench.sterilizer()
    await bench.cycle(machine, 30, indicator=BI)
    fresh = await bench.cycle(machine, 1)
    assert unmet(await bench.release(fresh)) == {"results_must_come_in_time"}


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"minutes": 23}, "incubation_must_be_complete"),
        ({"control_lot": "BI9999"}, "control_must_be_of_the_same_lot"),
        ({"product": "homemade"}, "product_must_be_in_the_policy"),
    ],
)
async def test_a_reading_that_is_no_result_changes_nothing(bench: Bench, more: dict[str, Any], rule: str) -> None:
    machine = await bench.sterilizer()
    cycle = await bench.cycle(machine, 3, indicator=BI)
    if minutes := more.pop("minutes", None):
        more["occurred_at"] = bench.now - timedelta(hours=2) + timedelta(minutes=minutes)
    answer = await bench.read(cycle, 2, **more)
    assert unmet(answer) == {rule}
    assert await bench.house.said(IndicatorRead) == []
    async with bench.house.look("hygiene") as view:
        sheet = await cycle_sheet(view, cycle)
    assert sheet is not None
    assert sheet.indicator == "pending"


async def test_a_reading_is_not_edited(bench: Bench) -> None:
    machine, indicator_id = await bench.sterilizer(), uuid4()
    cycle = await bench.cycle(machine, 3, indicator=BI)
    started_at = bench.now - timedelta(hours=2)
    report = IndicatorReport(
        cycle_id=cycle,
        product="rapid_24_minutes",
        lot="BI2207",
        control_lot="BI2207",
        incubation_started_at=started_at,
        grew=False,
        control_grew=True,
        occurred_at=started_at + timedelta(minutes=30),
    )
    first = await bench.do(commands.read_indicator, indicator_id, report)
    assert (await bench.do(commands.read_indicator, indicator_id, report)).entry.event_id == first.entry.event_id
    edited = report.model_copy(update={"grew": True})
    assert "id_must_be_new" in unmet(await bench.do(commands.read_indicator, indicator_id, edited))
    assert [read.result for read in await bench.house.said(IndicatorRead)] == ["negative"]


async def test_a_repaired_sterilizer_comes_back_after_three_good_cycles(bench: Bench) -> None:
    machine = await bench.sterilizer()
    removal = Removal(reason="repair", occurred_at=bench.now - timedelta(hours=20))
    await bench.do(commands.remove_sterilizer, machine, removal)
    assert unmet(await bench.do(commands.remove_sterilizer, machine, removal)) == {"sterilizer_must_be_in_service_to_leave"}
    load = await bench.cycle(machine, 19, [uuid4()])
    assert unmet(await bench.release(load)) == {"sterilizer_must_be_in_service"}
    back = Return(occurred_at=bench.now)
    for hours in (10, 8):
        await bench.read(await bench.cycle(machine, hours, indicator=BI, purpose="qualification"), hours - 1)
    assert unmet(await bench.do(commands.return_sterilizer, machine, back)) == {"last_cycles_must_be_good"}
    await bench.read(await bench.cycle(machine, 6, indicator=BI, purpose="qualification"), 5)
    answer = await bench.do(commands.return_sterilizer, machine, back)
    assert isinstance(answer.event, SterilizerReturned)
    assert len(answer.event.evidence) == 3
    async with bench.house.look("hygiene") as view:
        [sheet] = (await hygiene_day(view)).sterilizers
    assert sheet.in_service
    assert sheet.indicator.reason.endswith(".")
    assert unmet(await bench.do(commands.return_sterilizer, machine, back)) >= {"sterilizer_must_be_out_of_service"}


async def test_an_unchanged_indicator_in_one_pack_holds_the_rest_of_its_load(bench: Bench) -> None:
    machine, packs = await bench.sterilizer(), sorted(uuid4() for _ in range(6))
    cycle = await bench.cycle(machine, 3, packs)
    await bench.release(cycle)
    await bench.treated([packs[5]])
    rejection = PackRejection(reason="indicator_unchanged", occurred_at=bench.now)
    answer = await bench.do(commands.reject_pack, packs[0], rejection)
    assert isinstance(answer.event, PackQuarantined)
    assert set(answer.event.pack_ids) == set(packs[:5])
    assert (await bench.do(commands.reject_pack, packs[3], rejection)).repeated
    assert unmet(await bench.do(commands.reject_pack, packs[5], rejection)) == {"pack_must_be_unused"}
    async with bench.house.look("hygiene") as view:
        assert (await hygiene_day(view)).usable_packs == ()


async def test_a_torn_pack_is_held_alone(bench: Bench) -> None:
    machine, torn, whole = await bench.sterilizer(), uuid4(), uuid4()
    await bench.release(await bench.cycle(machine, 3, [torn, whole]))
    await bench.do(commands.reject_pack, torn, PackRejection(reason="torn", occurred_at=bench.now))
    async with bench.house.look("hygiene") as view:
        assert [pack.pack_id for pack in (await hygiene_day(view)).usable_packs] == [whole]


async def test_a_sterilizer_is_commissioned_once_and_only_with_known_programs(bench: Bench) -> None:
    sterilizer_id = uuid4()
    report = SterilizerReport(serial="MX-9", air_removal="prevac", programs=("prevac_wrapped_134",), occurred_at=bench.now)
    first = await bench.do(commands.commission_sterilizer, sterilizer_id, report, by=actor())
    again = await bench.do(commands.commission_sterilizer, sterilizer_id, report, by=actor())
    assert again.entry.event_id == first.entry.event_id
    wrong = report.model_copy(update={"programs": ("gravity_wrapped_121",)})
    assert unmet(await bench.do(commands.commission_sterilizer, sterilizer_id, wrong)) == {
        "id_must_be_new",
        "programs_must_be_in_the_policy",
    }
    assert len(await bench.house.said(SterilizerCommissioned)) == 1


async def test_what_nobody_knows_cannot_be_released_returned_or_rejected(bench: Bench) -> None:
    for command, report in (
        (commands.return_sterilizer, Return(occurred_at=bench.now)),
        (commands.remove_sterilizer, Removal(reason="repair", occurred_at=bench.now)),
        (commands.reject_pack, PackRejection(reason="wet", occurred_at=bench.now)),
    ):
        answer = await bench.house.doing("hygiene", command, Said(subject_id=uuid4(), report=report))
        assert unmet(answer) == {"subject_must_be_known"}
    assert unmet(await bench.release(uuid4())) == {"subject_must_be_known"}
