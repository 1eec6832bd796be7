"""What a search offers is what a request gets: the same rules, whatever the diary looks like."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.policy import PastTreatment, Spacing, local_date
from schemas.sentences import sentences
from schemas.vocabulary import Area, Verdict, Visit
from services.booking.rules import (
    ASKED,
    Busy,
    Situation,
    allows,
    ask,
    earliest_after,
    open_slots,
    search_from,
    slot_starts,
)
from services.booking.rules.asking import OF_PERSON_AND_ROOM, OF_THE_DAY, OF_THE_START, OF_THE_VISIT
from tests.rules.booking_case import (
    CLIENT,
    DEVICE,
    NOW,
    OTHER_ROOM,
    POLICY,
    PRACTITIONER,
    ROOM,
    busy,
    case,
    finding,
    local,
    past,
    visit_at,
)

DAYS = 3
FIRST = local(3, 27)
"""Friday, Saturday, and the Sunday on which the clocks are put forward."""

moments = st.builds(lambda minutes: FIRST.astimezone(UTC) + timedelta(minutes=minutes * 5), st.integers(0, DAYS * 24 * 12))
"""As the program knows them: added up on the wall, one would fall into the hour that is left out, which equals nothing."""
diaries = st.dictionaries(
    st.sampled_from([CLIENT, DEVICE, PRACTITIONER, ROOM, OTHER_ROOM]),
    st.lists(st.builds(busy, moments, st.integers(5, 300), st.integers(100, 110)), max_size=6),
)
sessions = st.lists(
    st.builds(
        past,
        st.dates(date(2026, 2, 15), date(2026, 3, 26)),
        st.sampled_from([300, 500, 1000, 2000]),
        st.sampled_from([Area.FULL_FACE, Area.CHEEKS, Area.NECK]),
    ),
    max_size=2,
)
plans = st.lists(st.builds(lambda at: visit_at(at, booking_id=UUID(int=70)), moments), max_size=1)


def situation_of(diary: dict[UUID, list[Busy]], done: list[PastTreatment], planned: list[Visit]) -> Situation:
    return case(busy=diary, past=done, coming=planned)


@settings(max_examples=60, deadline=None)
@given(
    diary=diaries,
    done=sessions,
    planned=plans,
    minutes=st.sampled_from([15, 45, 60, 180]),
    areas=st.sampled_from([(Area.CHEEKS,), (Area.NECK,)]),
)
def test_a_search_offers_exactly_what_a_request_gets(
    diary: dict[UUID, list[Busy]], done: list[PastTreatment], planned: list[Visit], minutes: int, areas: tuple[Area, ...]
) -> None:
    known = situation_of(diary, done, planned)
    wish = visit_at(FIRST, minutes, areas=areas)
    starts = list(slot_starts(known, FIRST, DAYS))
    offered = {slot.starts_at: slot for slot in open_slots(wish, known, starts, [PRACTITIONER], [ROOM, OTHER_ROOM], 100_000)}
    for starts_at in starts:
        rooms = [room for room in (ROOM, OTHER_ROOM) if allows(ask(visit_at(starts_at, minutes, areas=areas, room_id=room), known))]
        slot = offered.get(starts_at)
        assert (slot.room_id if slot else None) == next(iter(rooms), None), starts_at


def test_a_search_asks_every_rule_in_exactly_one_group() -> None:
    grouped = [*OF_THE_VISIT, *OF_THE_DAY, *OF_THE_START, *OF_PERSON_AND_ROOM]
    assert sorted(rule.__name__ for rule in grouped) == sorted(rule.__name__ for rule in ASKED)


@settings(max_examples=60, deadline=None)
@given(diary=diaries, at=moments)
def test_a_conflict_frees_when_it_says(diary: dict[UUID, list[Busy]], at: datetime) -> None:
    visit, known = visit_at(at), case(busy=diary)
    for rule, subject_id, minutes in (("practitioner_must_be_free", PRACTITIONER, 0), ("room_must_be_free", ROOM, 15)):
        turnover = timedelta(minutes=minutes)
        taken = [one for one in diary.get(subject_id, []) if one.starts_at < visit.ends_at + turnover and at < one.ends_at + turnover]
        said = finding(rule, visit, known)
        assert said.verdict is (Verdict.UNMET if taken else Verdict.MET)
        assert said.earliest_ok == max((one.ends_at + turnover for one in taken), default=None)
        assert sorted(said.evidence) == sorted(one.booking_id for one in taken)


def test_the_grid_has_no_missing_and_no_double_hour() -> None:
    known = case()
    friday = list(slot_starts(known, FIRST, 1))
    assert (friday[0], friday[-1], len(friday)) == (local(3, 27, 8), local(3, 27, 19, 45), 48)
    assert [local_date(POLICY, start).isoformat() for start in slot_starts(known, local(3, 28, 19), 3)] == (
        ["2026-03-28"] * 4 + ["2026-03-30"] * 48
    )


def test_a_search_after_a_refusal_begins_when_the_skin_has_rested() -> None:
    known = case(past=[past(date(2026, 3, 1))])
    visit = visit_at(local(3, 10, 10))
    assert search_from(ask(visit, known), visit, known) == local(3, 29, 10)
    assert search_from((), visit_at(NOW - timedelta(days=400)), known) == NOW


def test_a_search_after_a_refusal_begins_at_the_time_asked_for() -> None:
    known = case()
    assert search_from((), visit_at(local(3, 10, 11, 30)), known) == local(3, 10, 11, 30)


def test_a_search_tries_so_many_and_no_more() -> None:
    known = case(busy={ROOM: [busy(local(3, 3), 60 * 24 * 30)]})
    starts = slot_starts(known, local(3, 3), 30)
    assert list(open_slots(visit_at(local(3, 3, 10)), known, starts, [PRACTITIONER], [ROOM], most_tried=100)) == []
    assert next(starts) < local(3, 5)


def test_rest_is_counted_in_local_dates() -> None:
    spacing = earliest_after(POLICY, [past(date(2026, 3, 1))], visit_at(local(3, 28, 10)))
    assert spacing == Spacing(earliest_on=date(2026, 3, 29), recommended_on=date(2026, 3, 31), because=(UUID(int=50),))


def test_every_rule_has_its_sentences() -> None:
    for rule in ASKED:
        assert "met" in sentences()[rule.__name__], rule.__name__
        assert {"warning", "unmet"} & set(sentences()[rule.__name__]), rule.__name__
