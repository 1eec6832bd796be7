"""When a visit may be: a sound slot, in opening hours, while everybody and everything is free. All half-open."""

from datetime import datetime, timedelta
from uuid import UUID

from schemas.policy import local_date, local_instants, open_at, turnover_of
from schemas.vocabulary import Finding, Visit
from services.booking.rules.situation import LONGEST_VISIT, Situation, met, unmet


def slot_must_name_a_time_that_exists(visit: Visit, case: Situation) -> Finding:  # noqa: ARG001 - all rules are asked alike
    """On the spring-forward day an hour is missing: 02:30+01:00 is not shifted silently, it is asked again.

    Only the clinic's own winter or summer offset is judged: whoever writes UTC or a foreign offset names an instant.
    """
    rule = "slot_must_name_a_time_that_exists"
    given = case.given_start
    if given is not None:
        wall = given.replace(tzinfo=None)
        ours = {wall.replace(tzinfo=case.zone, fold=fold).utcoffset() for fold in (0, 1)}
        if given.utcoffset() in ours and not local_instants(case.policy, wall):
            return unmet(rule, field="starts_at", parameters={"time": wall.strftime("%Y-%m-%dT%H:%M")})
    return met(rule)


def slot_must_have_a_sound_length(visit: Visit, case: Situation) -> Finding:  # noqa: ARG001 - all rules are asked alike
    rule = "slot_must_have_a_sound_length"
    minutes = int((visit.ends_at - visit.starts_at).total_seconds() // 60)
    said = {"minutes": minutes, "most_minutes": int(LONGEST_VISIT.total_seconds() // 60)}
    if timedelta(0) < visit.ends_at - visit.starts_at <= LONGEST_VISIT:
        return met(rule, parameters=said)
    return unmet(rule, field="ends_at", parameters=said)


def slot_must_not_lie_in_the_past(visit: Visit, case: Situation) -> Finding:
    rule = "slot_must_not_lie_in_the_past"
    if visit.starts_at >= case.now:
        return met(rule)
    return unmet(rule, field="starts_at", parameters={"now": case.clock(case.now)}, earliest_ok=case.now)


def slot_must_lie_within_the_horizon(visit: Visit, case: Situation) -> Finding:
    """So far ahead, and no farther, the clinic takes bookings."""
    rule = "slot_must_lie_within_the_horizon"
    last_on = local_date(case.policy, case.now) + timedelta(days=case.policy.booking.horizon_days)
    said = {"last_on": last_on.isoformat()}
    if local_date(case.policy, visit.starts_at) <= last_on:
        return met(rule, parameters=said)
    return unmet(rule, field="starts_at", parameters=said)


def slot_must_lie_in_opening_hours(visit: Visit, case: Situation) -> Finding:
    rule = "slot_must_lie_in_opening_hours"
    if visit.ends_at - visit.starts_at > LONGEST_VISIT or open_at(case.policy, visit.starts_at, visit.ends_at):
        return met(rule)
    return unmet(rule, field="starts_at", parameters={"starts": case.clock(visit.starts_at), "ends": case.clock(visit.ends_at)})


def _must_be_free(rule: str, field: str, visit: Visit, case: Situation, subject_id: UUID | None, turnover: timedelta) -> Finding:
    if subject_id is None:
        return met(rule, "G20")
    found = case.diary(subject_id).clashes(visit.starts_at, visit.ends_at, turnover)
    clashes = [busy for busy in found if busy.booking_id != visit.booking_id]
    if not clashes:
        return met(rule, "G20")
    frees_at: datetime = max(busy.ends_at for busy in clashes) + turnover
    return unmet(
        rule,
        "G20",
        field=field,
        parameters={
            "subject": str(subject_id),
            "conflicts": len(clashes),
            "free_from": case.clock(frees_at),
            "turnover_minutes": int(turnover.total_seconds() // 60),
        },
        evidence=tuple(busy.booking_id for busy in clashes),
        earliest_ok=frees_at,
    )


def room_must_be_free(visit: Visit, case: Situation) -> Finding:
    """Free of visits and of the cleaning after them."""
    return _must_be_free("room_must_be_free", "room_id", visit, case, visit.room_id, case.turnover(visit.room_id))


def device_must_be_free(visit: Visit, case: Situation) -> Finding:
    """Free of visits and of reprocessing after them."""
    turnover = timedelta(0) if visit.device_id is None else case.turnover(visit.device_id)
    return _must_be_free("device_must_be_free", "device_id", visit, case, visit.device_id, turnover)


def practitioner_must_be_free(visit: Visit, case: Situation) -> Finding:
    turnover = turnover_of(case.policy, "practitioner")
    return _must_be_free("practitioner_must_be_free", "practitioner_id", visit, case, visit.practitioner_id, turnover)


def client_must_not_be_in_two_places(visit: Visit, case: Situation) -> Finding:
    subject_id = case.client.client_id if case.client else None
    return _must_be_free("client_must_not_be_in_two_places", "client_id", visit, case, subject_id, timedelta(0))
