"""What health answers restrict: every class of the handbook's table, days, areas, silence and conflict."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.consent import Answer, ClearedRestriction
from schemas.policy import Policy, default_policy, policy_from_toml
from schemas.vocabulary import Area, Restriction, RestrictionClass, Verdict
from services.consent.rules import (
    Sheet,
    Verdicted,
    answers_must_be_to_these_questions,
    clearance_must_not_outlast_policy,
    clearance_must_rest_on_what_is_needed,
    days_must_not_lie_ahead,
    intake_must_have_been_answered,
    judge,
    judged,
    questions,
    questions_must_be_answered,
    questions_must_be_answered_once,
    restriction_must_be_open_to_clearance,
    standing_answers,
)

POLICY = default_policy()
TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
BLOCK, CLEARANCE = RestrictionClass.BLOCK, RestrictionClass.CLEARANCE
TIMED, WARNING = RestrictionClass.TIMED, RestrictionClass.WARNING


def yes(code: str, days_ago: int | None = None, *areas: Area) -> Answer:
    on = None if days_ago is None else TODAY - timedelta(days=days_ago)
    return Answer(code=code, answer="yes", on=on, areas=areas)


def no(code: str) -> Answer:
    return Answer(code=code, answer="no")


def silent(code: str) -> Answer:
    return Answer(code=code, answer="prefer_not_to_say")


def classes(answer: Answer, policy: Policy = POLICY) -> list[tuple[RestrictionClass, int | None]]:
    """Each restriction's class, and in how many days it ends."""
    return [(v.restriction_class, None if v.until is None else (v.until - TODAY).days) for v in judge(policy, answer, TODAY)]


@pytest.mark.parametrize("code", sorted(POLICY.contraindications))
def test_a_no_restricts_nothing_and_silence_always_does(code: str) -> None:
    assert judge(POLICY, no(code), TODAY) == ()
    assert classes(silent(code)) == [(BLOCK, None)]


@pytest.mark.parametrize("code", sorted(POLICY.contraindications))
def test_a_yes_without_a_day_never_restricts_less_than_one_with_a_day(code: str) -> None:
    strictness = [WARNING, CLEARANCE, TIMED, BLOCK]
    worst = max((strictness.index(v.restriction_class) for v in judge(POLICY, yes(code), TODAY)), default=-1)
    assert worst >= 0, "a yes without details always restricts something"
    for days_ago in (0, 1, 13, 14, 179, 180, 400):
        dated = judge(POLICY, yes(code, days_ago), TODAY)
        assert all(strictness.index(v.restriction_class) <= worst for v in dated)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # B: while present; a wait only where the policy has one.
        (yes("pregnancy"), [(BLOCK, None)]),
        (yes("pregnancy", 400), [(BLOCK, None)]),
        (yes("cold_sore"), [(BLOCK, None)]),
        (yes("cold_sore", 13), [(TIMED, 1)]),
        (yes("cold_sore", 14), []),
        (yes("open_wound", 3), [(BLOCK, None)]),
        (yes("chemotherapy", 27), [(TIMED, 1)]),
        (yes("chemotherapy", 28), []),
        # B that somebody may clear is a matter of clearance.
        (yes("keloid_tendency"), [(CLEARANCE, None)]),
        (yes("anesthetic_allergy"), [(CLEARANCE, None)]),
        # C: a clinician decides, without an end.
        (yes("anticoagulant"), [(CLEARANCE, None)]),
        (yes("herpes_history", 5), [(CLEARANCE, None)]),
        (yes("hepatitis_or_hiv"), [(CLEARANCE, None)]),
        # T: a wait from the day, whole local days; the last day of it still restricts.
        (yes("neurotoxin", 13), [(TIMED, 1)]),
        (yes("neurotoxin", 14), []),
        (yes("neurotoxin", 0), [(TIMED, 14)]),
        (yes("neurotoxin"), [(BLOCK, None)]),
        (yes("plastic_surgery", 364), [(TIMED, 1)]),
        (yes("sunburn_or_tan"), [(BLOCK, None)]),
        # T that a clinician may shorten.
        (yes("isotretinoin_stopped", 179), [(CLEARANCE, 1)]),
        (yes("isotretinoin_stopped", 180), []),
        # T, then C: filler blocks 14 days, then needs a clearance until day 180.
        (yes("dermal_filler", 3), [(TIMED, 11), (CLEARANCE, 177)]),
        (yes("dermal_filler", 14), [(CLEARANCE, 166)]),
        (yes("dermal_filler", 180), []),
        (yes("dermal_filler"), [(BLOCK, None)]),
        # W: recorded, over when its days are.
        (yes("photosensitizing_drug"), [(WARNING, None)]),
        (yes("nsaid", 1), [(WARNING, 2)]),
        (yes("nsaid", 3), []),
        (yes("raised_lesion_or_tattoo"), [(WARNING, None)]),
    ],
    ids=lambda value: f"{value.code}-{value.on}" if isinstance(value, Answer) else None,
)
def test_a_yes_restricts_as_the_handbook_says(answer: Answer, expected: list[tuple[RestrictionClass, int | None]]) -> None:
    assert classes(answer) == expected


