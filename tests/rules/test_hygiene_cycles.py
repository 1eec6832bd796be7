"""What a sterilization cycle shows: edge cases 51, 52, 70, and any sample outside the band."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.hygiene import CycleReport, PlateauSample
from schemas.policy import default_policy
from schemas.vocabulary import Verdict
from services.hygiene.rules.claims import occurred_at_may_not_lie_ahead, programs_must_be_in_the_policy
from services.hygiene.rules.cycles import (
    mechanical_findings,
    mechanical_result,
    plateau_must_last,
    plateau_must_stay_in_band,
    plateau_of,
    program_must_suit_the_sterilizer,
    set_right,
    sterile_until,
    sterilizer_clock_should_be_right,
)

POLICY = default_policy()
PROGRAMS = POLICY.sterilization.programs
AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


def plateau(*temperatures_mc: int, every: int = 10) -> tuple[PlateauSample, ...]:
    return tuple(PlateauSample(second=n * every, temperature_mc=mc) for n, mc in enumerate(temperatures_mc))


def report(**more: Any) -> CycleReport:
    values: dict[str, Any] = {
        "sterilizer_id": uuid4(),
        "cycle_number": 1,
        "program": "prevac_wrapped_132",
        "started_at": AT,
        "ended_at": AT + timedelta(minutes=40),
        "samples": plateau(*[133_000] * 25),
        "external_indicator": "changed",
        "internal_indicator": "changed",
        "occurred_at": AT + timedelta(minutes=41),
    }
    return CycleReport(**values | more)


def result(cycle: CycleReport, air_removal: str = "prevac", programs: tuple[str, ...] = ("prevac_wrapped_132",)) -> str:
    return mechanical_result(mechanical_findings(POLICY, cycle, air_removal, programs))


def test_a_cycle_as_its_program_asks_has_passed() -> None:
    assert result(report()) == "passed"


def test_a_dip_of_ten_seconds_fails_the_cycle_and_says_where() -> None:
    dipped = [133_000] * 25
    dipped[12] = 131_400
    found = mechanical_findings(POLICY, report(samples=plateau(*dipped)), "prevac", ["prevac_wrapped_132"])
    assert mechanical_result(found) == "failed"
    [dip] = [finding for finding in found if finding.verdict is Verdict.UNMET]
    assert dip.rule == "plateau_must_stay_in_band"
    assert dip.parameters["first_at_second"] == 120
    assert dip.parameters["lowest_mc"] == 131_400


@pytest.mark.parametrize(("mc", "met"), [(131_999, False), (132_000, True), (135_000, True), (135_001, False)])
def test_the_band_includes_its_ends_and_rounds_nothing(mc: int, met: bool) -> None:
    found = plateau_must_stay_in_band(plateau(133_000, mc), PROGRAMS["prevac_wrapped_132"], POLICY.sterilization.band_mdeg)
    assert (found.verdict is Verdict.MET) is met


@pytest.mark.parametrize(("seconds", "met"), [(239, False), (240, True), (241, True)])
def test_the_exposure_counts_not_the_whole_cycle(seconds: int, met: bool) -> None:
    samples = (PlateauSample(second=0, temperature_mc=133_000), PlateauSample(second=seconds, temperature_mc=133_000))
    assert (plateau_must_last(samples, PROGRAMS["prevac_wrapped_132"]).verdict is Verdict.MET) is met


in_band = st.integers(132_000, 135_000)
outside = st.one_of(st.integers(20_000, 131_999), st.integers(135_001, 200_000))


@given(st.lists(in_band, min_size=25, max_size=60), outside, st.data())
def test_any_one_sample_outside_the_band_fails_the_cycle(temperatures: list[int], stray: int, data: st.DataObject) -> None:
    assert result(report(samples=plateau(*temperatures))) == "passed"
    temperatures[data.draw(st.integers(0, len(temperatures) - 1))] = stray
    assert result(report(samples=plateau(*temperatures))) == "failed"


@given(st.lists(st.integers(100_000, 150_000), min_size=2, max_size=60))
def test_a_plateau_passes_exactly_when_each_sample_does_and_it_lasts(temperatures: list[int]) -> None:
    samples = plateau(*temperatures)
    expected = all(132_000 <= mc <= 135_000 for mc in temperatures) and 10 * (len(temperatures) - 1) >= 240
    assert (result(report(samples=samples)) == "passed") is expected
    assert (plateau_of(samples).lowest_mc, plateau_of(samples).highest_mc) == (min(temperatures), max(temperatures))


@pytest.mark.parametrize(
    ("more", "air_removal", "programs", "reason"),
    [
        ({"program": "gravity_wrapped_132"}, "prevac", ("gravity_wrapped_132",), "air_removal"),
        ({"program": "gravity_wrapped_132", "needs_air_removal": "prevac"}, "gravity", ("gravity_wrapped_132",), "air_removal"),
        ({"load": "textile"}, "prevac", ("prevac_wrapped_132",), "load"),
        ({}, "prevac", ("prevac_wrapped_134",), "not_validated"),
        ({"program": "homemade"}, "prevac", ("homemade",), "not_in_policy"),
        ({"load": "wrapped", "needs_air_removal": "prevac"}, "prevac", ("prevac_wrapped_132",), "suits"),
    ],
)
def test_a_program_is_for_this_machine_and_this_load(
    more: dict[str, Any], air_removal: str, programs: tuple[str, ...], reason: str
) -> None:
    cycle = report(**more)
    found = program_must_suit_the_sterilizer(POLICY, cycle, air_removal, programs)
    assert found.parameters["reason"] == reason
    assert (found.verdict is Verdict.MET) is (reason == "suits")
    assert (result(cycle, air_removal, programs) == "failed") is (reason != "suits")


def test_packs_are_sterile_for_the_shelf_life_counted_in_the_clinics_dates() -> None:
    late_evening = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # already the 23rd in Amsterdam
    assert sterile_until(POLICY, "prevac_wrapped_132", late_evening) == date(2026, 11, 23) + timedelta(days=180)
    assert sterile_until(POLICY, "tabletop_unwrapped_132", late_evening) == date(2026, 11, 23)


def test_a_known_clock_error_is_set_right_and_said() -> None:
    assert set_right(AT, 3600) == AT - timedelta(hours=1)
    assert sterilizer_clock_should_be_right(3600).verdict is Verdict.WARNING
    assert sterilizer_clock_should_be_right(0).verdict is Verdict.MET


@pytest.mark.parametrize(("ahead", "met"), [(-864_000, True), (0, True), (2, True), (3, False)])
def test_a_claim_may_be_long_ago_but_not_ahead(ahead: int, met: bool) -> None:
    found = occurred_at_may_not_lie_ahead(POLICY, AT + timedelta(seconds=ahead), AT)
    assert (found.verdict is Verdict.MET) is met


def test_a_sterilizer_is_commissioned_only_with_programs_of_the_policy() -> None:
    assert programs_must_be_in_the_policy(POLICY, "prevac", ["prevac_wrapped_134"]).verdict is Verdict.MET
    assert programs_must_be_in_the_policy(POLICY, "prevac", ["gravity_wrapped_121"]).verdict is Verdict.UNMET
    assert programs_must_be_in_the_policy(POLICY, "prevac", ["homemade"]).verdict is Verdict.UNMET


@pytest.mark.parametrize(
    "wrong",
    [
        {"ended_at": AT},
        {"samples": (PlateauSample(second=5, temperature_mc=1), PlateauSample(second=5, temperature_mc=1))},
        {"samples": (PlateauSample(second=5, temperature_mc=133_000),)},
        {"purpose": "qualification", "packs": ({"pack_id": uuid4(), "contents": "a"},)},
    ],
)
def test_a_report_that_contradicts_itself_is_no_input(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        report(**wrong)


def test_seconds_rise_in_every_accepted_report() -> None:
    assert all(one.second < two.second for one, two in pairwise(report().samples))
