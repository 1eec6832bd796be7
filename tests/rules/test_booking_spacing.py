"""How long skin must rest before a booking, after what was done and between what is booked."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from schemas.vocabulary import Area, Modality, Verdict, Visit, VisitType
from services.booking.rules import allows, ask
from tests.rules.booking_case import case, finding, local, past, visit_at


@pytest.mark.parametrize(
    ("day", "verdict"),
    [(28, Verdict.UNMET), (30, Verdict.WARNING), (31, Verdict.MET)],
)
def test_cheeks_after_a_full_face_on_the_first_of_march(day: int, verdict: Verdict) -> None:
    said = finding("spacing_must_be_kept", visit_at(local(3, day, 10)), case(past=[past(date(2026, 3, 1))]))
    assert said.verdict is verdict
    if verdict is Verdict.UNMET:
        assert said.parameters["earliest_on"] == "2026-03-29"
        assert said.earliest_ok == local(3, 29)
        assert said.evidence == (UUID(int=50),)


def test_the_neck_does_not_wait_for_the_face() -> None:
    neck = visit_at(local(3, 10, 10), areas=(Area.NECK,))
    assert finding("spacing_must_be_kept", neck, case(past=[past(date(2026, 3, 1))])).verdict is Verdict.MET


def test_the_depth_really_reached_counts() -> None:
    shallow, deep = past(date(2026, 3, 2), 500), past(date(2026, 3, 2), 1500)
    on_the_16th = visit_at(local(3, 16, 10), depth_um=500)
    assert finding("spacing_must_be_kept", on_the_16th, case(past=[shallow])).verdict is Verdict.WARNING
    assert finding("spacing_must_be_kept", on_the_16th, case(past=[deep])).verdict is Verdict.UNMET


def test_a_consultation_touches_no_skin() -> None:
    talk = visit_at(local(3, 3, 10), visit_type=VisitType.CONSULTATION, areas=(), depth_um=0, device_id=None)
    assert allows(ask(talk, case(past=[past(date(2026, 3, 1))])))


def other_at(day: int, month: int = 3, **other: Any) -> Visit:
    return visit_at(local(month, day, 10), booking_id=UUID(int=70), **other)


@pytest.mark.parametrize(
    ("month", "day", "verdict"),
    [(4, 6, Verdict.UNMET), (4, 7, Verdict.WARNING), (4, 9, Verdict.MET)],
)
def test_a_booking_keeps_its_distance_from_a_later_one(month: int, day: int, verdict: Verdict) -> None:
    visit = visit_at(local(3, 10, 10))
    said = finding("spacing_to_other_bookings_must_be_kept", visit, case(coming=[other_at(day, month)]))
    assert said.verdict is verdict


def test_after_a_planned_visit_the_planned_depth_counts() -> None:
    visit = visit_at(local(3, 31, 10), depth_um=500)
    said = finding("spacing_to_other_bookings_must_be_kept", visit, case(coming=[other_at(4, depth_um=1000)]))
    assert said.verdict is Verdict.UNMET
    assert said.earliest_ok == local(4, 1)
    assert said.evidence == (UUID(int=70),)


def test_other_skin_and_the_booking_itself_are_no_neighbors() -> None:
    visit = visit_at(local(3, 10, 10))
    neighbors = [other_at(12, areas=(Area.BACK,)), other_at(12, visit_type=VisitType.FOLLOW_UP), visit_at(local(3, 12, 10))]
    assert finding("spacing_to_other_bookings_must_be_kept", visit, case(coming=neighbors)).verdict is Verdict.MET


def test_radio_frequency_and_needles_are_one_class_of_sessions() -> None:
    visit = visit_at(local(3, 10, 10))
    neighbor = other_at(5, modality=Modality.RF_MICRONEEDLING)
    assert finding("spacing_to_other_bookings_must_be_kept", visit, case(coming=[neighbor])).verdict is Verdict.UNMET


def test_an_override_of_this_booking_turns_a_broken_spacing_into_a_warning() -> None:
    override_id = UUID(int=80)
    broken = case(past=[past(date(2026, 3, 1))], overrides={"G09": override_id})
    said = finding("spacing_must_be_kept", visit_at(local(3, 27, 10)), broken)
    assert said.verdict is Verdict.WARNING
    assert said.evidence[-1] == override_id


def test_no_override_opens_a_safety_hold() -> None:
    held = case(holds=(UUID(int=81),), overrides={"G10": UUID(int=80), "client_must_not_be_on_hold": UUID(int=80)})
    said = finding("client_must_not_be_on_hold", visit_at(local(3, 27, 10)), held)
    assert said.verdict is Verdict.UNMET
