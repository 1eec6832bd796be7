"""Arrivals, no-shows and changes of a booking that exists."""

import unicodedata
from datetime import datetime, timedelta
from uuid import UUID

from schemas.booking import StatedIdentity
from schemas.policy import Policy, local_date
from schemas.vocabulary import Finding, LocalDate
from services.booking.rules.situation import met, unmet


def booking_must_be_known(booking_id: UUID, *, known: bool) -> Finding:
    rule = "booking_must_be_known"
    return met(rule) if known else unmet(rule, field="booking_id", evidence=(booking_id,))


def booking_must_not_be_over(booking_id: UUID, state: str, *, allowed: tuple[str, ...]) -> Finding:
    """What was canceled, begun or ended can no longer be changed."""
    rule = "booking_must_not_be_over"
    said = {"state": state}
    return met(rule, parameters=said) if state in allowed else unmet(rule, parameters=said, evidence=(booking_id,))


def arrival_may_be_recorded_on_the_day_only(policy: Policy, starts_at: datetime, now: datetime, *, came_at: datetime) -> Finding:
    """The age on the day is part of an arrival, so it belongs to the local day of the visit."""
    rule = "arrival_may_be_recorded_on_the_day_only"
    day = local_date(policy, starts_at)
    said = {"on": day.isoformat()}
    if day == local_date(policy, now) == local_date(policy, came_at):
        return met(rule, parameters=said)
    return unmet(rule, field="booking_id", parameters=said)


def arrival_may_not_lie_ahead(policy: Policy, came_at: datetime, now: datetime) -> Finding:
    """A desk's clock may run a little ahead; policy says how little."""
    rule = "arrival_may_not_lie_ahead"
    ahead = came_at - now
    said = {"ahead_seconds": max(0, int(ahead.total_seconds()))}
    if ahead <= timedelta(seconds=policy.gate.clock_tolerance_seconds):
        return met(rule, parameters=said)
    return unmet(rule, field="occurred_at", parameters=said)


def client_must_have_arrived(booking_id: UUID, *, arrived: bool) -> Finding:
    """Only an arrival that was recorded can be taken back."""
    rule = "client_must_have_arrived"
    return met(rule) if arrived else unmet(rule, field="booking_id", evidence=(booking_id,))


def no_show_may_be_said_late_enough(policy: Policy, starts_at: datetime, arrived_at: datetime | None, now: datetime) -> Finding:
    """Some minutes after the start, and only of somebody who has not come."""
    rule = "no_show_may_be_said_late_enough"
    earliest = starts_at + timedelta(minutes=policy.booking.no_show_after_minutes)
    said = {"minutes": policy.booking.no_show_after_minutes, "arrived": int(arrived_at is not None)}
    if arrived_at is None and now >= earliest:
        return met(rule, parameters=said)
    return unmet(rule, parameters=said, earliest_ok=None if arrived_at else earliest)


def _folded(name: str) -> str:
    """A name as two people would write it alike: no case, no accents, no double blanks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def identity_matches(said: StatedIdentity, given_name: str, family_name: str, born_on: LocalDate) -> bool:
    """Name and date of birth, both. An accent or a capital that the desk left out is no difference."""
    names = (_folded(said.given_name), _folded(said.family_name)) == (_folded(given_name), _folded(family_name))
    return names and said.date_of_birth == born_on