def test_a_plan_restricts_at_once() -> None:
    planned = Answer(code="chemotherapy", answer="yes", on=TODAY + timedelta(days=10))
    assert classes(planned) == [(TIMED, 38)]
    assert days_must_not_lie_ahead(POLICY, [planned], TODAY).verdict is Verdict.MET


def test_a_day_ahead_is_refused_where_nothing_can_be_planned_and_the_refusal_does_not_say_where() -> None:
    found = days_must_not_lie_ahead(POLICY, [Answer(code="neurotoxin", answer="yes", on=TODAY + timedelta(days=1))], TODAY)
    assert found.verdict is Verdict.UNMET
    assert found.parameters == {"count": 1}
    assert "neurotoxin" not in found.model_dump_json()


def test_areas_restrict_skin_only_where_the_policy_asks_for_areas() -> None:
    (local,) = judge(POLICY, yes("cold_sore", None, Area.UPPER_LIP), TODAY)
    assert local.areas == (Area.UPPER_LIP,)
    (unknown,) = judge(POLICY, yes("cold_sore"), TODAY)
    assert unknown.areas == (), "no area given: the whole body"
    (systemic,) = judge(POLICY, yes("pregnancy", None, Area.NECK), TODAY)
    assert systemic.areas == ()


def test_silence_is_only_noted_where_the_policy_says_so() -> None:
    lenient = policy_from_toml("[screening]\nunanswered_restricts = false")
    assert classes(silent("pregnancy"), lenient) == [(WARNING, None)]


def test_a_clinic_that_waits_longer_judges_longer() -> None:
    strict = policy_from_toml("[contraindications.neurotoxin]\nwait_days = 90")
    assert classes(yes("neurotoxin", 14), strict) == [(TIMED, 76)]


def test_volatile_questions_are_those_of_every_visit() -> None:
    volatile = set(questions(POLICY, "volatile"))
    assert {"pregnancy", "anticoagulant", "cold_sore"} <= volatile
    assert "metal_allergy" not in volatile
    assert volatile < set(questions(POLICY, "full"))


def test_every_missing_unknown_and_doubled_answer_is_found() -> None:
    asked = questions(POLICY, "volatile")
    given_answers = [no(code) for code in asked if code not in {"pregnancy", "nursing"}]
    missing = questions_must_be_answered(asked, given_answers)
    assert [found.parameters["question"] for found in missing] == ["pregnancy", "nursing"]
    strange = answers_must_be_to_these_questions(asked, [*given_answers, no("metal_allergy"), no("nonsense")])
    assert strange.parameters["count"] == 2
    assert questions_must_be_answered_once([*given_answers, given_answers[0]]).verdict is Verdict.UNMET


def sheet(hours_ago: float, *answers: Answer, by_clinician: bool = False) -> Sheet:
    return Sheet(answered_at=NOW - timedelta(hours=hours_ago), by_clinician=by_clinician, answers=answers)


def restricts(*sheets: Sheet) -> list[RestrictionClass]:
    return [verdict.restriction_class for verdict in judged(POLICY, standing_answers(POLICY, sheets), TODAY)]


def test_of_two_sheets_of_one_visit_that_disagree_the_conservative_stands() -> None:
    assert restricts(sheet(3, no("pregnancy")), sheet(0, yes("pregnancy"))) == [BLOCK]
    assert restricts(sheet(3, yes("pregnancy")), sheet(0, no("pregnancy"))) == [BLOCK]


