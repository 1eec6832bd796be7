"""Bookings that move, are resolved, or are given up."""

from typing import Any
from uuid import UUID

from events.catalog.booking import BookingCanceled, BookingConfirmed, BookingRescheduled, RequestRefused
from events.transaction import Answer, Transaction
from schemas.booking import BookingCancellation, BookingMove, BookingResolution, Move
from schemas.vocabulary import Finding, Visit
from services.booking.commands.making import judge, refuse
from services.booking.models import Booking
from services.booking.queries import row_of, visit_of
from services.booking.rules import allows, booking_must_be_known, booking_must_not_be_over, speaking_against


def state_findings(booking_id: UUID, row: Booking | None, *allowed: str) -> tuple[Finding, ...]:
    """Whether the booking is there and in a state that this may be done in."""
    known = booking_must_be_known(booking_id, known=row is not None)
    return (known,) if row is None else (known, booking_must_not_be_over(booking_id, row.state, allowed=allowed))


async def refuse_request(tx: Transaction, command: str, booking_id: UUID, findings: tuple[Finding, ...]) -> Answer[Any]:
    """Say no to something about a booking that is not a slot."""
    return await tx.answer(RequestRefused(command=command, subject_id=booking_id, findings=speaking_against(findings)))


def _moved(visit: Visit, move: Move) -> Visit:
    named = {name: value for name, value in dict(move).items() if value is not None and name != "booking_id"}
    return Visit.model_validate({**dict(visit), **named})


async def reschedule_booking(tx: Transaction, request: BookingMove) -> Answer[Any]:
    """Move a booking by the same rules as a new one. If the new slot cannot be given, the old one stays."""
    row = await row_of(tx.rows, tx.clinic_id, request.booking_id)
    findings = state_findings(request.booking_id, row, "confirmed")
    if row is None or not allows(findings):
        return await refuse_request(tx, "reschedule_booking", request.booking_id, findings)
    judged = await judge(tx, _moved(visit_of(row), request), is_new=False, moves=True, given_start=request.starts_at)
    if not judged.allowed:
        return await refuse(tx, judged)
    return await tx.answer(BookingRescheduled(visit=judged.visit, findings=judged.against), policy=judged.policy)


async def resolve_booking(tx: Transaction, request: BookingResolution) -> Answer[Any]:
    """Confirm a conflicted booking, in its own slot or another, once nothing stands in the way."""
    row = await row_of(tx.rows, tx.clinic_id, request.booking_id)
    findings = state_findings(request.booking_id, row, "conflicted")
    if row is None or not allows(findings):
        return await refuse_request(tx, "resolve_booking", request.booking_id, findings)
    move = request.move
    visit = visit_of(row) if move is None else _moved(visit_of(row), move)
    judged = await judge(tx, visit, is_new=False, moves=move is not None, given_start=move.starts_at if move else None)
    if not judged.allowed:
        return await refuse(tx, judged)
    return await tx.answer(BookingConfirmed(visit=visit, findings=judged.against), policy=judged.policy)


async def cancel_booking(tx: Transaction, request: BookingCancellation) -> Answer[Any]:
    """Free the slot. What was canceled before stays canceled, with the answer of then."""
    row = await row_of(tx.rows, tx.clinic_id, request.booking_id)
    if row is not None and row.state == "canceled":
        return await tx.repeat(row.event_id)
    findings = state_findings(request.booking_id, row, "confirmed", "conflicted")
    if row is None or not allows(findings):
        return await refuse_request(tx, "cancel_booking", request.booking_id, findings)
    return await tx.answer(BookingCanceled(booking_id=row.booking_id, client_id=row.client_id, reason=request.reason))
