"""Appointments: which slot each takes, who has come, what somebody must look at."""

from sqlalchemy import bindparam, delete, func, select, update

from events.catalog.booking import (
    ArrivalWithdrawn,
    BookingAnnounced,
    BookingCanceled,
    BookingConfirmed,
    BookingConflicted,
    BookingFlagged,
    BookingRescheduled,
    ClientArrived,
)
from events.envelope import Entry
from events.tables import Rows, Write
from services.booking.models import Booking, Flag, Occupancy, Override
from services.booking.projectors.following import projects

OF_BOOKING = (Booking.clinic_id == bindparam("clinic"), Booking.booking_id == bindparam("booking"))
TAKEN = (Occupancy.clinic_id == bindparam("clinic"), Occupancy.booking_id == bindparam("booking"))
_FLAGS = (Flag.clinic_id == bindparam("clinic"), Flag.booking_id == bindparam("booking"))
_OVERRIDES = (Override.clinic_id == bindparam("clinic"), Override.booking_id == bindparam("booking"))

FREE_PART = Write(delete(Occupancy).where(*TAKEN, Occupancy.part == bindparam("part")))
FREE_ALL = Write(delete(Occupancy).where(*TAKEN))
UNFLAG = Write(delete(Flag).where(*_FLAGS))
UNFLAG_NO_SHOW = Write(delete(Flag).where(*_FLAGS, Flag.reason == "no_show"))
FORGET_OVERRIDES = Write(delete(Override).where(*_OVERRIDES))
FORGET_OVERRIDES_OF_ANOTHER_SLOT = Write(
    delete(Override).where(*_OVERRIDES, select(1).where(*OF_BOOKING, Booking.starts_at != bindparam("starts_at")).exists())
)
SET_STATE = Write(update(Booking).where(*OF_BOOKING).values(state=bindparam("now")))
CANCEL = Write(update(Booking).where(*OF_BOOKING).values(state="canceled", event_id=bindparam("event")))
MISS = Write(update(Booking).where(*OF_BOOKING).values(no_show_at=bindparam("at")))
WITHDRAW_ARRIVAL = Write(update(Booking).where(*OF_BOOKING).values(arrived_at=None, identity_confirmed=None, arrival_event_id=None))
ARRIVE = Write(
    update(Booking)
    .where(*OF_BOOKING)
    .values(
        arrived_at=func.coalesce(Booking.arrived_at, bindparam("at")),
        identity_confirmed=bindparam("identity"),
        arrival_event_id=bindparam("event"),
        no_show_at=None,
    )
)


@projects(BookingConfirmed, BookingAnnounced, BookingRescheduled)
async def take_slot(rows: Rows, entry: Entry[BookingConfirmed | BookingAnnounced | BookingRescheduled]) -> None:
    """The booking stands in this slot; what was said about an earlier slot of it is over."""
    visit = entry.event.visit
    this = {"clinic": entry.clinic_id, "booking": visit.booking_id}
    rows.write(FORGET_OVERRIDES_OF_ANOTHER_SLOT, **this, starts_at=visit.starts_at)
    _keep_booking(rows, entry, "confirmed")
    parts = (("practitioner", visit.practitioner_id), ("room", visit.room_id), ("device", visit.device_id), ("client", visit.client_id))
    for part, subject_id in parts:
        if subject_id is None:
            rows.write(FREE_PART, **this, part=part)
        else:
            rows.put(
                Occupancy,
                clinic_id=entry.clinic_id,
                booking_id=visit.booking_id,
                part=part,
                subject_id=subject_id,
                starts_at=visit.starts_at,
                ends_at=visit.ends_at,
            )
    rows.write(UNFLAG, **this)
    if isinstance(entry.event, BookingRescheduled):
        rows.write(FORGET_OVERRIDES, **this)


@projects(BookingConflicted)
async def keep_conflict(rows: Rows, entry: Entry[BookingConflicted]) -> None:
    """It was promised elsewhere, and reserves nothing here."""
    _keep_booking(rows, entry, "conflicted")


def _keep_booking(
    rows: Rows, entry: Entry[BookingConfirmed | BookingAnnounced | BookingRescheduled | BookingConflicted], state: str
) -> None:
    visit = entry.event.visit
    rows.put(
        Booking,
        clinic_id=entry.clinic_id,
        booking_id=visit.booking_id,
        client_id=visit.client_id,
        practitioner_id=visit.practitioner_id,
        room_id=visit.room_id,
        device_id=visit.device_id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        visit_type=visit.visit_type,
        modality=visit.modality,
        areas=list(visit.areas),
        depth_um=visit.depth_um,
        state=state,
        event_id=entry.event_id,
        findings=[finding.model_dump(mode="json") for finding in entry.event.findings],
        arrived_at=None,
        identity_confirmed=None,
        arrival_event_id=None,
        no_show_at=None,
    )


@projects(BookingCanceled)
async def free_slot(rows: Rows, entry: Entry[BookingCanceled]) -> None:
    this = {"clinic": entry.clinic_id, "booking": entry.event.booking_id}
    rows.write(CANCEL, **this, event=entry.event_id)
    rows.write(FREE_ALL, **this)
    rows.write(UNFLAG, **this)


@projects(BookingFlagged)
async def raise_flag(rows: Rows, entry: Entry[BookingFlagged]) -> None:
    flagged = entry.event
    rows.put(
        Flag,
        clinic_id=entry.clinic_id,
        booking_id=flagged.booking_id,
        reason=flagged.reason,
        cause=flagged.cause,
        earliest_on=flagged.earliest_on,
        flagged_at=entry.recorded_at,
    )
    if flagged.reason == "no_show":
        rows.write(MISS, clinic=entry.clinic_id, booking=flagged.booking_id, at=entry.recorded_at)


@projects(ClientArrived)
async def note_arrival(rows: Rows, entry: Entry[ClientArrived]) -> None:
    """Who has come is no longer a no-show."""
    arrived = entry.event
    this = {"clinic": entry.clinic_id, "booking": arrived.booking_id}
    came_at = arrived.occurred_at or entry.recorded_at
    rows.write(ARRIVE, **this, at=came_at, identity=arrived.identity_confirmed, event=entry.event_id)
    rows.write(UNFLAG_NO_SHOW, **this)


@projects(ArrivalWithdrawn)
async def forget_arrival(rows: Rows, entry: Entry[ArrivalWithdrawn]) -> None:
    rows.write(WITHDRAW_ARRIVAL, clinic=entry.clinic_id, booking=entry.event.booking_id)
