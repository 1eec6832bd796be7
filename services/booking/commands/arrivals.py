"""Clients who come, come without a booking, or do not come."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from events.catalog.booking import ArrivalWithdrawn, BookingConfirmed, BookingFlagged, BookingRequested, ClientArrived
from events.transaction import Answer, Transaction
from schemas.booking import ArrivalWithdrawal, ClientArrival, NoShow, Recognition, WalkIn
from schemas.policy import Policy, age_band, local_date
from services.booking.commands.making import judge, refuse
from services.booking.commands.moving import refuse_request, state_findings
from services.booking.models import Booking, ClientDetails, Flag
from services.booking.queries import details_of, load_policy, row_of
from services.booking.rules import (
    allows,
    arrival_may_be_recorded_on_the_day_only,
    arrival_may_not_lie_ahead,
    client_must_have_arrived,
    identity_matches,
    no_show_may_be_said_late_enough,
    person_must_be_known,
    policy_must_be_in_force,
)


def _is_confirmed(arrival: Recognition, details: ClientDetails) -> bool:
    """What was said at the desk is compared here and kept nowhere."""
    if arrival.identity is None:
        return bool(arrival.identity_confirmed)
    return identity_matches(arrival.identity, details.given_name, details.family_name, details.date_of_birth)


def _arrived(
    tx: Transaction, policy: Policy, booking: Booking, details: ClientDetails, *, confirmed: bool, came_at: datetime | None = None
) -> ClientArrived:
    return ClientArrived(
        booking_id=booking.booking_id,
        client_id=booking.client_id,
        identity_confirmed=confirmed,
        age_band=age_band(policy, details.date_of_birth, local_date(policy, tx.now)),
        contactable=details.email is not None or details.phone is not None,
        occurred_at=came_at,
    )


async def record_arrival(tx: Transaction, request: ClientArrival) -> Answer[Any]:
    """The client has come. An identity that does not match is recorded as not confirmed; the gate will refuse it."""
    rule = await load_policy(tx.rows, tx.clinic_id, tx.now)
    row = await row_of(tx.rows, tx.clinic_id, request.booking_id)
    findings = (
        policy_must_be_in_force(known=rule is not None),
        *state_findings(request.booking_id, row, "confirmed", "conflicted"),
    )
    if rule is None or row is None:
        return await refuse_request(tx, "record_arrival", request.booking_id, findings)
    details = await details_of(tx.rows, tx.clinic_id, row.client_id)
    findings = (
        *findings,
        arrival_may_be_recorded_on_the_day_only(rule.policy, row.starts_at, tx.now, came_at=request.occurred_at or tx.now),
        arrival_may_not_lie_ahead(rule.policy, request.occurred_at or tx.now, tx.now),
        person_must_be_known(row.client_id, "client_id", known=details is not None),
    )
    if details is None or not allows(findings):
        return await refuse_request(tx, "record_arrival", request.booking_id, findings)
    confirmed = _is_confirmed(request, details)
    if row.arrival_event_id is not None and row.identity_confirmed == confirmed:
        return await tx.repeat(row.arrival_event_id)
    arrived = _arrived(tx, rule.policy, row, details, confirmed=confirmed, came_at=request.occurred_at)
    return await tx.answer(arrived, policy=rule.version)


async def withdraw_arrival(tx: Transaction, request: ArrivalWithdrawal) -> Answer[Any]:
    """The client has not come after all. Whatever was begun with them stands: nobody who was treated was not there."""
    row = await row_of(tx.rows, tx.clinic_id, request.booking_id)
    findings = state_findings(request.booking_id, row, "confirmed", "conflicted")
    if row is not None:
        findings = (*findings, client_must_have_arrived(request.booking_id, arrived=row.arrival_event_id is not None))
    if row is None or row.arrival_event_id is None or not allows(findings):
        return await refuse_request(tx, "withdraw_arrival", request.booking_id, findings)
    return await tx.answer(ArrivalWithdrawn(booking_id=row.booking_id, client_id=row.client_id, arrival=row.arrival_event_id))


async def walk_in(tx: Transaction, request: WalkIn) -> Answer[Any]:
    """A booking from now on, by every rule, and the arrival with it."""
    visit = request.visit(tx.now, tx.now + timedelta(minutes=request.minutes))
    judged = await judge(tx, visit)
    await tx.record(BookingRequested(visit=visit), policy=judged.policy)
    details = await details_of(tx.rows, tx.clinic_id, visit.client_id)
    if judged.case is None or details is None or not judged.allowed:
        return await refuse(tx, judged.also(person_must_be_known(visit.client_id, "client_id", known=details is not None)))
    answer = await tx.answer(BookingConfirmed(visit=visit, findings=judged.against), policy=judged.policy)
    row = await row_of(tx.rows, tx.clinic_id, visit.booking_id)
    if row is not None:
        confirmed = _is_confirmed(request.arrival, details)
        await tx.record(_arrived(tx, judged.case.policy, row, details, confirmed=confirmed), policy=judged.policy)
    return answer


async def record_no_show(tx: Transaction, request: NoShow) -> Answer[Any]:
    """The client did not come in time. The slot stays taken until somebody cancels it; an arrival undoes this."""
    rule = await load_policy(tx.rows, tx.clinic_id, tx.now)
    row = await row_of(tx.rows, tx.clinic_id, request.booking_id)
    if row is not None and row.no_show_at is not None:
        said = select(Flag.cause).where(Flag.clinic_id == tx.clinic_id, Flag.booking_id == row.booking_id, Flag.reason == "no_show")
        return await tx.repeat((await tx.rows.execute(said)).scalar_one())
    findings = (policy_must_be_in_force(known=rule is not None), *state_findings(request.booking_id, row, "confirmed"))
    if rule is None or row is None:
        return await refuse_request(tx, "record_no_show", request.booking_id, findings)
    findings = (*findings, no_show_may_be_said_late_enough(rule.policy, row.starts_at, row.arrived_at, tx.now))
    if not allows(findings):
        return await refuse_request(tx, "record_no_show", request.booking_id, findings)
    missed = BookingFlagged(booking_id=row.booking_id, client_id=row.client_id, reason="no_show", cause=tx.event_id)
    return await tx.answer(missed, policy=rule.version)
