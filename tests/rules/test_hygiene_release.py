"""Releases, readings and returns: edge cases 53, 56, 57 and the days of the indicator."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from schemas.hygiene import IndicatorReport
from schemas.policy import default_policy, policy_from_toml
from schemas.vocabulary import Finding, Verdict
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.indicators import (
    Qualification,
    cycles_to_return,
    indicator_findings,
    indicator_result,
    last_cycles_must_be_good,
)
from services.hygiene.rules.release import (
    IndicatorState,
    Load,
    Pending,
    Runs,
    basis_of,
    indicator_may_not_be_overdue,
    release_findings,
    results_must_come_in_time,
)

POLICY = default_policy()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = date(2026, 11, 23)


def load(**more: Any) -> Load:
    values: dict[str, Any] = {
        "cycle_id": uuid4(),
        "purpose": "load",
        "mechanical": "passed",
        "external": "changed",
        "internal": "changed",
        "indicator": "none",
        "in_service": True,
        "recall_ids": (),
        "air_removal": "prevac",
        "air_removal_tested": True,
    }
    return Load(**values | more)


def unmet(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings if finding.verdict is Verdict.UNMET}


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ({"mechanical": "failed"}, "cycle_must_have_passed"),
        ({"external": "unchanged"}, "chemical_indicators_must_have_changed"),
        ({"internal": "unchanged"}, "chemical_indicators_must_have_changed"),
        ({"in_service": False}, "sterilizer_must_be_in_service"),
        ({"recall_ids": (uuid4(),)}, "load_may_not_be_recalled"),
        ({"indicator": "positive"}, "load_may_not_be_recalled"),
        ({"purpose": "qualification"}, "cycle_must_be_a_load"),
    ],
)
def test_one_thing_wrong_refuses_the_release(more: dict[str, Any], rule: str) -> None:
    assert unmet(release_findings(POLICY, load(**more), Runs(TODAY), NOW)) == {rule}


def test_everything_wrong_is_all_said() -> None:
    bad = load(mechanical="failed", external="unchanged", in_service=False, recall_ids=(uuid4(),))
    runs = Runs(TODAY - timedelta(days=30), pending=(Pending(uuid4(), NOW - timedelta(days=5), "rapid_24_minutes"),))
    assert len(unmet(release_findings(POLICY, bad, runs, NOW))) == 6


def test_a_good_load_shows_everything_that_was_asked() -> None:
    findings = release_findings(POLICY, load(), Runs(TODAY), NOW)
    assert not any_unmet(findings)
    assert len(findings) == 9


@pytest.mark.parametrize(
    ("days", "verdict"),
    [(0, Verdict.MET), (5, Verdict.MET), (6, Verdict.WARNING), (7, Verdict.WARNING), (8, Verdict.UNMET)],
)
def test_the_indicator_warns_from_day_six_and_blocks_from_day_eight(days: int, verdict: Verdict) -> None:
    assert indicator_may_not_be_overdue(POLICY, Runs(TODAY - timedelta(days=days)), TODAY).verdict is verdict


def test_after_idle_weeks_the_policy_says_whether_the_first_load_needs_an_indicator() -> None:
    idle = Runs(TODAY - timedelta(days=20), idle=True)
    lenient = policy_from_toml("[sterilization]\nbi_after_idle = false\n")
    assert indicator_may_not_be_overdue(POLICY, idle, TODAY).verdict is Verdict.UNMET
    assert indicator_may_not_be_overdue(lenient, idle, TODAY).verdict is Verdict.WARNING


@pytest.mark.parametrize(("minutes", "late"), [(1440, False), (1441, True)])
def test_a_result_is_late_after_its_products_turnaround(minutes: int, late: bool) -> None:
    pending = Pending(uuid4(), NOW - timedelta(minutes=minutes), "rapid_24_minutes")
    found = results_must_come_in_time(POLICY, Runs(TODAY, pending=(pending,)), NOW)
    assert (found.verdict is Verdict.UNMET) is late


def test_no_air_removal_test_and_an_invalid_indicator_warn() -> None:
    findings = release_findings(POLICY, load(air_removal_tested=False, indicator="invalid"), Runs(TODAY), NOW)
    warned = {finding.rule for finding in findings if finding.verdict is Verdict.WARNING}
    assert warned == {"air_removal_should_be_tested_daily", "indicator_should_be_valid"}


@pytest.mark.parametrize(
    ("indicator", "basis"), [("none", "parametric"), ("invalid", "parametric"), ("pending", "bi_pending"), ("negative", "bi_negative")]
)
def test_the_basis_is_what_the_indicator_says(indicator: IndicatorState, basis: str) -> None:
    assert basis_of(indicator) == basis


@pytest.mark.parametrize(
    ("grew", "control_grew", "result"),
    [(False, True, "negative"), (True, True, "positive"), (False, False, "invalid"), (True, False, "invalid")],
)
def test_a_dead_control_makes_a_reading_invalid_never_passed(grew: bool, control_grew: bool, result: str) -> None:
    assert indicator_result(grew=grew, control_grew=control_grew) == result


def reading(**more: Any) -> IndicatorReport:
    values: dict[str, Any] = {
        "cycle_id": uuid4(),
        "product": "spore_strip",
        "lot": "B1",
        "control_lot": "B1",
        "incubation_started_at": NOW - timedelta(days=2),
        "grew": False,
        "control_grew": True,
        "occurred_at": NOW,
    }
    return IndicatorReport(**values | more)


@pytest.mark.parametrize(
    ("more", "after_cycle", "rules"),
    [
        ({}, True, set()),
        ({"incubation_started_at": NOW - timedelta(days=2) + timedelta(seconds=1)}, True, {"incubation_must_be_complete"}),
        ({"control_lot": "B2"}, True, {"control_must_be_of_the_same_lot"}),
        ({"control_lot": None}, True, {"control_must_be_of_the_same_lot"}),
        ({"product": "homemade"}, True, {"product_must_be_in_the_policy"}),
        ({}, False, {"indicator_may_not_be_read_before_its_cycle"}),
    ],
)
def test_what_is_no_result_is_refused(more: dict[str, Any], after_cycle: bool, rules: set[str]) -> None:
    assert unmet(indicator_findings(POLICY, reading(**more), after_cycle=after_cycle)) == rules


def cycle(indicator: str = "negative", **more: str) -> Qualification:
    return Qualification(uuid4(), **{"mechanical": "passed", "external": "changed", "internal": "changed", "indicator": indicator} | more)


@pytest.mark.parametrize(
    ("latest_first", "met"),
    [
        ([cycle(), cycle(), cycle()], True),
        ([cycle(), cycle()], False),
        ([cycle("pending"), cycle(), cycle(), cycle()], False),
        ([cycle(), cycle("positive"), cycle()], False),
        ([cycle(), cycle(), cycle(internal="unchanged")], False),
        ([cycle(), cycle(), cycle(mechanical="failed")], False),
    ],
)
def test_a_sterilizer_comes_back_after_three_good_cycles_in_a_row(latest_first: list[Qualification], met: bool) -> None:
    assert (last_cycles_must_be_good(latest_first, 3).verdict is Verdict.MET) is met


def test_repair_and_recall_ask_their_own_number_of_cycles() -> None:
    policy = policy_from_toml("[sterilization]\nqualification_cycles = 4\n[recall]\nreturn_cycles = 5\n")
    assert (cycles_to_return(policy, "repair"), cycles_to_return(policy, "positive_indicator")) == (4, 5)
