"""What other services say about booked clients: treatments, safety holds, overrides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import RuleOverridden, TreatmentEnded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.tables import Rows, Write
from schemas.vocabulary import AreaDepth
from services.booking.models import Booking, Flag, Hold, Occupancy, Override, Session
from services.booking.projectors.bookings import FREE_PART, OF_BOOKING, SET_STATE, TAKEN
from services.booking.projectors.following import projects

_NEW = insert(Session)
KEEP_SESSION = Write(
    _NEW.on_conflict_do_update(
        index_elements=["clinic_id", "treatment_id"], set_={name: _NEW.excluded[name] for name in ("client_id", "modality", "depths")}
    ),
    ("clinic_id", "treatment_id", "client_id", "modality", "depths", "started_at"),
)
"""When it began stays as it was said first."""

FORGET_SESSION = Write(delete(Session).where(Session.clinic_id == bindparam("clinic"), Session.treatment_id == bindparam("treatment")))
_BOOKED_FROM, _BOOKED_UNTIL = (select(column).where(*OF_BOOKING).scalar_subquery() for column in (Booking.starts_at, Booking.ends_at))
_PART = insert(Occupancy).values(
    clinic_id=bindparam("clinic"),
    booking_id=bindparam("booking"),
    part=bindparam("part"),
    subject_id=bindparam("subject"),
    starts_at=func.least(_BOOKED_FROM, bindparam("started_at")),
    ends_at=func.greatest(_BOOKED_UNTIL, bindparam("planned_end_at")),
)
USE_PART = Write(
    _PART.on_conflict_do_update(
        index_elements=["clinic_id", "booking_id", "part"],
        set_={name: _PART.excluded[name] for name in ("subject_id", "starts_at", "ends_at")},
    )
)
STAY_TAKEN = Write(update(Occupancy).where(*TAKEN).values(ends_at=func.greatest(Occupancy.ends_at, bindparam("ended_at"))))


def _keep_session(rows: Rows, entry: Entry[Any], started_at: datetime, depths: tuple[AreaDepth, ...]) -> None:
    rows.write(
        KEEP_SESSION,
        clinic_id=entry.clinic_id,
        treatment_id=entry.event.treatment_id,
        client_id=entry.event.client_id,
        modality=entry.event.modality,
        depths=[depth.model_dump(mode="json") for depth in depths],
        started_at=started_at,
    )


@projects(TreatmentStarted)
async def count_started_treatment(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    """Until it ends, all areas count to the consented depth; room, handpiece and practitioner are those really used."""
    started = entry.event
    _keep_session(rows, entry, entry.recorded_at, tuple(AreaDepth(area=area, depth_um=started.max_depth_um) for area in started.areas))
    this = {"clinic": entry.clinic_id, "booking": started.booking_id}
    rows.write(SET_STATE, **this, now="started")
    used: Mapping[str, UUID | None] = {
        "practitioner": started.practitioner_id,
        "room": started.equipment.room_id,
        "device": started.equipment.handpiece_id,
        "client": started.client_id,
    }
    for part, subject_id in used.items():
        if subject_id is None:
            rows.write(FREE_PART, **this, part=part)
        else:
            when = {"started_at": entry.recorded_at, "planned_end_at": started.planned_end_at}
            rows.write(USE_PART, **this, part=part, subject=subject_id, **when)


@projects(TreatmentEnded)
async def count_ended_treatment(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    """The depths really reached count from now on; without needle contact nothing does."""
    ended = entry.event
    if ended.needle_contact:
        _keep_session(rows, entry, ended.ended_at, ended.depths)
    else:
        rows.write(FORGET_SESSION, clinic=entry.clinic_id, treatment=ended.treatment_id)
    rows.write(SET_STATE, clinic=entry.clinic_id, booking=ended.booking_id, now="ended")
    rows.write(STAY_TAKEN, clinic=entry.clinic_id, booking=ended.booking_id, ended_at=ended.ended_at)


@projects(TreatmentRecordedLate)
async def count_late_treatment(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    late = entry.event
    if late.needle_contact:
        _keep_session(rows, entry, late.started_at, late.depths)
    if late.booking_id is not None:
        rows.write(SET_STATE, clinic=entry.clinic_id, booking=late.booking_id, now="ended")


@projects(SafetyHoldPlaced)
async def keep_hold(rows: Rows, entry: Entry[SafetyHoldPlaced]) -> None:
    rows.put(Hold, clinic_id=entry.clinic_id, hold_id=entry.event.hold_id, client_id=entry.event.client_id)


LIFT = Write(delete(Hold).where(Hold.clinic_id == bindparam("clinic"), Hold.hold_id == bindparam("hold")))
UNFLAG_HELD = Write(
    delete(Flag).where(Flag.clinic_id == bindparam("clinic"), Flag.reason == "safety_hold", Flag.cause == bindparam("hold"))
)


@projects(SafetyHoldLifted)
async def lift_hold(rows: Rows, entry: Entry[SafetyHoldLifted]) -> None:
    rows.write(LIFT, clinic=entry.clinic_id, hold=entry.event.hold_id)
    rows.write(UNFLAG_HELD, clinic=entry.clinic_id, hold=entry.event.hold_id)


@projects(RuleOverridden)
async def keep_override(rows: Rows, entry: Entry[RuleOverridden]) -> None:
    overridden = entry.event
    rows.put(
        Override,
        clinic_id=entry.clinic_id,
        booking_id=overridden.booking_id,
        # The gate's rules have other names than booking's; what both serve is the number.
        rule=overridden.code or overridden.rule,
        override_id=overridden.override_id,
        valid_until=overridden.valid_until,
    )
