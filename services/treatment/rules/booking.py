"""Is this the right moment, client and slot? G21, G20, G01, G02, G03."""

from datetime import timedelta

from schemas.policy import start_window
from schemas.vocabulary import AgeBand, Visit
from services.treatment.rules.asking import Said, always, asks, met, unknown, unmet
from services.treatment.rules.case import Case

RESERVING = frozenset({"confirmed", "announced"})
"""Bookings that hold what they name. A conflicted one reserves nothing, a canceled one nothing any more."""


@always
def clock_must_be_trusted(case: Case) -> Said:
    """Ledger, database and program agree on the time; otherwise no date below means anything."""
    return met() if case.clock_trusted else unmet("clock_untrusted")


@asks("G21")
def policy_must_be_in_force(case: Case) -> Said:
    """Without one, no rule is asked and all are unmet."""
    return met(version=case.version or 0)


@asks("G20")
def booking_must_hold_its_slot(case: Case) -> Said:
    visit = case.visit
    if visit is None:
        return unmet("unknown_booking")
    if visit.state not in RESERVING:
        return unmet(visit.state, visit.event_id)
    if any(treatment_id != case.treatment_id for treatment_id in case.treated_in):
        return unmet("treated_already", *case.treated_in)
    return met(visit.event_id)


@asks("G20")
def start_must_fall_into_the_slot(case: Case) -> Said:
    """From some minutes before the slot until it ends."""
    if case.visit is None:
        return unmet("unknown_booking")
    window = start_window(case.rules_of, Visit(**case.visit.model_dump(exclude={"event_id", "state"})))
    if case.at < window.begins_at:
        minutes = -(-(window.begins_at - case.at) // timedelta(minutes=1))
        return unmet("too_early", case.visit.event_id, earliest_ok=window.begins_at, minutes=minutes)
    if case.at >= window.until:
        return unmet("too_late", case.visit.event_id)
    return met(case.visit.event_id)


@asks("G01")
def identity_must_be_confirmed(case: Case) -> Said:
    """Somebody compared name and date of birth today, and it is the client of this booking."""
    arrival = case.arrival
    if arrival is None:
        return unknown("not_arrived")
    if arrival.client_id not in case.persons_client_ids:
        return unmet("other_client", arrival.event_id)
    if not arrival.identity_confirmed:
        return unmet("not_confirmed", arrival.event_id)
    return met(arrival.event_id)


@asks("G02")
def age_must_be_allowed(case: Case) -> Said:
    """On the day of treatment. Between the legal age and the label's, a clinician has to acknowledge it (an override)."""
    arrival, age = case.arrival, case.rules_of.age
    if arrival is None:
        return unknown("not_arrived")
    match arrival.age_band:
        case AgeBand.UNDER_18:
            return met(arrival.event_id) if age.minors_allowed else unknown("minor", arrival.event_id, years=age.block_below_years)
        case AgeBand.FROM_18_TO_21:
            return unmet("outside_cleared_age", arrival.event_id, years=age.label_from_years)
        case AgeBand.FROM_22:
            return met(arrival.event_id)


@asks("G03")
def client_must_be_contactable(case: Case) -> Said:
    """Whoever cannot be reached cannot be told of a recall."""
    arrival = case.arrival
    if arrival is None:
        return unknown("not_arrived")
    return met(arrival.event_id) if arrival.contactable else unmet("not_contactable", arrival.event_id)
