"""When a form can be published and a signature accepted."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from schemas.consent import ConsentSheet, FormDraft, Guardian, TypedSignature
from schemas.policy import default_policy, policy_from_toml
from schemas.vocabulary import Area, Modality, Verdict, Visit
from services.consent import rules

POLICY = default_policy()
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FORM = rules.Form(
    form_id=uuid4(),
    form_version=3,
    text_digest="a" * 64,
    modality=Modality.MICRONEEDLING,
    areas=(Area.FULL_FACE,),
    max_depth_um=1500,
    valid_days=180,
    published_at=NOW - timedelta(days=30),
    superseded=False,
)


def sheet(**changes: Any) -> ConsentSheet:
    return ConsentSheet.model_validate(
        {
            "client_id": uuid4(),
            "form_id": FORM.form_id,
            "form_version": 3,
            "text_digest": FORM.text_digest,
            "areas": (Area.CHEEKS, Area.NOSE),
            "max_depth_um": 1500,
            "explained_by": uuid4(),
            "signed_at": NOW,
            "signature": TypedSignature(method="typed", name="A. Person"),
        }
        | changes
    )


def test_versions_only_rise() -> None:
    assert rules.form_version_must_be_new(4, 3).verdict is Verdict.MET
    assert rules.form_version_must_be_new(3, 3).verdict is Verdict.UNMET


def test_no_form_asks_for_more_depth_than_its_areas_may_have() -> None:
    draft = FormDraft(language="en", text="x", modality=Modality.MICRONEEDLING, areas=(Area.NOSE,), max_depth_um=1000)
    assert rules.form_depth_must_be_allowed(POLICY, draft).verdict is Verdict.MET
    assert rules.form_depth_must_be_allowed(POLICY, draft.model_copy(update={"max_depth_um": 9000})).verdict is Verdict.UNMET


def test_a_superseded_version_cannot_be_signed() -> None:
    assert rules.form_must_not_be_superseded(FORM).verdict is Verdict.MET
    assert rules.form_must_not_be_superseded(FORM.model_copy(update={"superseded": True})).verdict is Verdict.UNMET


def test_the_text_on_the_screen_is_what_is_signed() -> None:
    assert rules.text_on_screen_must_be_the_forms(FORM, sheet()).verdict is Verdict.MET
    assert rules.text_on_screen_must_be_the_forms(FORM, sheet(text_digest="b" * 64)).verdict is Verdict.UNMET


def test_the_full_face_covers_its_zones_and_not_the_neck() -> None:
    assert rules.areas_must_lie_within_the_form(FORM, sheet()).verdict is Verdict.MET
    outside = rules.areas_must_lie_within_the_form(FORM, sheet(areas=(Area.CHEEKS, Area.NECK, Area.BACK)))
    assert outside.verdict is Verdict.UNMET
    assert outside.parameters["outside"] == "back.neck"


def test_depth_stays_within_the_form() -> None:
    assert rules.depth_must_lie_within_the_form(FORM, sheet()).verdict is Verdict.MET
    assert rules.depth_must_lie_within_the_form(FORM, sheet(max_depth_um=1501)).verdict is Verdict.UNMET


def test_a_credential_holds_on_its_last_day() -> None:
    day = date(2026, 11, 23)
    assert rules.explainer_must_be_a_practitioner(day, day).verdict is Verdict.MET
    assert rules.explainer_must_be_a_practitioner(day, day - timedelta(days=1)).verdict is Verdict.UNMET
    assert rules.explainer_must_be_a_practitioner(day, None).verdict is Verdict.UNMET


def test_nobody_signs_in_the_future_before_the_form_or_long_ago() -> None:
    assert rules.time_must_not_be_in_the_future(NOW + SECOND, NOW, SECOND, "signed_at").verdict is Verdict.MET
    assert rules.time_must_not_be_in_the_future(NOW + 2 * SECOND, NOW, SECOND, "signed_at").verdict is Verdict.UNMET
    assert rules.signature_must_follow_the_form(FORM, FORM.published_at - SECOND, SECOND).verdict is Verdict.MET
    assert rules.signature_must_follow_the_form(FORM, FORM.published_at - 2 * SECOND, SECOND).verdict is Verdict.UNMET
    hours = timedelta(hours=POLICY.gate.late_signature_hours)
    assert rules.signature_must_be_handed_in_soon(POLICY, NOW - hours, NOW).verdict is Verdict.MET
    assert rules.signature_must_be_handed_in_soon(POLICY, NOW - hours - SECOND, NOW).verdict is Verdict.UNMET


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.MET),
        ({"client_language": "en-GB"}, Verdict.MET),
        ({"client_language": "uk"}, Verdict.UNMET),
        ({"client_language": "uk", "interpreter_id": uuid4()}, Verdict.MET),
    ],
)
def test_another_language_needs_an_interpreter(changes: dict[str, Any], verdict: Verdict) -> None:
    assert rules.interpreter_must_be_recorded("en", sheet(**changes)).verdict is verdict


def test_a_guardian_signs_only_where_minors_are_treated_and_with_a_proof_somebody_saw() -> None:
    claimed = sheet(guardian=Guardian(name="A. Parent", proof="birth certificate"))
    proven = sheet(guardian=Guardian(name="A. Parent", proof="birth certificate", proof_seen_by=uuid4()))
    assert rules.guardian_must_be_proven(claimed).verdict is Verdict.UNMET
    assert rules.guardian_must_be_proven(proven).verdict is Verdict.MET
    assert rules.guardian_must_be_allowed(POLICY, proven).verdict is Verdict.UNMET
    minors = policy_from_toml("[age]\nminors_allowed = true")
    assert rules.guardian_must_be_allowed(minors, proven).verdict is Verdict.MET


@pytest.mark.parametrize(
    ("areas", "depth_um", "modality", "covered"),
    [
        ((Area.CHEEKS,), 1500, Modality.MICRONEEDLING, True),
        ((Area.CHEEKS, Area.NECK), 1500, Modality.MICRONEEDLING, False),
        ((Area.CHEEKS,), 1501, Modality.MICRONEEDLING, False),
        ((Area.CHEEKS,), 500, Modality.RF_MICRONEEDLING, False),
    ],
)
def test_a_form_covers_what_lies_within_it(areas: tuple[Area, ...], depth_um: int, modality: Modality, covered: bool) -> None:
    visit = Visit(
        booking_id=uuid4(),
        client_id=uuid4(),
        practitioner_id=uuid4(),
        room_id=uuid4(),
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        modality=modality,
        areas=areas,
        depth_um=depth_um,
    )
    assert rules.covers(FORM.modality, FORM.areas, FORM.max_depth_um, visit) is covered
