"""When the same skin may be needled again: the handbook's cases, and a model that reads them slowly."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.policy import PastTreatment, Spacing, default_policy, earliest_next_treatment, local_date, policy_from_toml, spacing_band
from schemas.vocabulary import FACE, Area, AreaDepth, Modality, Verdict

POLICY = default_policy()
NEEDLES = Modality.MICRONEEDLING
RADIO = Modality.RF_MICRONEEDLING
ZONES = ("Europe/Amsterdam", "America/New_York")

areas = st.sampled_from(Area)
depths = st.builds(AreaDepth, area=areas, depth_um=st.sampled_from([0, 300, 301, 500, 501, 1500, 1501, 2500, 2501]))
days = st.dates(date(2020, 1, 1), date(2035, 1, 1))
treatments = st.builds(
    PastTreatment,
    treatment_id=st.uuids(),
    treated_on=days,
    areas_depths=st.lists(depths, min_size=1, max_size=4).map(tuple),
    modality=st.sampled_from(Modality),
    needle_contact=st.booleans(),
)


def treated(treated_on: date, *charted: tuple[Area, int], modality: Modality = NEEDLES, needle_contact: bool = True) -> PastTreatment:
    return PastTreatment(
        treatment_id=uuid4(),
        treated_on=treated_on,
        areas_depths=tuple(AreaDepth(area=area, depth_um=depth_um) for area, depth_um in charted),
        modality=modality,
        needle_contact=needle_contact,
    )


def skin(area: Area) -> set[Area]:
    return set(FACE) if area is Area.FULL_FACE else {area}


def floor_by_hand(modality: Modality, depth_um: int) -> int:
    """The handbook's table, written out again."""
    if modality is RADIO:
        return 28
    if depth_um <= 300:
        return 7
    if depth_um <= 500:
        return 14
    return 28 if depth_um <= 1500 else 42


@pytest.mark.parametrize(
    ("modality", "depth_um", "floor_days", "recommended_days"),
    [
        (NEEDLES, 0, 7, 14),
        (NEEDLES, 300, 7, 14),
        (NEEDLES, 301, 14, 21),
        (NEEDLES, 500, 14, 21),
        (NEEDLES, 501, 28, 30),
        (NEEDLES, 1500, 28, 30),
        (NEEDLES, 1501, 42, 56),
        (NEEDLES, 2500, 42, 56),
        (NEEDLES, 9000, 42, 56),
        (RADIO, 300, 28, 42),
        (RADIO, 3500, 28, 42),
    ],
)
def test_each_depth_has_its_floor_and_its_recommendation(modality: Modality, depth_um: int, floor_days: int, recommended_days: int) -> None:
    band = spacing_band(POLICY, modality, depth_um)
    assert (band.floor_days, band.recommended_days) == (floor_days, recommended_days)


@pytest.mark.parametrize(
    ("day", "verdict"),
    [(28, Verdict.UNMET), (29, Verdict.WARNING), (30, Verdict.WARNING), (31, Verdict.MET)],
)
def test_cheeks_after_a_full_face_wait_four_weeks(day: int, verdict: Verdict) -> None:
    first = treated(date(2026, 3, 1), (Area.FULL_FACE, 1000))
    spacing = earliest_next_treatment(POLICY, [first], [Area.CHEEKS], NEEDLES)
    assert spacing == Spacing(earliest_on=date(2026, 3, 29), recommended_on=date(2026, 3, 31), because=(first.treatment_id,))
    assert spacing.verdict_on(date(2026, 3, day)) is verdict


def test_the_neck_does_not_wait_for_the_face() -> None:
    spacing = earliest_next_treatment(POLICY, [treated(date(2026, 3, 1), (Area.FULL_FACE, 1000))], [Area.NECK], NEEDLES)
    assert spacing == Spacing()
    assert spacing.verdict_on(date(2026, 3, 10)) is Verdict.MET


def test_a_late_session_in_new_york_keeps_its_own_date_in_london() -> None:
    new_york, london = (policy_from_toml(f'[clinic]\ntimezone = "{zone}"') for zone in ("America/New_York", "Europe/London"))
    started_at = datetime(2026, 2, 28, 23, 30, tzinfo=ZoneInfo("America/New_York"))
    first = treated(local_date(new_york, started_at), (Area.CHEEKS, 1000))
    assert earliest_next_treatment(london, [first], [Area.CHEEKS], NEEDLES).earliest_on == date(2026, 3, 28)


