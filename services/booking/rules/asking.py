"""All rules of a booking, and the search for slots that satisfy every one of them.

There is one answer to "is this slot free": `ask`. Who searches, who books and who moves a booking get the same.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from schemas.policy import Weekday, local_date
from schemas.vocabulary import Finding, Opening, Verdict, Visit
from services.booking.rules.knowing import (
    booking_id_must_be_unused,
    client_must_be_known,
    client_must_not_be_on_hold,
    client_should_be_of_age,
    credential_must_hold_on_the_day,
    depth_should_stay_within_the_cap,
    device_must_suit_the_treatment,
    practitioner_may_needle_that_deep,
    practitioner_must_be_known,
    room_must_be_known,
    treatment_must_name_areas_and_depth,
)
from services.booking.rules.situation import Situation
from services.booking.rules.slots import (
    client_must_not_be_in_two_places,
    device_must_be_free,
    practitioner_must_be_free,
    room_must_be_free,
    slot_must_have_a_sound_length,
    slot_must_lie_in_opening_hours,
    slot_must_lie_within_the_horizon,
    slot_must_name_a_time_that_exists,
    slot_must_not_lie_in_the_past,
)
from services.booking.rules.spacing import spacing_must_be_kept, spacing_to_other_bookings_must_be_kept

Rule = Callable[[Visit, Situation], Finding]

ASKED: tuple[Rule, ...] = (
    client_must_be_known,
    client_must_not_be_on_hold,
    client_should_be_of_age,
    booking_id_must_be_unused,
    treatment_must_name_areas_and_depth,
    depth_should_stay_within_the_cap,
    practitioner_must_be_known,
    credential_must_hold_on_the_day,
    practitioner_may_needle_that_deep,
    room_must_be_known,
    device_must_suit_the_treatment,
    slot_must_name_a_time_that_exists,
    slot_must_have_a_sound_length,
    slot_must_not_lie_in_the_past,
    slot_must_lie_within_the_horizon,
    slot_must_lie_in_opening_hours,
    practitioner_must_be_free,
    room_must_be_free,
    device_must_be_free,
    client_must_not_be_in_two_places,
    spacing_must_be_kept,
    spacing_to_other_bookings_must_be_kept,
)
"""In the order the front desk would ask."""

OF_PERSON_AND_ROOM: tuple[Rule, ...] = (
    practitioner_must_be_free,
    room_must_be_free,
    practitioner_must_be_known,
    credential_must_hold_on_the_day,
    practitioner_may_needle_that_deep,
    depth_should_stay_within_the_cap,
    room_must_be_known,
)
"""The rules whose answer depends on who and where. With the three groups below they are all rules; the order changes no answer."""

OF_THE_VISIT: tuple[Rule, ...] = (
    client_must_be_known,
    client_must_not_be_on_hold,
    booking_id_must_be_unused,
    treatment_must_name_areas_and_depth,
    device_must_suit_the_treatment,
    slot_must_have_a_sound_length,
)
"""The rules that every slot of a search answers alike."""

OF_THE_DAY: tuple[Rule, ...] = (client_should_be_of_age, spacing_must_be_kept, spacing_to_other_bookings_must_be_kept)
"""The rules that ask for the local date only, as long as the client has no other booking on it."""

OF_THE_START: tuple[Rule, ...] = (
    device_must_be_free,
    slot_must_lie_in_opening_hours,
    slot_must_name_a_time_that_exists,
    slot_must_not_lie_in_the_past,
    slot_must_lie_within_the_horizon,
    client_must_not_be_in_two_places,
)

CURED_BY_ANOTHER_TIME = frozenset(
    rule.__name__
    for rule in (
        slot_must_name_a_time_that_exists,
        slot_must_not_lie_in_the_past,
        slot_must_lie_within_the_horizon,
        slot_must_lie_in_opening_hours,
        practitioner_must_be_free,
        room_must_be_free,
        device_must_be_free,
        client_must_not_be_in_two_places,
        spacing_must_be_kept,
        spacing_to_other_bookings_must_be_kept,
    )
)

WEEK = tuple(Weekday)
MOST_TRIED = 3_000
"""How many combinations of time, practitioner and room one search tries: bounds the work under the clinic's lock."""


def _heed_override(finding: Finding, case: Situation) -> Finding:
    """What somebody with the role has let pass for this booking is a warning that names the override."""
    override_id = case.overrides.get(finding.rule) or case.overrides.get(finding.code)
    if finding.verdict is not Verdict.UNMET or not finding.overridable_by or override_id is None:
        return finding
    return finding.model_copy(update={"verdict": Verdict.WARNING, "evidence": (*finding.evidence, override_id)})


