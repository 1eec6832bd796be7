"""Two numbers of a policy never contradict each other."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.policy import default_policy, policy_from_toml
from schemas.sentences import sentences
from schemas.vocabulary import Finding, Verdict
from services.compliance.rules import access, policy
from services.compliance.rules.policy import CONSISTENCY, inconsistencies, policy_must_fit_the_record, policy_must_not_begin_in_the_past

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)

CONTRADICTIONS = {
    "spacing.bands.medium.floor_days = 31": [("floor_must_not_exceed_recommendation", "spacing.bands.medium.recommended_days")],
    "spacing.bands.medium.recommended_until_days = 29": [
        ("floor_must_not_exceed_recommendation", "spacing.bands.medium.recommended_until_days")
    ],
    "spacing.bands.shallow = {floor_days = 29, recommended_days = 29}": [
        ("deeper_needles_must_not_wait_less", "spacing.bands.medium.floor_days")
    ],
    "depth.areas.cheeks = {cap_um = 2100}": [("depth_cap_must_not_exceed_the_clinicians", "depth.areas.cheeks.clinician_cap_um")],
    "age.label_from_years = 17": [("age_limits_must_rise", "age.label_from_years")],
    "numbing.contact_limit_minutes = 40": [("numbing_times_must_rise", "numbing.contact_limit_minutes")],
    "numbing.contact_from_minutes = 50": [("numbing_times_must_rise", "numbing.contact_to_minutes")],
    "sterilization.bi_block_from_day = 5": [("indicator_must_warn_before_it_blocks", "sterilization.bi_block_from_day")],
    "hygiene.contact_seconds = 10": [("contact_time_must_reach_its_floor", "hygiene.contact_seconds")],
    "booking.late_after_minutes = 21": [("late_must_come_before_no_show", "booking.no_show_after_minutes")],
}


def test_the_defaults_agree_with_themselves() -> None:
    assert inconsistencies(default_policy()) == ()


@pytest.mark.parametrize("text", CONTRADICTIONS)
def test_every_contradiction_is_named_with_its_place(text: str) -> None:
    found = inconsistencies(policy_from_toml(text))
    assert [(finding.rule, finding.field) for finding in found] == CONTRADICTIONS[text]
    assert all(finding.verdict is Verdict.UNMET for finding in found)


def test_all_contradictions_are_said_at_once() -> None:
    text = "age.label_from_years = 17\nhygiene.contact_seconds = 10\nspacing.bands.medium.floor_days = 31"
    assert {finding.rule for finding in inconsistencies(policy_from_toml(text))} == {
        "age_limits_must_rise",
        "contact_time_must_reach_its_floor",
        "floor_must_not_exceed_recommendation",
    }


def test_programs_retention_and_reminders_are_asked_too() -> None:
    program, kept, step = (
        next(iter(default_policy().sterilization.programs)),
        next(iter(default_policy().retention)),
        next(name for name, asked in default_policy().check_ins.plan.items() if asked.remind_after_seconds),
    )
    text = f"""
    sterilization.programs.{program} = {{dry_from_seconds = 9000, dry_to_seconds = 10}}
    retention.{kept} = {{years = 1, floor_years = 6}}
    check_ins.plan.{step} = {{remind_after_seconds = 900000, missed_after_seconds = 10}}
    """
    assert [finding.rule for finding in inconsistencies(policy_from_toml(text))] == [
        "drying_times_must_rise",
        "records_must_be_kept_as_long_as_the_law_says",
        "reminder_must_come_before_giving_up",
    ]


def test_the_default_policy_fits_into_an_entry_and_a_huge_one_does_not() -> None:
    assert policy_must_fit_the_record(default_policy()).verdict is Verdict.MET
    reasons = ", ".join(f'"reason_number_{n:04}_of_a_clinic_that_lists_far_too_many_of_them"' for n in range(400))
    assert policy_must_fit_the_record(policy_from_toml(f"gate.override_reasons = [{reasons}]")).verdict is Verdict.UNMET


def test_a_policy_begins_now_or_later() -> None:
    assert policy_must_not_begin_in_the_past(NOW, NOW, first=False).verdict is Verdict.MET
    assert policy_must_not_begin_in_the_past(NOW - timedelta(microseconds=1), NOW, first=False).verdict is Verdict.UNMET
    assert policy_must_not_begin_in_the_past(NOW - timedelta(days=365), NOW, first=True).verdict is Verdict.MET


def test_every_rule_has_a_sentence_for_the_person_at_the_door() -> None:
    rules = [rule.__name__ for rule in CONSISTENCY]
    rules += [
        name
        for module in (access, policy)
        for name, found in vars(module).items()
        if not name.startswith("_") and getattr(found, "__annotations__", {}).get("return") is Finding
    ]
    assert len(rules) >= 20
    assert [rule for rule in rules if "unmet" not in sentences().get(rule, {})] == []