def test_a_session_without_needle_contact_starts_no_clock() -> None:
    aborted = treated(date(2026, 3, 1), (Area.CHEEKS, 1000), needle_contact=False)
    assert earliest_next_treatment(POLICY, [aborted], [Area.CHEEKS], NEEDLES) == Spacing()


def test_two_areas_of_one_session_run_on_two_clocks() -> None:
    session = [treated(date(2026, 3, 1), (Area.FOREHEAD, 300), (Area.CHEEKS, 1500), (Area.NECK, 500))]
    earliest = {
        area: earliest_next_treatment(POLICY, session, [area], NEEDLES).earliest_on for area in (Area.FOREHEAD, Area.CHEEKS, Area.NECK)
    }
    assert earliest == {Area.FOREHEAD: date(2026, 3, 8), Area.CHEEKS: date(2026, 3, 29), Area.NECK: date(2026, 3, 15)}
    assert earliest_next_treatment(POLICY, session, [Area.FULL_FACE], NEEDLES).earliest_on == date(2026, 3, 29)


def test_depth_counts_where_it_was_reached() -> None:
    session = treated(date(2026, 3, 1), (Area.FULL_FACE, 500), (Area.CHEEKS, 2000))
    assert earliest_next_treatment(POLICY, [session], [Area.NOSE], NEEDLES).earliest_on == date(2026, 3, 15)
    assert earliest_next_treatment(POLICY, [session], [Area.CHEEKS], NEEDLES).earliest_on == date(2026, 4, 12)


def test_an_older_deeper_session_can_outlast_a_newer_one_and_both_are_named() -> None:
    deep, shallow = treated(date(2026, 3, 1), (Area.CHEEKS, 2000)), treated(date(2026, 3, 27), (Area.CHEEKS, 500))
    spacing = earliest_next_treatment(POLICY, [shallow, deep], [Area.CHEEKS], NEEDLES)
    assert (spacing.earliest_on, spacing.recommended_on) == (date(2026, 4, 12), date(2026, 4, 26))
    assert spacing.because == (deep.treatment_id,)
    same_day = treated(date(2026, 3, 29), (Area.CHEEKS, 500))
    assert set(earliest_next_treatment(POLICY, [same_day, deep], [Area.CHEEKS], NEEDLES).because) == {
        deep.treatment_id,
        same_day.treatment_id,
    }


def test_merging_two_records_of_one_client_waits_for_both() -> None:
    maiden, married = [treated(date(2026, 3, 1), (Area.CHEEKS, 1000))], [treated(date(2026, 3, 20), (Area.FULL_FACE, 1000))]
    merged = earliest_next_treatment(POLICY, maiden + married, [Area.CHEEKS], NEEDLES)
    assert merged.earliest_on == date(2026, 4, 17)
    assert merged.because == (married[0].treatment_id,)


@pytest.mark.parametrize(
    ("treated_on", "earliest_on"),
    [
        (date(2028, 2, 1), date(2028, 2, 29)),
        (date(2028, 2, 29), date(2028, 3, 28)),
        (date(2027, 2, 1), date(2027, 3, 1)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2026, 12, 31), date(2027, 1, 28)),
    ],
)
def test_four_weeks_are_days_and_never_a_month(treated_on: date, earliest_on: date) -> None:
    assert earliest_next_treatment(POLICY, [treated(treated_on, (Area.CHIN, 1000))], [Area.CHIN], NEEDLES).earliest_on == earliest_on


def test_radio_frequency_and_needles_share_the_skin_unless_a_policy_parts_them() -> None:
    first = [treated(date(2026, 3, 1), (Area.CHEEKS, 1000), modality=RADIO)]
    apart = policy_from_toml('[spacing.modality_classes]\nrf_microneedling = "radio_frequency"')
    assert earliest_next_treatment(POLICY, first, [Area.CHEEKS], NEEDLES).earliest_on == date(2026, 3, 29)
    assert earliest_next_treatment(apart, first, [Area.CHEEKS], NEEDLES) == Spacing()
    assert earliest_next_treatment(apart, first, [Area.CHEEKS], RADIO).earliest_on == date(2026, 3, 29)


