"""The questions asked of the policy about time, check-ins, symptoms, age and retention."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.policy import (
    age_band,
    default_policy,
    keep_until,
    local_date,
    local_instants,
    open_at,
    planned_check_ins,
    policy_from_toml,
    start_window,
    triage,
    turnover_of,
    years_later,
)
from schemas.vocabulary import AgeBand, Modality, Visit

POLICY = default_policy()
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NEW_YORK = ZoneInfo("America/New_York")
NEEDLES = Modality.MICRONEEDLING
ALL_DAY = "\n".join(
    f"{day} = {{ opens_minutes = 0, closes_minutes = 1440 }}"
    for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
)
EXAMPLE_CLINIC = f"""
[clinic.opening]
{ALL_DAY}
[check_ins]
quiet_from_minutes = 0
quiet_until_minutes = 0
[check_ins.plan.h24]
after_seconds = 5
"""
instants = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants naive bounds


def amsterdam(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=AMSTERDAM, fold=fold)  # type: ignore[misc,arg-type]


@given(instant=instants)
def test_the_local_date_is_the_one_on_the_wall(instant: datetime) -> None:
    assert local_date(POLICY, instant) == instant.astimezone(AMSTERDAM).date()


def test_the_same_instant_is_another_day_across_the_ocean() -> None:
    late = datetime(2026, 3, 1, 23, 30, tzinfo=NEW_YORK)
    assert local_date(policy_from_toml('[clinic]\ntimezone = "America/New_York"'), late) == date(2026, 3, 1)
    assert local_date(policy_from_toml('[clinic]\ntimezone = "Europe/London"'), late) == date(2026, 3, 2)


@pytest.mark.parametrize(
    ("zone", "wall", "count"),
    [
        ("America/New_York", "2026-11-01T01:30", 2),
        ("America/New_York", "2026-03-08T02:30", 0),
        ("America/New_York", "2026-03-08T03:30", 1),
        ("Europe/Amsterdam", "2026-10-25T02:30", 2),
        ("Europe/Amsterdam", "2026-03-29T02:30", 0),
        ("Europe/Amsterdam", "2026-06-01T12:00", 1),
    ],
)
def test_a_repeated_hour_is_ambiguous_and_a_skipped_hour_is_no_time(zone: str, wall: str, count: int) -> None:
    policy = policy_from_toml(f'[clinic]\ntimezone = "{zone}"')
    assert len(local_instants(policy, datetime.fromisoformat(wall))) == count


@given(instant=instants)
def test_every_instant_is_among_those_its_wall_clock_shows(instant: datetime) -> None:
    wall = instant.astimezone(AMSTERDAM).replace(tzinfo=None)
    assert instant in local_instants(POLICY, wall)


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "is_open"),
    [
        (amsterdam(2026, 6, 1, 8), amsterdam(2026, 6, 1, 20), True),
        (amsterdam(2026, 6, 1, 7, 59), amsterdam(2026, 6, 1, 9), False),
        (amsterdam(2026, 6, 1, 19), amsterdam(2026, 6, 1, 20, 1), False),
        (amsterdam(2026, 6, 1, 20), amsterdam(2026, 6, 1, 21), False),
        (amsterdam(2026, 6, 1, 19), amsterdam(2026, 6, 2, 9), False),
        (amsterdam(2026, 6, 7, 10), amsterdam(2026, 6, 7, 11), False),
        (amsterdam(2026, 3, 30, 8), amsterdam(2026, 3, 30, 9), True),
        (amsterdam(2026, 10, 24, 8), amsterdam(2026, 10, 24, 9), True),
    ],
)
def test_the_clinic_is_open_in_its_own_hours(starts_at: datetime, ends_at: datetime, is_open: bool) -> None:
    assert open_at(POLICY, starts_at, ends_at) is is_open


def test_a_closed_day_is_closed() -> None:
    policy = policy_from_toml('[clinic]\nclosed_on = ["2026-06-01"]')
    assert not open_at(policy, amsterdam(2026, 6, 1, 10), amsterdam(2026, 6, 1, 11))
    assert open_at(policy, amsterdam(2026, 6, 2, 10), amsterdam(2026, 6, 2, 11))


# In Cairo and Havana the clocks change at midnight.
@pytest.mark.parametrize("zone_name", ["Europe/Amsterdam", "America/New_York", "Africa/Cairo", "America/Havana"])
@given(day=st.dates(date(2024, 1, 1), date(2026, 12, 31)), hour=st.integers(0, 23), minutes=st.integers(1, 3000))
@example(day=date(2026, 4, 23), hour=18, minutes=600)
@example(day=date(2026, 3, 8), hour=1, minutes=600)
def test_a_clinic_that_never_closes_is_open_across_midnight_and_clock_changes(zone_name: str, day: date, hour: int, minutes: int) -> None:
    example_clinic = policy_from_toml(EXAMPLE_CLINIC + f'[clinic]\ntimezone = "{zone_name}"')
    starts_at = datetime.combine(day, time(hour), UTC)
    assert open_at(example_clinic, starts_at, starts_at + timedelta(minutes=minutes))


def test_a_start_is_possible_from_half_an_hour_before_the_slot_until_its_end() -> None:
    starts_at = amsterdam(2026, 6, 1, 10)
    visit = Visit(
        booking_id=uuid4(),
        client_id=uuid4(),
        practitioner_id=uuid4(),
        room_id=uuid4(),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
    )
    window = start_window(POLICY, visit)
    assert (window.begins_at, window.until) == (amsterdam(2026, 6, 1, 9, 30), amsterdam(2026, 6, 1, 11))


def test_turnover_stays_on_the_resource() -> None:
    assert (turnover_of(POLICY, "room"), turnover_of(POLICY, "device")) == (timedelta(minutes=15), timedelta(minutes=10))
    with pytest.raises(KeyError):
        turnover_of(POLICY, "couch")


def test_a_visit_may_follow_when_the_turnover_is_over_and_not_a_minute_earlier() -> None:
    free_at = amsterdam(2026, 6, 1, 10) + turnover_of(POLICY, "room")
    assert amsterdam(2026, 6, 1, 10, 15) >= free_at > amsterdam(2026, 6, 1, 10, 14)


def test_check_ins_follow_after_one_and_three_and_seven_and_twenty_eight_days() -> None:
    ended_at = amsterdam(2026, 6, 1, 12)
    planned = planned_check_ins(POLICY, ended_at, 1500, NEEDLES)
    assert [(c.step, c.due_at - ended_at) for c in planned] == [
        ("h24", timedelta(hours=24)),
        ("h72", timedelta(hours=72)),
        ("d7", timedelta(days=7)),
        ("d28", timedelta(days=28)),
    ]
    assert [c.remind_at is not None for c in planned] == [True, True, False, False]
    assert [c.staff_task for c in planned] == [True, True, False, False]


@pytest.mark.parametrize(("depth_um", "modality"), [(1501, NEEDLES), (500, Modality.RF_MICRONEEDLING)])
def test_deep_needles_and_radio_frequency_add_a_second_day(depth_um: int, modality: Modality) -> None:
    steps = [c.step for c in planned_check_ins(POLICY, amsterdam(2026, 6, 1, 12), depth_um, modality)]
    assert steps == ["h24", "h48", "h72", "d7", "d28"]


@pytest.mark.parametrize(
    ("ended_at", "due_at"),
    [
        (amsterdam(2026, 6, 1, 19, 59), amsterdam(2026, 6, 2, 19, 59)),
        (amsterdam(2026, 6, 1, 20), amsterdam(2026, 6, 3, 8)),
        (amsterdam(2026, 6, 1, 7, 59), amsterdam(2026, 6, 2, 8)),
        (amsterdam(2026, 6, 1, 8), amsterdam(2026, 6, 2, 8)),
        (amsterdam(2026, 3, 27, 21), amsterdam(2026, 3, 29, 8)),
        (amsterdam(2026, 10, 23, 21), amsterdam(2026, 10, 25, 8)),
    ],
)
def test_quiet_hours_move_a_check_in_to_the_morning(ended_at: datetime, due_at: datetime) -> None:
    planned = planned_check_ins(POLICY, ended_at, 500, NEEDLES)
    assert planned[0].due_at == due_at.astimezone(UTC)


@given(ended_at=instants)
def test_no_message_leaves_in_quiet_hours_or_before_its_time_or_a_night_late(ended_at: datetime) -> None:
    for check_in in planned_check_ins(POLICY, ended_at, 2000, NEEDLES):
        after = timedelta(seconds=POLICY.check_ins.plan[check_in.step].after_seconds)
        assert timedelta(0) <= check_in.due_at - (ended_at + after) <= timedelta(hours=13)
        for sent_at in (check_in.due_at, check_in.remind_at):
            assert sent_at is None or 8 <= sent_at.astimezone(AMSTERDAM).hour < 20


@given(ended_at=instants)
@example(ended_at=datetime(2026, 3, 28, 0, 30, tzinfo=UTC))
@example(ended_at=datetime(2026, 10, 24, 0, 10, tzinfo=UTC))
@example(ended_at=datetime(2026, 10, 24, 1, 10, tzinfo=UTC))
def test_quiet_hours_within_one_day_and_over_a_skipped_hour_hold_too(ended_at: datetime) -> None:
    policy = policy_from_toml("[check_ins]\nquiet_from_minutes = 60\nquiet_until_minutes = 150")
    for check_in in planned_check_ins(policy, ended_at, 500, NEEDLES):
        local = check_in.due_at.astimezone(AMSTERDAM)
        assert not 60 <= local.hour * 60 + local.minute < 150


def test_the_example_clinic_asks_after_seconds_at_any_hour() -> None:
    ended_at = amsterdam(2026, 6, 1, 2)
    first = planned_check_ins(policy_from_toml(EXAMPLE_CLINIC), ended_at, 500, NEEDLES)[0]
    assert (first.step, first.due_at - ended_at) == ("h24", timedelta(seconds=5))


@pytest.mark.parametrize(
    ("symptoms", "tier"),
    [
        ([], "none"),
        (["mild_redness", "flaking"], "none"),
        (["redness_after_72_hours"], "review"),
        (["pus", "fever_or_chills"], "urgent"),
        (["mild_redness", "burn"], "urgent"),
        (["pus", "breathing_difficulty", "track_marks"], "emergency"),
        (["a_word_of_another_policy"], "review"),
    ],
)
def test_the_worst_symptom_sets_the_tier(symptoms: list[str], tier: str) -> None:
    assert triage(POLICY, symptoms) == tier


@pytest.mark.parametrize(
    ("born_on", "on", "band"),
    [
        (date(2008, 6, 2), date(2026, 6, 1), AgeBand.UNDER_18),
        (date(2008, 6, 2), date(2026, 6, 2), AgeBand.FROM_18_TO_21),
        (date(2004, 6, 2), date(2026, 6, 1), AgeBand.FROM_18_TO_21),
        (date(2004, 6, 2), date(2026, 6, 2), AgeBand.FROM_22),
        (date(2008, 2, 29), date(2026, 2, 28), AgeBand.UNDER_18),
        (date(2008, 2, 29), date(2026, 3, 1), AgeBand.FROM_18_TO_21),
    ],
)
def test_age_is_that_of_the_day(born_on: date, on: date, band: AgeBand) -> None:
    assert age_band(POLICY, born_on, on) is band


def test_a_leap_day_is_clamped_to_the_end_of_february() -> None:
    assert years_later(date(2024, 2, 29), 1) == date(2025, 2, 28)
    assert years_later(date(2024, 2, 29), 4) == date(2028, 2, 29)


def test_a_minors_record_is_kept_until_25_or_ten_years_whichever_is_later() -> None:
    assert keep_until(POLICY, "treatment", date(2026, 6, 1)) == date(2036, 6, 1)
    assert keep_until(POLICY, "treatment", date(2026, 6, 1), born_on=date(2012, 1, 1)) == date(2037, 1, 1)
    assert keep_until(POLICY, "treatment", date(2026, 6, 1), born_on=date(2009, 1, 1)) == date(2036, 6, 1)
    assert keep_until(POLICY, "treatment", date(2026, 6, 1), born_on=date(1990, 1, 1)) == date(2036, 6, 1)


def test_no_clinic_keeps_sterilization_logs_shorter_than_the_floor() -> None:
    policy = policy_from_toml("[retention.sterilization]\nyears = 2")
    assert keep_until(policy, "sterilization", date(2026, 6, 1)) == date(2032, 6, 1)
