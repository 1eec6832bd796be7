"""Who and what must be known, and what they may do."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.booking import StatedIdentity
from schemas.vocabulary import Area, Modality, Role, Verdict, Visit, VisitType
from services.booking.rules import (
    KnownClient,
    KnownPractitioner,
    KnownResource,
    Situation,
    allows,
    arrival_may_be_recorded_on_the_day_only,
    arrival_may_not_lie_ahead,
    ask,
    identity_matches,
    no_show_may_be_said_late_enough,
)
from tests.rules.booking_case import BOOKING, CLIENT, DEVICE, POLICY, PRACTITIONER, ROOM, case, finding, local, visit_at

VISIT = visit_at(local(3, 3, 10))


def unmet(visit: Visit, situation: Situation) -> set[str]:
    return {said.rule for said in ask(visit, situation) if said.verdict is Verdict.UNMET}


def practitioner(**other: Any) -> Situation:
    known = case()
    return replace(known, practitioners={PRACTITIONER: replace(known.practitioners[PRACTITIONER], **other)})


def test_who_is_not_known_is_not_booked() -> None:
    assert unmet(VISIT, case(client=None)) == {"client_must_be_known"}
    assert unmet(VISIT, case(practitioners={})) == {"practitioner_must_be_known"}
    assert unmet(VISIT, case(resources={})) == {"room_must_be_known", "device_must_suit_the_treatment"}
    assert unmet(VISIT, case(used_booking_ids=frozenset({BOOKING}))) == {"booking_id_must_be_unused"}


def test_a_device_is_no_room_and_a_room_no_device() -> None:
    swapped = visit_at(local(3, 3, 10), room_id=DEVICE, device_id=ROOM)
    assert unmet(swapped, case()) == {"room_must_be_known", "device_must_suit_the_treatment"}


def test_a_credential_holds_on_its_last_day_and_no_longer() -> None:
    assert allows(ask(VISIT, practitioner(valid_until=date(2026, 3, 3))))
    assert unmet(VISIT, practitioner(valid_until=date(2026, 3, 2))) == {"credential_must_hold_on_the_day"}


def test_a_credential_covers_the_modality() -> None:
    rf = visit_at(local(3, 3, 10), modality=Modality.RF_MICRONEEDLING, device_id=None)
    assert "credential_must_hold_on_the_day" in unmet(rf, case())


def test_a_consultation_needs_nobody_with_a_needle_license() -> None:
    talk = visit_at(local(3, 3, 10), visit_type=VisitType.CONSULTATION, areas=(), depth_um=0, device_id=None)
    assert allows(ask(talk, practitioner(modalities=frozenset())))


@pytest.mark.parametrize(
    ("role", "own_um", "modality", "depth_um", "allowed"),
    [
        (Role.PRACTITIONER, 1500, Modality.MICRONEEDLING, 1500, True),
        (Role.PRACTITIONER, 2500, Modality.MICRONEEDLING, 1501, False),
        (Role.PRACTITIONER, 1000, Modality.MICRONEEDLING, 1001, False),
        (Role.PRACTITIONER, 2500, Modality.RF_MICRONEEDLING, 500, False),
        (Role.CLINICIAN, 2500, Modality.MICRONEEDLING, 2500, True),
        (Role.CLINICIAN, 2500, Modality.RF_MICRONEEDLING, 500, True),
    ],
)
def test_who_may_needle_how_deep(role: Role, own_um: int, modality: Modality, depth_um: int, *, allowed: bool) -> None:
    person = KnownPractitioner(role, frozenset(Modality), own_um, date(2027, 1, 1))
    visit = visit_at(local(3, 3, 10), modality=modality, depth_um=depth_um, device_id=None)
    said = finding("practitioner_may_needle_that_deep", visit, case(practitioners={PRACTITIONER: person}))
    assert (said.verdict is Verdict.MET) == allowed


def test_deeper_than_usual_is_a_warning() -> None:
    around_the_eyes = visit_at(local(3, 3, 10), areas=(Area.CHEEKS, Area.PERIORBITAL))
    said = finding("depth_should_stay_within_the_cap", around_the_eyes, case())
    assert (said.verdict, said.parameters["area"], said.parameters["cap_um"]) == (Verdict.WARNING, "periorbital", 500)
    assert allows(ask(around_the_eyes, case()))


def test_a_treatment_names_areas_and_depth() -> None:
    assert unmet(visit_at(local(3, 3, 10), areas=()), case()) == {"treatment_must_name_areas_and_depth"}
    assert unmet(visit_at(local(3, 3, 10), depth_um=0), case()) == {"treatment_must_name_areas_and_depth"}


def test_a_handpiece_suits_the_treatment() -> None:
    def with_device(**other: Any) -> Situation:
        known = case()
        return replace(known, resources={**known.resources, DEVICE: replace(known.resources[DEVICE], **other)})

    assert unmet(VISIT, with_device(max_depth_um=999)) == {"device_must_suit_the_treatment"}
    assert unmet(VISIT, with_device(modality=Modality.RF_MICRONEEDLING)) == {"device_must_suit_the_treatment"}
    assert allows(ask(VISIT, with_device(modality=None, max_depth_um=None)))
    unnamed = finding("device_must_suit_the_treatment", visit_at(local(3, 3, 10), device_id=None), case())
    assert unnamed.verdict is Verdict.WARNING


def test_a_safety_hold_stops_treatments_and_no_talks() -> None:
    held = case(holds=(UUID(int=60),))
    assert unmet(VISIT, held) == {"client_must_not_be_on_hold"}
    assert allows(ask(visit_at(local(3, 3, 10), visit_type=VisitType.CONSULTATION, areas=(), depth_um=0), held))


@pytest.mark.parametrize(("born_on", "verdict"), [(date(2004, 3, 4), Verdict.WARNING), (date(2004, 3, 3), Verdict.MET)])
def test_age_counts_on_the_day_of_the_visit(born_on: date, verdict: Verdict) -> None:
    young = case(client=KnownClient(CLIENT, (CLIENT,), born_on))
    assert finding("client_should_be_of_age", VISIT, young).verdict is verdict


def test_a_resource_without_a_turnover_takes_the_policys() -> None:
    known = case(resources={ROOM: KnownResource("room"), DEVICE: KnownResource("device")})
    assert known.turnover(ROOM) == timedelta(minutes=POLICY.booking.turnover_minutes["room"])
    assert known.turnover(DEVICE) == timedelta(minutes=POLICY.booking.turnover_minutes["device"])


@pytest.mark.parametrize(
    ("given", "family", "born_on", "same"),
    [
        ("ZOE", "de  vries", date(1991, 4, 12), True),
        ("Zoë", "De Vries", date(1991, 4, 12), True),
        ("Zoë", "De Vries", date(1991, 12, 4), False),
        ("Zoë", "Vries", date(1991, 4, 12), False),
    ],
)
def test_an_identity_is_name_and_date_of_birth(given: str, family: str, born_on: date, *, same: bool) -> None:
    said = StatedIdentity(given_name=given, family_name=family, date_of_birth=born_on)
    assert identity_matches(said, "Zoë", "de Vries", date(1991, 4, 12)) is same


def test_an_arrival_belongs_to_the_local_day() -> None:
    late_evening = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    asked = arrival_may_be_recorded_on_the_day_only
    assert asked(POLICY, local(3, 3, 10), late_evening, came_at=late_evening).verdict is Verdict.MET
    assert asked(POLICY, local(3, 2, 10), late_evening, came_at=late_evening).verdict is Verdict.UNMET
    assert asked(POLICY, local(3, 3, 10), late_evening, came_at=late_evening - timedelta(hours=1)).verdict is Verdict.UNMET


def test_an_arrival_lies_no_further_ahead_than_clocks_may_differ() -> None:
    now, tolerance = local(3, 3, 10), timedelta(seconds=POLICY.gate.clock_tolerance_seconds)
    assert arrival_may_not_lie_ahead(POLICY, now + tolerance, now).verdict is Verdict.MET
    assert arrival_may_not_lie_ahead(POLICY, now + tolerance + timedelta(seconds=1), now).verdict is Verdict.UNMET


def test_a_no_show_is_said_after_the_policys_minutes() -> None:
    starts_at, after = local(3, 3, 10), timedelta(minutes=POLICY.booking.no_show_after_minutes)
    early = no_show_may_be_said_late_enough(POLICY, starts_at, None, starts_at + after - timedelta(seconds=1))
    assert (early.verdict, early.earliest_ok) == (Verdict.UNMET, starts_at + after)
    assert no_show_may_be_said_late_enough(POLICY, starts_at, None, starts_at + after).verdict is Verdict.MET
    assert no_show_may_be_said_late_enough(POLICY, starts_at, starts_at, starts_at + after).verdict is Verdict.UNMET