def test_a_later_visit_replaces_what_was_answered_before() -> None:
    assert restricts(sheet(24, yes("pregnancy")), sheet(0, no("pregnancy"))) == []
    assert restricts(sheet(24 * 30, no("pregnancy")), sheet(0, yes("pregnancy"))) == [BLOCK]


def test_a_clinicians_sheet_settles_a_conflict_and_a_still_later_yes_stands() -> None:
    settled = sheet(1, no("pregnancy"), by_clinician=True)
    assert restricts(sheet(3, yes("pregnancy")), settled) == []
    assert restricts(sheet(3, yes("pregnancy")), settled, sheet(0, yes("pregnancy"))) == [BLOCK]


def test_the_order_in_which_sheets_arrive_does_not_matter() -> None:
    early, late = sheet(30, yes("anticoagulant")), sheet(0, no("anticoagulant"))
    assert restricts(early, late) == restricts(late, early) == []


def test_the_longer_of_two_waits_is_among_what_stands() -> None:
    found = judged(POLICY, standing_answers(POLICY, [sheet(2, yes("neurotoxin", 1)), sheet(0, yes("neurotoxin", 10))]), TODAY)
    assert max(verdict.until or TODAY for verdict in found) == TODAY + timedelta(days=13)


def test_volatile_answers_stand_on_a_full_questionnaire() -> None:
    volatile = sheet(0, *(no(code) for code in questions(POLICY, "volatile")))
    full = sheet(500, *(no(code) for code in questions(POLICY, "full")))
    assert intake_must_have_been_answered(POLICY, [volatile]).verdict is Verdict.UNMET
    assert intake_must_have_been_answered(POLICY, [full, volatile]).verdict is Verdict.MET


@given(
    st.lists(
        st.tuples(st.sampled_from(["yes", "no", "prefer_not_to_say"]), st.integers(min_value=0, max_value=23), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_within_one_visit_nobody_but_a_clinician_answers_a_block_away(answers: list[tuple[str, int, bool]]) -> None:
    sheets = [
        Sheet.model_validate(
            {"answered_at": NOW - timedelta(hours=hours), "by_clinician": clinician, "answers": ({"code": "pregnancy", "answer": said},)}
        )
        for said, hours, clinician in answers
    ]
    in_order = sorted(sheets, key=lambda kept: kept.answered_at)
    settled = max((place for place, kept in enumerate(in_order) if kept.by_clinician), default=0)
    anything_but_no = any(kept.answers[0].answer != "no" for kept in in_order[settled:])
    assert bool(restricts(*sheets)) == anything_but_no


def test_only_what_asks_for_a_clearance_can_be_cleared() -> None:
    verdicts = {kind: Restriction(restriction_id=uuid4(), restriction_class=kind) for kind in RestrictionClass}
    opened = {kind for kind, found in verdicts.items() if restriction_must_be_open_to_clearance(found).verdict is Verdict.MET}
    assert opened == {CLEARANCE}


def test_a_clearance_rests_on_what_policy_asks_for_and_the_refusal_does_not_say_what_that_is() -> None:
    cleared = ClearedRestriction(restriction_id=uuid4(), basis="clinician")
    assert clearance_must_rest_on_what_is_needed(cleared, "clinician").verdict is Verdict.MET
    assert clearance_must_rest_on_what_is_needed(cleared, None).verdict is Verdict.MET
    refused = clearance_must_rest_on_what_is_needed(cleared, "antiviral_plan")
    assert refused.verdict is Verdict.UNMET
    assert "antiviral" not in refused.model_dump_json()


@pytest.mark.parametrize(("days", "verdict"), [(0, Verdict.UNMET), (1, Verdict.MET), (180, Verdict.MET), (181, Verdict.UNMET)])
def test_a_clearance_lasts_no_longer_than_policy_says(days: int, verdict: Verdict) -> None:
    assert clearance_must_not_outlast_policy(POLICY, NOW + timedelta(days=days), NOW).verdict is verdict


def test_a_verdict_says_what_restricts_only_the_cream() -> None:
    (found,) = judge(POLICY, yes("methemoglobinemia_risk"), TODAY)
    assert found.numbing_only
    assert isinstance(found, Verdicted)
    assert found.restriction_class is CLEARANCE
