"""What the day board says of a booking: a look for each state, every reason once, nothing of a client's health."""

from datetime import UTC, date, datetime
from itertools import product
from typing import get_args
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from schemas.booking import BookingReply, FlagReply
from schemas.booking.replies import Attendance, BookingState
from schemas.sentences import explain
from schemas.vocabulary import Finding, Verdict
from services.booking.pages.words import LOOKS, Words, flag_in_words, look_of, reasons_of
from services.event_examples import BOOKING, VISIT
from services.screens.words import thing

AT = datetime(2026, 12, 1, 10, tzinfo=UTC)


def flag(reason: str, earliest_on: date | None = None) -> FlagReply:
    return FlagReply(reason=reason, cause=uuid4(), earliest_on=earliest_on, flagged_at=AT)


@pytest.mark.parametrize(("state", "attendance"), list(product(get_args(BookingState), get_args(Attendance))))
def test_every_state_has_its_look(state: BookingState, attendance: Attendance) -> None:
    assert look_of(BookingReply(visit=VISIT, state=state, attendance=attendance)) in LOOKS.values()


def test_no_two_states_look_alike_to_who_sees_no_color() -> None:
    assert len({look.word for look in LOOKS.values()}) == len(LOOKS)
    for look in LOOKS.values():
        alike = [other for other in LOOKS.values() if other.shape == look.shape and other.tone != look.tone]
        assert alike == [], "one shape, one color: the word alone would tell them apart"


def test_a_flag_says_nothing_of_a_clients_health() -> None:
    assert flag_in_words(flag("safety_hold")) == flag_in_words(flag("exposed")) == flag_in_words(flag("some reason of later"))
    assert flag_in_words(flag("spacing", date(2026, 12, 29))).endswith("It has from Tue 29 Dec 2026 on.")


def test_reasons_are_said_once_and_health_is_not() -> None:
    taken = explain(Finding(rule="room_must_be_known", verdict=Verdict.UNMET))
    health = explain(Finding(rule="nothing_may_contraindicate", code="G05", verdict=Verdict.UNMET))
    fine = explain(Finding(rule="practitioner_must_be_known", verdict=Verdict.MET))
    booking = BookingReply(
        visit=VISIT,
        state="conflicted",
        attendance="expected",
        findings=(taken, taken, health, fine),
        flags=(flag("two_places"), flag("two_places")),
    )
    assert reasons_of(booking) == ["The client has another booking at this time.", "There is no such room. Choose another."]


def test_times_are_those_of_the_clinics_wall() -> None:
    words = Words(ZoneInfo("Asia/Tokyo"), {BOOKING: "Ada"})
    assert words.span(VISIT) == "19:00–20:00"
    assert words.day_and_time(datetime(2026, 12, 1, 16, tzinfo=UTC)) == "Wed 2 Dec 2026, 01:00"
    assert words.person(BOOKING) == "Ada"
    assert words.person(VISIT.room_id) == thing("Practitioner", VISIT.room_id)
