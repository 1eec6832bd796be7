"""Edges of the gate's rules about practitioner, items, skin and time, case by case (numbers are those of the handbook's section 5)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from schemas.policy import policy_from_toml
from schemas.sentences import for_front_desk, sentence
from schemas.vocabulary import Area, AreaDepth, Modality, Restriction, RestrictionClass, Role, Verdict, VisitType
from services.treatment.rules import ask_the_gate
from services.treatment.rules.records import OpenTreatment, Reservation, Session, Use
from tests.rules.gate_cases import (
    ARRIVAL,
    CARTRIDGE,
    CLEANSING,
    CONSENT,
    CREDENTIAL,
    NOW,
    NUMBING,
    PACK,
    VISIT,
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
CHEEKS = (AreaDepth(area=Area.CHEEKS, depth_um=1500),)


def put(record: Any, **changes: Any) -> Any:
    return record.model_copy(update=changes)


def verdict(rule: str, **changes: Any) -> Verdict:
    return findings_of(met_case(**changes))[rule].verdict


def waiting_until(day: date) -> dict[str, Any]:
    """A wait that screening found, until this day."""
    wait = Restriction(restriction_id=name("restriction"), restriction_class=RestrictionClass.TIMED, until=day)
    return {"screenings": (screening(every_rule(), restrictions=(wait,)),)}


def test_a_credential_holds_through_its_last_day_and_not_longer() -> None:
    """42"""
    assert unmet_rules(met_case(credential=put(CREDENTIAL, valid_until=date(2026, 11, 23)))) == set()
    assert unmet_rules(met_case(credential=put(CREDENTIAL, valid_until=date(2026, 11, 22)))) == {"practitioner_must_be_credentialed"}


def test_radio_frequency_and_great_depth_are_for_clinicians() -> None:
    """98"""
    both = put(CREDENTIAL, modalities=tuple(Modality), max_depth_um=2500)
    rf = put(CONSENT, modality=Modality.RF_MICRONEEDLING)
    for changes in ({"modality": Modality.RF_MICRONEEDLING, "consents": (rf,)}, {"depth_um": 1600}):
        assert reason(met_case(credential=both, **changes), "practitioner_must_be_credentialed") == "clinician_only"
        clinician = put(both, role=Role.CLINICIAN)
        assert "practitioner_must_be_credentialed" not in unmet_rules(met_case(credential=clinician, **changes))


def test_deeper_than_usual_for_the_area_warns() -> None:
    found = findings_of(met_case(areas=(Area.UPPER_LIP,)))["depth_must_suit_the_areas"]
    assert (found.verdict, found.parameters["limit_um"]) == (Verdict.WARNING, 750)


# Items and places


def test_a_cartridge_may_be_used_through_its_printed_day() -> None:
    assert unmet_rules(met_case(cartridges=(put(CARTRIDGE, expires_on=date(2026, 11, 23)),))) == set()


def test_packs_outside_the_window_of_a_removed_sterilizer_stay_usable() -> None:
    """56, 57"""
    assert unmet_rules(met_case(packs=(put(PACK, sterilizer_removed_at=NOW),))) == set()


def test_of_two_cartridges_the_bad_one_is_found() -> None:
    """50, 58, 65"""
    bad = put(CARTRIDGE, unit_id=name("second"), held_by=(name("recall"),))
    case = met_case(cartridge_unit_ids=(name("unit"), name("second")), cartridges=(CARTRIDGE, bad))
    assert findings_of(case)["cartridges_must_be_sterile_and_unused"].evidence[0] == name("second")


def test_a_handpiece_found_dry_after_its_hold_is_usable_again() -> None:
    """68"""
    assert unmet_rules(met_case(handpiece_held_at=NOW - minutes(61))) == set()


def test_no_packs_no_doubt() -> None:
    assert unmet_rules(met_case(opened_packs=(), packs=())) == set()


def test_a_room_still_in_use_at_its_turnover_is_not_turned_over() -> None:
    """4: the turnover was signed before the session before had ended."""
    overrun = Use(treatment_id=name("before"), started_at=NOW - timedelta(hours=2), ended_at=NOW - minutes(20))
    assert unmet_rules(met_case(room_uses=(overrun,))) == {"room_must_be_turned_over"}


def test_what_the_treatment_itself_uses_does_not_count_against_it() -> None:
    own = name("this treatment")
    itself = OpenTreatment(
        treatment_id=own,
        practitioner_id=name("practitioner"),
        client_id=name("client"),
        room_id=name("room"),
        handpiece_id=name("handpiece"),
        unit_ids=(name("unit"),),
        pack_ids=(name("pack"),),
    )
    use = Use(treatment_id=own, started_at=NOW, ended_at=None)
    case = met_case(
        treatment_id=own,
        treated_in=(own,),
        open_treatments=(itself,),
        room_uses=(use,),
        handpiece_uses=(use,),
        cartridges=(put(CARTRIDGE, used_in=(own,)),),
        packs=(put(PACK, used_in=(own,)),),
        sessions=(Session(treatment_id=own, started_at=NOW, modality=Modality.MICRONEEDLING, needle_contact=True, depths=CHEEKS),),
        reservations=(Reservation(booking_id=name("booking"), room_id=name("room"), device_id=name("handpiece")),),
    )
    assert unmet_rules(case) == set()


# Numbing


def test_the_usual_contact_time_is_met_and_another_warns() -> None:
    """96"""
    for contact, expected in ((19, Verdict.WARNING), (20, Verdict.MET), (45, Verdict.MET), (46, Verdict.WARNING), (60, Verdict.WARNING)):
        cream = put(NUMBING, applied_at=NOW - minutes(10 + contact))
        assert verdict("numbing_must_be_off", numbings=(cream,)) is expected, contact


def test_a_prescribers_order_allows_a_stronger_cream() -> None:
    """97"""
    strong = put(NUMBING, lidocaine_permille=230)
    assert "numbing_must_be_off" in unmet_rules(met_case(numbings=(strong,)))
    assert unmet_rules(met_case(numbings=(put(strong, prescriber_order=True),))) == set()


def test_without_cream_the_skin_is_cleansed_after_arrival() -> None:
    cleansed = put(CLEANSING, occurred_at=ARRIVAL.arrived_at + minutes(1))
    assert unmet_rules(met_case(numbings=(), cleansings=(cleansed,))) == set()


# Time, visit types, the front desk


def test_thirty_minutes_before_the_slot_is_early_enough() -> None:
    early = put(VISIT, starts_at=NOW + minutes(30), ends_at=NOW + minutes(90))
    assert unmet_rules(met_case(visit=early)) == set()


def test_visit_types_need_what_policy_says() -> None:
    nothing: dict[str, Any] = {"credential": None, "handpiece": None, "turnover": None, "consents": (), "cleansings": (), "cartridges": ()}
    consultation = met_case(visit=put(VISIT, visit_type=VisitType.CONSULTATION), **nothing)
    assert unmet_rules(consultation) == set()
    skipped = [finding for finding in ask_the_gate(consultation) if finding.parameters.get("reason") == "not_required"]
    assert len(skipped) == 19
    follow_up = met_case(visit=put(VISIT, visit_type=VisitType.FOLLOW_UP), arrivals=(), **nothing)
    assert unmet_rules(follow_up) == {"identity_must_be_confirmed", "client_must_be_contactable"}


def test_what_policy_leaves_off_is_met_as_not_required() -> None:
    default = policy_from_toml("")
    case = met_case(default, photos_taken=False, emergency_kit_in_date=False, consents=(put(CONSENT, signed_at=NOW),))
    assert unmet_rules(case) == set()
    for rule in ("cooling_off_must_be_over", "photographs_must_be_taken", "emergency_kit_must_be_in_date"):
        assert reason(case, rule) == "not_required"


def test_the_front_desk_sees_no_health_reasons_and_keeps_the_date() -> None:
    """29"""
    shown = for_front_desk(ask_the_gate(met_case(**waiting_until(date(2026, 11, 25)), turnover=None)))
    assert not {"G02", "G04", "G05", "G06"} & {finding.code for finding in shown}
    failed = [finding for finding in shown if finding.verdict is Verdict.UNMET]
    assert {finding.rule for finding in failed} == {"room_must_be_turned_over", "client_must_be_eligible_today"}
    assert all(name("restriction") not in finding.evidence for finding in shown)
    assert [f.earliest_ok for f in failed if f.rule == "client_must_be_eligible_today"] == [datetime(2026, 11, 24, 23, tzinfo=UTC)]


def test_every_finding_has_a_sentence_of_its_own() -> None:
    cases = (met_case(), met_case().model_copy(update={"policy": None}), met_case(visit=None, arrivals=(), turnover=None))
    for case in cases:
        for finding in ask_the_gate(case):
            said = sentence(finding)
            assert said.endswith((".", "!")), finding
            assert "…" not in said, finding
            assert "_" not in said, finding
