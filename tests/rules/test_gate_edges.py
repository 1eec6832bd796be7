"""Edges of the gate's rules about the client, case by case (numbers are those of the handbook's section 5)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from schemas.policy import policy_from_toml
from schemas.vocabulary import AgeBand, Area, AreaDepth, Finding, Modality, Restriction, RestrictionClass, Role, Verdict
from services.treatment.rules.records import Clearance, Hold, Override, Session
from tests.rules.gate_cases import (
    ARRIVAL,
    CARTRIDGE,
    CONSENT,
    NOW,
    PACK,
    every_rule,
    findings_of,
    met_case,
    minutes,
    name,
    reason,
    screening,
    unmet_rules,
)

DAY = timedelta(days=1)


def put(record: Any, **changes: Any) -> Any:
    return record.model_copy(update=changes)


def session(on: datetime, *depths: tuple[Area, int], which: str = "earlier", contact: bool = True) -> Session:
    return Session(
        treatment_id=name(which),
        started_at=on,
        modality=Modality.MICRONEEDLING,
        needle_contact=contact,
        depths=tuple(AreaDepth(area=area, depth_um=um) for area, um in depths),
    )


def verdict(rule: str, **changes: Any) -> Verdict:
    return findings_of(met_case(**changes))[rule].verdict


# Spacing


def march(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def on_day(day: datetime, *sessions: Session, **changes: Any) -> Finding:
    return findings_of(met_case(at=day, until=day, sessions=sessions, **changes))["spacing_must_have_passed"]


def test_full_face_then_cheeks_after_27_days_is_too_soon_and_says_when() -> None:
    """5"""
    found = on_day(march(28), session(march(1), (Area.FULL_FACE, 1000)))
    assert (found.verdict, found.parameters["earliest_on"]) == (Verdict.UNMET, "2026-03-29")
    assert found.earliest_ok == datetime(2026, 3, 28, 23, tzinfo=UTC)  # midnight in Amsterdam, the night the clocks change
    assert found.evidence == (name("earlier"),)
    assert found.overridable_by == (Role.CLINICIAN,)


def test_after_28_days_it_may_be_and_30_are_recommended() -> None:
    """6"""
    assert on_day(march(29), session(march(1), (Area.FULL_FACE, 1000))).verdict is Verdict.WARNING
    assert on_day(march(31), session(march(1), (Area.FULL_FACE, 1000))).verdict is Verdict.MET


def test_another_zone_has_its_own_clock() -> None:
    """7, 14"""
    both = session(march(1), (Area.FULL_FACE, 1000), (Area.NECK, 300))
    assert on_day(march(10), both, areas=(Area.DECOLLETE,)).verdict is Verdict.MET
    assert on_day(march(10), both, areas=(Area.NECK,)).verdict is Verdict.WARNING
    assert on_day(march(10), both, areas=(Area.NECK, Area.CHIN)).verdict is Verdict.UNMET


def test_days_are_those_on_the_clinics_wall() -> None:
    """10: 23:30 UTC on 1 March is 2 March in Amsterdam."""
    late = session(datetime(2026, 3, 1, 23, 30, tzinfo=UTC), (Area.CHEEKS, 1000))
    assert on_day(march(29), late).verdict is Verdict.UNMET
    assert on_day(datetime(2026, 3, 29, 22, 30, tzinfo=UTC), late).verdict is Verdict.WARNING


def test_the_depth_that_was_reached_counts_and_the_longest_wait_wins() -> None:
    """11"""
    shallow, deep = session(march(14), (Area.CHEEKS, 500)), session(march(1), (Area.CHEEKS, 2000), which="deep")
    found = on_day(march(30), shallow, deep)
    assert (found.verdict, found.parameters["earliest_on"]) == (Verdict.UNMET, "2026-04-12")
    assert found.evidence == (name("deep"),)


def test_a_session_without_needle_contact_starts_no_clock() -> None:
    """12"""
    assert on_day(march(2), session(march(1), (Area.CHEEKS, 1000), contact=False)).verdict is Verdict.MET


def test_leap_days_are_days() -> None:
    """22"""
    before = session(datetime(2028, 2, 1, 9, tzinfo=UTC), (Area.CHEEKS, 1000))
    assert on_day(datetime(2028, 2, 28, 9, tzinfo=UTC), before).verdict is Verdict.UNMET
    assert on_day(datetime(2028, 2, 29, 9, tzinfo=UTC), before).verdict is Verdict.WARNING


def test_the_policy_in_force_at_the_start_decides() -> None:
    """20"""
    longer = policy_from_toml("[spacing.bands.medium]\nfloor_days = 35\nrecommended_days = 35\n")
    before = session(NOW - 30 * DAY, (Area.CHEEKS, 1000))
    assert findings_of(met_case(sessions=(before,)))["spacing_must_have_passed"].verdict is Verdict.MET
    assert "spacing_must_have_passed" in unmet_rules(met_case(longer, sessions=(before,)))


# Overrides


def overridden(rule: str, *, role: Role = Role.CLINICIAN, valid_until: datetime = NOW + DAY) -> Override:
    return Override(event_id=name("override"), rule=rule, role=role, valid_until=valid_until)


def test_an_override_of_an_allowed_role_makes_a_warning_with_its_evidence() -> None:
    """19"""
    before = session(NOW - 26 * DAY, (Area.CHEEKS, 1000))
    case = met_case(sessions=(before,), overrides=(overridden("spacing_must_have_passed"),))
    found = findings_of(case)["spacing_must_have_passed"]
    assert (found.verdict, found.parameters["overridden_by"]) == (Verdict.WARNING, "clinician")
    assert found.evidence == (name("earlier"), name("override"))
    assert unmet_rules(case) == set()


@pytest.mark.parametrize(
    "given",
    [
        overridden("spacing_must_have_passed", role=Role.MANAGER),
        overridden("spacing_must_have_passed", valid_until=NOW),
        overridden("age_must_be_allowed"),
    ],
    ids=["role policy does not name", "run out", "another rule"],
)
def test_an_override_that_does_not_hold_changes_nothing(given: Override) -> None:
    before = session(NOW - 26 * DAY, (Area.CHEEKS, 1000))
    assert unmet_rules(met_case(sessions=(before,), overrides=(given,))) == {"spacing_must_have_passed"}


@pytest.mark.parametrize(
    ("rule", "spoiled"),
    [
        ("consent_must_cover_areas_and_depth", {"consents": (put(CONSENT, withdrawn_at=NOW),)}),
        ("no_safety_hold_may_stand", {"holds": (Hold(hold_id=name("hold"), placed_at=NOW, lifted_at=None),)}),
        ("cartridges_must_be_sterile_and_unused", {"cartridges": (put(CARTRIDGE, held_by=(name("recall"),)),)}),
        ("packs_must_be_sterile_and_unused", {"packs": (put(PACK, used_in=(name("other"),)),)}),
        ("sterilizers_must_not_be_in_doubt", {"packs": (put(PACK, cycle_held_by=(name("recall"),)),)}),
        ("handpiece_must_be_reprocessed", {"reprocessing": None}),
        ("room_must_be_turned_over", {"turnover": None}),
    ],
)
def test_sterility_consent_recall_and_holds_are_overridden_by_nobody(rule: str, spoiled: dict[str, Any]) -> None:
    for role in Role:
        assert rule in unmet_rules(met_case(**spoiled, overrides=(overridden(rule, role=role),)))


def test_a_minor_and_an_unknown_age_are_overridden_by_nobody() -> None:
    """34: the band is that of the day of arrival."""
    given = (overridden("age_must_be_allowed"),)
    minor = met_case(arrivals=(put(ARRIVAL, age_band=AgeBand.UNDER_18),), overrides=given)
    assert reason(minor, "age_must_be_allowed") == "minor"
    assert "age_must_be_allowed" in unmet_rules(minor)
    assert "age_must_be_allowed" in unmet_rules(met_case(arrivals=(), overrides=given))
    young = met_case(arrivals=(put(ARRIVAL, age_band=AgeBand.FROM_18_TO_21),), overrides=given)
    assert verdict("age_must_be_allowed") is Verdict.MET
    assert findings_of(young)["age_must_be_allowed"].verdict is Verdict.WARNING


# Consent


def test_an_addendum_covers_what_the_first_consent_does_not() -> None:
    """27"""
    neck = put(CONSENT, consent_id=name("addendum"), areas=(Area.NECK,))
    case = met_case(areas=(Area.CHEEKS, Area.NECK))
    assert reason(case, "consent_must_cover_areas_and_depth") == "areas_not_consented"
    both = met_case(areas=(Area.CHEEKS, Area.NECK), consents=(CONSENT, neck))
    assert unmet_rules(both) == set()
    assert set(findings_of(both)["consent_must_cover_areas_and_depth"].evidence) == {name("consent"), name("addendum")}


def test_an_addendum_for_a_shallower_depth_does_not_help() -> None:
    """28"""
    neck = put(CONSENT, consent_id=name("addendum"), areas=(Area.NECK,), max_depth_um=500)
    case = met_case(areas=(Area.CHEEKS, Area.NECK), consents=(CONSENT, neck))
    assert reason(case, "consent_must_cover_areas_and_depth") == "too_deep"


def test_an_immaterial_new_version_leaves_the_signature_good() -> None:
    """25, 26"""
    assert unmet_rules(met_case(consents=(put(CONSENT, form_version=2, material_version=1),))) == set()
    assert unmet_rules(met_case(consents=(put(CONSENT, form_version=2, material_version=None),))) == set()


def test_a_withdrawn_consent_does_not_shadow_a_valid_one() -> None:
    """23"""
    older = put(CONSENT, consent_id=name("older"), withdrawn_at=NOW - DAY)
    assert unmet_rules(met_case(consents=(older, CONSENT))) == set()


def test_the_cooling_off_is_full_hours() -> None:
    """36"""
    exact = put(CONSENT, signed_at=NOW - timedelta(hours=24))
    assert unmet_rules(met_case(consents=(exact,))) == set()
    short = put(CONSENT, signed_at=NOW - timedelta(hours=24) + minutes(1))
    found = findings_of(met_case(consents=(short,)))["cooling_off_must_be_over"]
    assert (found.verdict, found.earliest_ok) == (Verdict.UNMET, NOW + minutes(1))


# Health


def restrictions(*found: Restriction) -> dict[str, Any]:
    return {"screenings": (screening(every_rule(), restrictions=found),)}


def restriction(kind: RestrictionClass, what: str = "restriction", **more: Any) -> Restriction:
    return Restriction(restriction_id=name(what), restriction_class=kind, **more)


def test_a_wait_is_over_on_its_day_and_names_it_before() -> None:
    waiting = restriction(RestrictionClass.TIMED, until=date(2026, 11, 25))
    found = findings_of(met_case(**restrictions(waiting)))["nothing_may_contraindicate"]
    assert (found.verdict, found.earliest_ok) == (Verdict.UNMET, datetime(2026, 11, 24, 23, tzinfo=UTC))
    assert unmet_rules(met_case(**restrictions(put(waiting, until=date(2026, 11, 23))))) == set()


def test_a_block_without_an_end_hides_the_date_of_a_wait() -> None:
    """29"""
    both = (restriction(RestrictionClass.TIMED, until=date(2026, 11, 25)), restriction(RestrictionClass.BLOCK, "pregnancy"))
    assert findings_of(met_case(**restrictions(*both)))["nothing_may_contraindicate"].earliest_ok is None


def test_a_restriction_of_other_skin_does_not_count_and_one_of_the_face_does() -> None:
    neck = restriction(RestrictionClass.BLOCK, areas=(Area.NECK,))
    assert unmet_rules(met_case(**restrictions(neck))) == set()
    face = restriction(RestrictionClass.BLOCK, areas=(Area.FULL_FACE,))
    assert unmet_rules(met_case(**restrictions(face))) == {"nothing_may_contraindicate"}


def test_answers_of_exactly_24_hours_are_fresh() -> None:
    """38"""
    exact = screening(every_rule(), answered_at=NOW - timedelta(hours=24))
    assert unmet_rules(met_case(screenings=(exact,))) == set()


def test_a_warning_restriction_warns() -> None:
    found = findings_of(met_case(**restrictions(restriction(RestrictionClass.WARNING))))["nothing_may_contraindicate"]
    assert (found.verdict, found.evidence) == (Verdict.WARNING, (name("restriction"),))


CLEARANCE = Clearance(
    clearance_id=name("clearance"),
    restriction_ids=(name("restriction"),),
    valid_until=NOW + DAY,
    granted_by=name("practitioner"),
    granted_at=NOW - DAY,
)


def test_a_clearance_opens_what_asks_for_one_and_never_a_block() -> None:
    """33"""
    asking = restrictions(restriction(RestrictionClass.CLEARANCE))
    assert unmet_rules(met_case(**asking, clearances=(CLEARANCE,))) == set()
    blocked = restrictions(restriction(RestrictionClass.BLOCK))
    assert unmet_rules(met_case(**blocked, clearances=(CLEARANCE,))) == {"nothing_may_contraindicate"}


def test_policy_may_want_the_clearance_of_a_second_person() -> None:
    """41"""
    strict = policy_from_toml("[screening]\nsecond_person_clears = true\n")
    asking: dict[str, Any] = {"screenings": (screening(strict, restrictions=(restriction(RestrictionClass.CLEARANCE),)),)}
    own = met_case(strict, **asking, clearances=(CLEARANCE,))
    assert reason(own, "clearances_must_be_valid") == "cleared_by_who_treats"
    other = met_case(strict, **asking, clearances=(put(CLEARANCE, granted_by=name("clinician")),))
    assert unmet_rules(other) == set()


def test_two_records_of_one_person_restrict_together_until_the_person_is_asked_again() -> None:
    """21"""
    pregnant = screening(every_rule(), ledger_index=5, merged_index=20, restrictions=(restriction(RestrictionClass.BLOCK),))
    other_name = screening(every_rule(), screening_id=name("b"), ledger_index=10, merged_index=20)
    assert unmet_rules(met_case(screenings=(pregnant, other_name))) == {"nothing_may_contraindicate"}
    asked_again = put(other_name, ledger_index=25)
    assert unmet_rules(met_case(screenings=(pregnant, asked_again))) == set()
