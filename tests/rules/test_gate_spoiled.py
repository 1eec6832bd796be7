"""One fact turned bad: exactly the rules that look at it are unmet, each for the reason it should give."""

from typing import Any

import pytest

from services.treatment.rules import GATE, ask_the_gate
from tests.rules.gate_cases import findings_of, met_case, unmet_rules
from tests.rules.gate_spoils import SPOILED


def test_a_case_with_everything_in_order_meets_every_rule() -> None:
    assert unmet_rules(met_case()) == set()
    assert [finding.verdict.value for finding in ask_the_gate(met_case())] == ["met"] * len(GATE)


@pytest.mark.parametrize("what", SPOILED)
def test_one_bad_fact_makes_exactly_the_rules_that_look_at_it_unmet(what: str) -> None:
    changes, expected = SPOILED[what]
    case = met_case(**changes)
    found = findings_of(case)
    assert {rule: found[rule].parameters.get("reason") for rule in unmet_rules(case)} == dict(expected)


def test_every_rule_of_the_gate_has_a_fact_that_fails_it() -> None:
    spoiled = {rule for _, expected in SPOILED.values() for rule in expected}
    assert {rule.__name__ for rule in GATE} - spoiled == {"policy_must_be_in_force"}


def test_two_bad_facts_are_both_found() -> None:
    case = met_case(turnover=None, cleansings=())
    assert unmet_rules(case) == {"room_must_be_turned_over", "skin_must_be_cleansed"}


def test_without_a_policy_every_rule_that_policy_switches_is_unmet() -> None:
    case = met_case().model_copy(update={"policy": None, "version": None})
    assert unmet_rules(case) == {rule.__name__ for rule in GATE} - {"clock_must_be_trusted"}
    assert {finding.parameters["reason"] for finding in ask_the_gate(case)[1:]} == {"no_policy"}


def test_of_nothing_known_every_rule_says_so_and_none_fails_with_an_exception() -> None:
    empty: dict[str, Any] = dict.fromkeys(("arrivals", "screenings", "consents", "cartridges", "packs", "numbings", "cleansings"), ())
    unknown = ("visit", "credential", "handpiece", "reprocessing", "turnover", "full_answered_at")
    nobody: dict[str, Any] = dict.fromkeys(unknown)
    case = met_case(**empty, **nobody)
    assert len(ask_the_gate(case)) == len(GATE)
    for rule in (
        "booking_must_hold_its_slot",
        "start_must_fall_into_the_slot",
        "identity_must_be_confirmed",
        "screening_must_be_fresh",
        "consent_must_cover_areas_and_depth",
        "practitioner_must_be_credentialed",
        "room_must_be_turned_over",
        "handpiece_must_be_reprocessed",
        "cartridges_must_be_sterile_and_unused",
        "packs_must_be_sterile_and_unused",
        "skin_must_be_cleansed",
    ):
        assert rule in unmet_rules(case)
