"""When a visit may be: length, hours, what is taken, and the cleaning after it."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest

from schemas.vocabulary import Verdict
from services.booking.rules import ASKED, allows, ask
from tests.rules.booking_case import CLIENT, DEVICE, NOW, PRACTITIONER, ROOM, busy, case, finding, local, visit_at


def test_nothing_speaks_against_a_free_slot() -> None:
    findings = ask(visit_at(local(3, 3, 10)), case())
    assert [said.verdict for said in findings] == [Verdict.MET] * len(ASKED)


def test_every_finding_bears_its_rules_name() -> None:
    assert [said.rule for said in ask(visit_at(local(3, 3, 10)), case())] == [rule.__name__ for rule in ASKED]


@pytest.mark.parametrize(("minute", "verdict"), [(14, Verdict.UNMET), (15, Verdict.MET)])
def test_a_room_is_free_when_its_turnover_is_over(minute: int, verdict: Verdict) -> None:
    taken = case(busy={ROOM: [busy(local(3, 3, 9))]})
    said = finding("room_must_be_free", visit_at(local(3, 3, 10, minute)), taken)
    assert said.verdict is verdict
    if verdict is Verdict.UNMET:
        assert said.earliest_ok == local(3, 3, 10, 15)
        assert said.evidence == (UUID(int=99),)


@pytest.mark.parametrize(("minute", "verdict"), [(46, Verdict.UNMET), (45, Verdict.MET)])
def test_the_own_turnover_must_be_over_before_the_next_visit(minute: int, verdict: Verdict) -> None:
    taken = case(busy={ROOM: [busy(local(3, 3, 12))]})
    assert finding("room_must_be_free", visit_at(local(3, 3, 10, minute)), taken).verdict is verdict


def test_a_handpiece_in_its_reprocessing_is_named_with_the_time_it_frees() -> None:
    said = finding("device_must_be_free", visit_at(local(3, 3, 10, 5)), case(busy={DEVICE: [busy(local(3, 3, 9))]}))
    assert said.verdict is Verdict.UNMET
    assert said.parameters["subject"] == str(DEVICE)
    assert said.parameters["free_from"] == "2026-03-03T10:10"


def test_people_need_no_cleaning() -> None:
    taken = case(busy={PRACTITIONER: [busy(local(3, 3, 9))], CLIENT: [busy(local(3, 3, 11))]})
    assert allows(ask(visit_at(local(3, 3, 10)), taken))
    early = ask(visit_at(local(3, 3, 9, 59)), taken)
    assert {said.rule for said in early if said.verdict is Verdict.UNMET} == {"practitioner_must_be_free"}
    late = ask(visit_at(local(3, 3, 10, 1)), taken)
    assert {said.rule for said in late if said.verdict is Verdict.UNMET} == {"client_must_not_be_in_two_places"}


def test_all_conflicts_are_named() -> None:
    taken = case(busy={ROOM: [busy(local(3, 3, 10, 30), 20, booking=98), busy(local(3, 3, 9), booking=97)]})
    said = finding("room_must_be_free", visit_at(local(3, 3, 10)), taken)
    assert said.evidence == (UUID(int=97), UUID(int=98))
    assert said.earliest_ok == local(3, 3, 11, 5)


def test_a_booking_does_not_stand_in_its_own_way() -> None:
    visit = visit_at(local(3, 3, 10))
    assert allows(ask(visit, case(busy={ROOM: [busy(local(3, 3, 10, 30), booking=visit.booking_id.int)]})))


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(0, Verdict.UNMET), (-30, Verdict.UNMET), (1, Verdict.MET), (480, Verdict.MET), (481, Verdict.UNMET)]
)
def test_a_slot_has_a_sound_length(minutes: int, verdict: Verdict) -> None:
    assert finding("slot_must_have_a_sound_length", visit_at(local(3, 3, 8), minutes), case()).verdict is verdict


def test_a_slot_lies_ahead() -> None:
    assert finding("slot_must_not_lie_in_the_past", visit_at(NOW), case()).verdict is Verdict.MET
    said = finding("slot_must_not_lie_in_the_past", visit_at(NOW - timedelta(seconds=1)), case())
    assert (said.verdict, said.earliest_ok) == (Verdict.UNMET, NOW)


def test_a_slot_lies_within_the_horizon() -> None:
    last = visit_at(datetime(2026, 8, 29, 10, tzinfo=NOW.tzinfo))
    assert finding("slot_must_lie_within_the_horizon", last, case()).verdict is Verdict.MET
    beyond = visit_at(datetime(2026, 8, 30, 10, tzinfo=NOW.tzinfo))
    assert finding("slot_must_lie_within_the_horizon", beyond, case()).verdict is Verdict.UNMET


@pytest.mark.parametrize(
    ("starts_at", "verdict"),
    [
        (local(3, 3, 8), Verdict.MET),
        (local(3, 3, 19), Verdict.MET),
        (local(3, 3, 19, 1), Verdict.UNMET),
        (local(3, 3, 7, 59), Verdict.UNMET),
        (local(3, 8, 10), Verdict.UNMET),
    ],
    ids=["first", "last", "too late", "too early", "sunday"],
)
def test_a_slot_lies_in_opening_hours(starts_at: datetime, verdict: Verdict) -> None:
    assert finding("slot_must_lie_in_opening_hours", visit_at(starts_at), case()).verdict is verdict


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ("2026-03-29T02:30:00+01:00", Verdict.UNMET),
        ("2026-03-29T02:30:00+02:00", Verdict.UNMET),
        ("2026-03-29T01:30:00+00:00", Verdict.MET),
        ("2026-03-29T03:30:00+02:00", Verdict.MET),
        ("2026-10-25T02:30:00+02:00", Verdict.MET),
        ("2026-10-25T02:30:00+01:00", Verdict.MET),
    ],
)
def test_a_time_that_does_not_exist_is_asked_again(given: str, verdict: Verdict) -> None:
    starts_at = datetime.fromisoformat(given)
    said = finding("slot_must_name_a_time_that_exists", visit_at(starts_at), case(given_start=starts_at))
    assert said.verdict is verdict


def test_a_foreign_offset_names_an_instant() -> None:
    starts_at = datetime(2026, 3, 29, 2, 30, tzinfo=timezone(timedelta(hours=-5)))
    said = finding("slot_must_name_a_time_that_exists", visit_at(starts_at), case(given_start=starts_at))
    assert said.verdict is Verdict.MET
