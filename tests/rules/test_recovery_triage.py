"""Links, triage, lots behind infections, words for clients, and the plan of check-ins."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import Tier, default_policy, policy_from_toml
from schemas.recovery import CheckInSheet
from schemas.vocabulary import Modality, Verdict
from services.recovery.projectors import checkin_id, plan, plan_for_recall
from services.recovery.rules import (
    ADVICE,
    FEVER,
    link_must_be_in_time,
    link_token,
    lots_to_look_at,
    report_due_on,
    reported,
    respond_by,
    speaks_of_infection,
    target_of,
    tier_of,
)

POLICY = default_policy()
SECRET, OTHER = b"s" * 32, b"t" * 32
NOW = datetime(2026, 11, 23, 13, tzinfo=UTC)


def test_a_link_says_its_clinic_and_check_in_and_nothing_readable() -> None:
    clinic, check_in = uuid4(), uuid4()
    token = link_token(SECRET, clinic, check_in)
    assert len(token) == 64
    found = target_of(SECRET, token)
    assert found is not None
    assert (found.clinic_id, found.checkin_id) == (clinic, check_in)
    assert target_of(OTHER, token) is None


@given(st.integers(min_value=0, max_value=47), st.integers(min_value=1, max_value=255))
def test_a_link_with_any_byte_changed_is_not_ours(place: int, change: int) -> None:
    raw = bytearray(urlsafe_b64decode(link_token(SECRET, UUID(int=1), UUID(int=2))))
    raw[place] ^= change
    assert target_of(SECRET, urlsafe_b64encode(bytes(raw)).decode()) is None


@pytest.mark.parametrize("token", ["", "x", "=" * 64, "é" * 64, "!" * 64, "A" * 63, "A" * 65, "A" * 62 + "=="])
def test_what_is_no_link_is_refused_quietly(token: str) -> None:
    assert target_of(SECRET, token) is None


def test_a_link_is_open_until_its_time_and_only_once_it_was_sent() -> None:
    assert link_must_be_in_time(None, NOW).verdict is Verdict.UNMET
    assert link_must_be_in_time(NOW, NOW).verdict is Verdict.UNMET
    assert link_must_be_in_time(NOW + timedelta(microseconds=1), NOW).verdict is Verdict.MET


@pytest.mark.parametrize(
    ("symptoms", "fever", "tier"),
    [
        ((), False, "none"),
        (("mild_redness", "flaking"), False, "none"),
        (("pigment_change", "flaking"), False, "review"),
        (("pus",), False, "urgent"),
        (("mild_redness",), True, "urgent"),
        (("pus",), True, "urgent"),
        (("pus", "breathing_difficulty"), False, "emergency"),
        (("a_word_of_tomorrow",), False, "review"),
    ],
)
def test_the_most_urgent_symptom_decides(symptoms: tuple[str, ...], fever: bool, tier: str) -> None:
    assert tier_of(POLICY, reported(CheckInSheet(symptoms=symptoms, fever=fever))) == tier


def test_a_fever_is_urgent_also_where_the_policy_has_no_word_for_it() -> None:
    symptoms = {code: symptom for code, symptom in POLICY.recovery.symptoms.items() if code != FEVER}
    bare = POLICY.model_copy(update={"recovery": POLICY.recovery.model_copy(update={"symptoms": symptoms})})
    assert tier_of(bare, reported(CheckInSheet(fever=True))) == "urgent"
    assert tier_of(bare, reported(CheckInSheet(fever=True, symptoms=("collapse",)))) == "emergency"


def test_signs_of_infection_are_the_policys() -> None:
    assert speaks_of_infection(POLICY, ["pus"])
    assert speaks_of_infection(POLICY, [FEVER])
    assert not speaks_of_infection(POLICY, ["burn", "flaking", "unheard_of"])


def test_three_infections_that_share_a_lot_are_a_signal_and_two_are_not() -> None:
    shared, other = uuid4(), uuid4()
    assert lots_to_look_at(POLICY, [[shared], [shared, other]]) == ()
    assert lots_to_look_at(POLICY, [[shared], [shared, other], [shared, shared], [other]]) == (shared,)
    assert lots_to_look_at(POLICY, [[shared, shared, shared]]) == (), "one treatment counts once"


def test_clients_are_told_what_to_do_and_never_anything_about_medicines() -> None:
    assert "emergency number" in ADVICE["emergency"]
    assert "medical care today" in ADVICE["urgent"]
    words = " ".join(ADVICE.values()).lower()
    assert not any(word in words for word in ("medicine", "medication", "stop taking", "infection", "hold"))


def steps_of(ended_at: datetime, depth_um: int, modality: Modality = Modality.MICRONEEDLING) -> list[str]:
    return [step.step for step in plan(POLICY, ended_at, depth_um, modality, ended_at)]


def test_deep_and_radio_frequency_treatments_are_asked_once_more() -> None:
    assert steps_of(NOW, 1500) == ["h24", "h72", "d7", "d28"]
    assert steps_of(NOW, 1501) == ["h24", "h48", "h72", "d7", "d28"]
    assert steps_of(NOW, 500, Modality.RF_MICRONEEDLING) == ["h24", "h48", "h72", "d7", "d28"]


def test_a_treatment_learned_of_late_is_not_asked_about_what_is_long_over() -> None:
    learned = NOW + timedelta(days=5)
    assert [step.step for step in plan(POLICY, NOW, 500, Modality.MICRONEEDLING, learned)] == ["d7", "d28"]


def test_a_check_in_has_the_same_id_however_often_it_is_planned() -> None:
    treatment = uuid4()
    assert checkin_id(treatment, "h24") == checkin_id(treatment, "h24") != checkin_id(treatment, "h72")


@pytest.mark.parametrize(("hour", "due_hour"), [(9, 9), (3, 8), (21, 8)])
def test_the_exposed_of_a_recall_are_asked_as_soon_as_quiet_hours_allow(hour: int, due_hour: int) -> None:
    zone = ZoneInfo(POLICY.clinic.timezone)
    learned = datetime(2026, 11, 23, hour, tzinfo=zone).astimezone(UTC)
    step = plan_for_recall(POLICY, learned)
    assert step is not None
    assert step.due_at >= learned
    assert step.due_at.astimezone(zone).hour == due_hour
    assert step.staff_task


def test_quiet_hours_are_the_clinics() -> None:
    loud = policy_from_toml("[check_ins]\nquiet_from_minutes = 0\nquiet_until_minutes = 0")
    night = datetime(2026, 11, 23, 2, tzinfo=UTC)
    step = plan_for_recall(loud, night)
    assert step is not None
    assert step.due_at == night


@pytest.mark.parametrize(
    ("tier", "hour", "minutes"),
    [("urgent", 11, 60), ("urgent", 3, 240), ("emergency", 3, 0), ("review", 11, 1440)],
)
def test_a_person_looks_sooner_while_the_clinic_is_open(tier: Tier, hour: int, minutes: int) -> None:
    reported_at = datetime(2026, 11, 24, hour, tzinfo=ZoneInfo(POLICY.clinic.timezone))
    assert respond_by(POLICY, tier, reported_at) == reported_at + timedelta(minutes=minutes)


def test_what_was_learned_on_a_friday_evening_is_reported_within_ten_work_days() -> None:
    friday = datetime(2026, 12, 18, 17, tzinfo=ZoneInfo(POLICY.clinic.timezone))
    assert report_due_on(POLICY, friday).isoformat() == "2027-01-01"
    closed = policy_from_toml('[clinic]\nclosed_on = ["2026-12-25", "2027-01-01"]')
    assert report_due_on(closed, friday).isoformat() == "2027-01-05"