def test_a_new_version_of_the_policy_judges_what_was_done_before() -> None:
    stricter = policy_from_toml("[spacing.bands.medium]\nfloor_days = 35")
    spacing = earliest_next_treatment(stricter, [treated(date(2026, 3, 1), (Area.CHEEKS, 1000))], [Area.CHEEKS], NEEDLES)
    assert spacing.earliest_on == spacing.recommended_on == date(2026, 4, 5)


@given(previous=st.lists(treatments, max_size=6), wanted=st.lists(areas, max_size=4), modality=st.sampled_from(Modality))
def test_a_day_is_allowed_exactly_when_no_zone_is_still_waiting(
    previous: list[PastTreatment], wanted: list[Area], modality: Modality
) -> None:
    waiting: set[date] = set()
    blamed: set[UUID] = set()
    for past in previous:
        for charted in past.areas_depths:
            if past.needle_contact and any(skin(charted.area) & skin(area) for area in wanted):
                # Walk the calendar one day at a time, as somebody with a pencil would.
                floor = floor_by_hand(past.modality, charted.depth_um)
                waiting |= {past.treated_on + timedelta(days=passed) for passed in range(floor)}
                blamed.add(past.treatment_id)
    spacing = earliest_next_treatment(POLICY, previous, wanted, modality)
    assert spacing.earliest_on == (max(waiting) + timedelta(days=1) if waiting else None)
    assert set(spacing.because) <= blamed
    assert bool(spacing.because) == bool(waiting)
    assert all(spacing.verdict_on(day) is Verdict.UNMET for day in waiting)


@given(previous=st.lists(treatments, min_size=1, max_size=5), wanted=st.lists(areas, min_size=1, max_size=3), data=st.data())
def test_order_and_repetition_of_the_past_do_not_matter(previous: list[PastTreatment], wanted: list[Area], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations([*previous, previous[0]]))
    assert earliest_next_treatment(POLICY, shuffled, wanted, NEEDLES) == earliest_next_treatment(POLICY, previous, wanted, NEEDLES)


@given(previous=st.lists(treatments, max_size=4), more=treatments, wanted=st.lists(areas, min_size=1, max_size=3))
def test_another_treatment_never_makes_the_next_one_earlier(previous: list[PastTreatment], more: PastTreatment, wanted: list[Area]) -> None:
    before = earliest_next_treatment(POLICY, previous, wanted, NEEDLES).earliest_on or date.min
    after = earliest_next_treatment(POLICY, [*previous, more], wanted, NEEDLES).earliest_on or date.min
    assert after >= before


@pytest.mark.parametrize("zone_name", ZONES)
@given(
    treated_on=st.one_of(
        days,
        st.sampled_from([date(2026, 3, 8), date(2026, 3, 29), date(2026, 10, 25), date(2026, 11, 1)]).flatmap(
            lambda change: st.integers(-30, 2).map(lambda off: change + timedelta(days=off))
        ),
    ),
    hour=st.integers(0, 23),
    next_hour=st.integers(0, 23),
    passed=st.integers(20, 35),
)
def test_days_are_counted_on_the_wall_whatever_the_clocks_do(
    zone_name: str, treated_on: date, hour: int, next_hour: int, passed: int
) -> None:
    zone = ZoneInfo(zone_name)
    policy = POLICY.model_copy(update={"clinic": POLICY.clinic.model_copy(update={"timezone": zone_name})})
    started_at = datetime.combine(treated_on, time(hour, 30), zone).astimezone(UTC)
    next_at = datetime.combine(treated_on + timedelta(days=passed), time(next_hour, 30), zone).astimezone(UTC)
    past = treated(local_date(policy, started_at), (Area.CHEEKS, 1000))
    spacing = earliest_next_treatment(policy, [past], [Area.CHEEKS], NEEDLES)
    allowed = spacing.verdict_on(local_date(policy, next_at)) is not Verdict.UNMET
    assert allowed == (passed >= 28)


def test_the_spring_night_cuts_no_day_and_four_weeks_later_may_be_an_hour_less() -> None:
    started_at = datetime(2026, 3, 2, 10, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))
    next_at = datetime(2026, 3, 30, 9, 0, tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert next_at.astimezone(UTC) - started_at.astimezone(UTC) < timedelta(days=28)
    past = treated(local_date(POLICY, started_at), (Area.CHEEKS, 1000))
    assert earliest_next_treatment(POLICY, [past], [Area.CHEEKS], NEEDLES).verdict_on(local_date(POLICY, next_at)) is Verdict.WARNING