def ask(visit: Visit, case: Situation) -> tuple[Finding, ...]:
    """What every rule says about this visit."""
    return tuple(_heed_override(rule(visit, case), case) for rule in ASKED)


def allows(findings: Iterable[Finding]) -> bool:
    """Whether no rule is broken."""
    return all(finding.verdict is not Verdict.UNMET for finding in findings)


def speaking_against(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings worth telling: broken rules and warnings."""
    return tuple(finding for finding in findings if finding.verdict is not Verdict.MET)


def _allowed_by(rules: tuple[Rule, ...], visit: Visit, case: Situation) -> bool:
    """`allows` for some of the rules, stopping at the first that is broken."""
    return all(_heed_override(rule(visit, case), case).verdict is not Verdict.UNMET for rule in rules)


def _day_allows(slot: Visit, case: Situation, known: dict[date, bool]) -> bool:
    """What the rules of the day say, asked once a day, or of each slot where the order within the day matters."""
    on = local_date(case.policy, slot.starts_at)
    if on not in known:
        allowed = _allowed_by(OF_THE_DAY, slot, case)
        if any(local_date(case.policy, other.starts_at) == on for other in case.coming):
            return allowed
        known[on] = allowed
    return known[on]


def cannot_be_cured_by_another_time(findings: Iterable[Finding]) -> bool:
    """Whether something is wrong that no other slot would put right: then none is offered."""
    return any(f.verdict is Verdict.UNMET and f.rule not in CURED_BY_ANOTHER_TIME for f in findings)


def search_from(findings: Iterable[Finding], visit: Visit, case: Situation) -> datetime:
    """Where a search for other slots begins: at the start asked for, or when the skin has rested, at the same time of day."""
    rested = [f.earliest_ok for f in findings if f.rule.startswith("spacing_") and f.earliest_ok and f.verdict is Verdict.UNMET]
    latest_on = local_date(case.policy, case.now) + timedelta(days=case.policy.booking.horizon_days)
    begin = max(case.now, min(visit.starts_at, case.midnight(latest_on)))
    if not rested or max(rested) <= begin:
        return begin
    wanted = visit.starts_at.astimezone(case.zone).timetz()
    same_time = datetime.combine(max(rested).astimezone(case.zone).date(), wanted)
    return max(*rested, same_time.astimezone(UTC))


def slot_starts(case: Situation, from_at: datetime, days: int) -> Iterator[datetime]:
    """Every start on the clinic's grid, from a moment on, for so many local days."""
    first_on: date = local_date(case.policy, from_at)
    step = timedelta(minutes=case.policy.booking.slot_step_minutes)
    for day in (first_on + timedelta(days=n) for n in range(days)):
        hours = case.policy.clinic.opening[WEEK[day.weekday()]]
        at = case.midnight(day)
        while (local := at.astimezone(case.zone)).date() == day:
            minute = local.hour * 60 + local.minute
            if at >= from_at and hours.opens_minutes <= minute < hours.closes_minutes:
                yield at
            at += step


def open_slots(
    visit: Visit,
    case: Situation,
    starts: Iterable[datetime],
    practitioner_ids: Sequence[UUID],
    room_ids: Sequence[UUID],
    most_tried: int = MOST_TRIED,
) -> Iterator[Opening]:
    """The slots that `ask` would allow for this visit, at most one a start; earlier named practitioners and rooms first."""
    length = visit.ends_at - visit.starts_at
    case = replace(case, given_start=None)
    if not _allowed_by(OF_THE_VISIT, visit, case):
        return
    pairs = [(person, room) for person in practitioner_ids for room in room_ids]
    days: dict[date, bool] = {}
    tried = 0
    for starts_at in starts:
        tried += 1
        slot = visit.model_copy(update={"starts_at": starts_at, "ends_at": starts_at + length})
        fits = _day_allows(slot, case, days) and _allowed_by(OF_THE_START, slot, case)
        for person, room in pairs if fits else ():
            tried += 1
            if _allowed_by(OF_PERSON_AND_ROOM, slot.model_copy(update={"practitioner_id": person, "room_id": room}), case):
                yield Opening(starts_at=starts_at, ends_at=slot.ends_at, practitioner_id=person, room_id=room)
                break
        if tried > most_tried:
            return
