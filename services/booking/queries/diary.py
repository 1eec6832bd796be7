"""Bookings, the day sheet and open slots, as they are shown."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from events.transaction import View
from schemas.booking import Attendance, BookingReply, DaySheet, FlagReply, OpenSlots, SlotSearch
from schemas.policy import Policy, local_date
from schemas.sentences import explain
from schemas.vocabulary import Finding, Verdict, Visit
from services.booking.models import Booking
from services.booking.queries.facts import BOOKED, FLAGS, STARTING
from services.booking.queries.situation import (
    Asked,
    load_policy,
    load_situation,
    rooms_of,
    visit_from,
    widen,
)
from services.booking.rules import ask, cannot_be_cured_by_another_time, open_slots, policy_must_be_in_force, slot_starts

_NOBODY = UUID(int=0)


async def row_of(rows: AsyncSession, clinic_id: UUID, booking_id: UUID) -> Booking | None:
    """One booking as it stands: a row's values, that nobody can change."""
    found: Booking | None = await BOOKED.first(rows, clinic=clinic_id, booking=booking_id)
    return found


def visit_of(row: Booking) -> Visit:
    """The visit of a booking's row."""
    return visit_from(row)


def attendance_of(row: Booking, policy: Policy | None, now: datetime) -> Attendance:
    """Whether the client has come, is late, or by now may be called a no-show."""
    if row.arrived_at is not None:
        return "arrived"
    if row.no_show_at is not None:
        return "no_show"
    if policy is None or row.state != "confirmed":
        return "expected"
    waited = now - row.starts_at
    if waited >= timedelta(minutes=policy.booking.no_show_after_minutes):
        return "no_show_due"
    return "late" if waited >= timedelta(minutes=policy.booking.late_after_minutes) else "expected"


async def _flags(rows: AsyncSession, clinic_id: UUID, booking_ids: Collection[UUID]) -> dict[UUID, list[FlagReply]]:
    found: defaultdict[UUID, list[FlagReply]] = defaultdict(list)
    for row in await FLAGS.all(rows, clinic=clinic_id, bookings=list(booking_ids)):
        found[row.booking_id].append(FlagReply(reason=row.reason, cause=row.cause, earliest_on=row.earliest_on, flagged_at=row.flagged_at))
    return found


async def _replies(view: View, policy: Policy | None, rows: Sequence[Booking]) -> tuple[BookingReply, ...]:
    flags = await _flags(view.rows, view.clinic_id, [row.booking_id for row in rows])
    return tuple(
        BookingReply.model_validate(
            {
                "visit": visit_from(row),
                "state": row.state,
                "attendance": attendance_of(row, policy, view.now),
                "arrived_at": row.arrived_at,
                "identity_confirmed": row.identity_confirmed,
                "findings": tuple(explain(Finding.model_validate(finding)) for finding in row.findings),
                "flags": tuple(flags.get(row.booking_id, ())),
            }
        )
        for row in rows
    )


async def booking_of(view: View, booking_id: UUID) -> BookingReply | None:
    """One booking with its flags, or None."""
    row = await row_of(view.rows, view.clinic_id, booking_id)
    known = await load_policy(view.rows, view.clinic_id, view.now)
    return None if row is None else (await _replies(view, known.policy if known else None, [row]))[0]


async def day_sheet(view: View, on: date) -> DaySheet:
    """All appointments of a local day, by start; canceled ones are left out. Empty before there is a policy."""
    known = await load_policy(view.rows, view.clinic_id, view.now)
    if known is None:
        return DaySheet(on=on)
    day = timedelta(days=1)
    begins = datetime.combine(on, datetime.min.time(), tzinfo=view.now.tzinfo)
    around = await STARTING.all(view.rows, clinic=view.clinic_id, from_at=begins - day, until=begins + 2 * day)
    rows = [row for row in around if local_date(known.policy, row.starts_at) == on]
    return DaySheet(on=on, bookings=await _replies(view, known.policy, rows))


async def find_slots(view: View, search: SlotSearch) -> OpenSlots:
    """The slots that a request would get, at most one per start; who and where only if it was left open."""
    known = await load_policy(view.rows, view.clinic_id, view.now)
    if known is None:
        return OpenSlots(findings=(explain(policy_must_be_in_force(known=False)),))
    asked = Asked(view.rows, view.clinic_id, view.now, known.policy)
    wish = _first_wish(search, view.now)
    case = await load_situation(asked, wish)
    people = [search.practitioner_id] if search.practitioner_id else sorted(case.practitioners)
    rooms = [search.room_id] if search.room_id else rooms_of(case)
    from_at = max(view.now, case.midnight(search.from_on))
    days = (search.from_on + timedelta(days=search.days) - local_date(known.policy, from_at)).days
    case = await widen(asked, case, from_at, search.days)
    slots = tuple(open_slots(wish, case, slot_starts(case, from_at, days), people, rooms, most_tried=100_000))
    named = wish.model_copy(update={"practitioner_id": next(iter(people), _NOBODY), "room_id": next(iter(rooms), _NOBODY)})
    findings = ask(named, case)
    rested = next((f.earliest_ok for f in findings if f.rule == "spacing_must_be_kept"), None)
    never = [f for f in findings if f.verdict is Verdict.UNMET and cannot_be_cured_by_another_time([f])]
    return OpenSlots(slots=slots, earliest_ok=rested, findings=tuple(map(explain, never)) if not slots else ())


def _first_wish(search: SlotSearch, now: datetime) -> Visit:
    return Visit(
        booking_id=_NOBODY,
        client_id=search.client_id,
        practitioner_id=search.practitioner_id or _NOBODY,
        room_id=search.room_id or _NOBODY,
        device_id=search.device_id,
        starts_at=now,
        ends_at=now + timedelta(minutes=search.minutes),
        visit_type=search.visit_type,
        modality=search.modality,
        areas=search.areas,
        depth_um=search.depth_um,
    )
