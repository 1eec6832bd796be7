"""How booking's tables follow the ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import (
    BookingAnnounced,
    BookingCanceled,
    BookingConfirmed,
    BookingConflicted,
    BookingFlagged,
    BookingRescheduled,
    ClientArrived,
    ClientMerged,
    ClientRegistered,
    PractitionerCredentialed,
    ResourceAdded,
)
from events.catalog.hygiene import HandpieceCommissioned
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import RuleOverridden, TreatmentEnded, TreatmentRecordedLate, TreatmentStarted
from events.envelope import Entry
from events.policy import follow_policy
from events.projection import Projection
from events.tables import Rows
from schemas.vocabulary import AreaDepth, Visit
from services.booking.models import (
    Booking,
    Client,
    Flag,
    Hold,
    Occupancy,
    Override,
    Policies,
    Practitioner,
    Resource,
    Session,
)

projects = Projection("booking")
follow_policy(projects, Policies)


async def _put(rows: Rows, into: type[Any], key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Insert a row, or set these values on the one that has the key."""
    put = insert(into).values(**key, **values)
    await rows.execute(put.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


# ------------------------------------------------------------------------------------------------ people and resources


@projects(ClientRegistered)
async def know_client(rows: Rows, entry: Entry[ClientRegistered]) -> None:
    values = {"contactable": entry.event.contactable, "into_client_id": None, "event_id": entry.event_id}
    await _put(rows, Client, {"clinic_id": entry.clinic_id, "client_id": entry.event.client_id}, values)


@projects(ClientMerged)
async def merge_client(rows: Rows, entry: Entry[ClientMerged]) -> None:
    """Point the given-up record, and all that were merged into it before, at the one that stays."""
    merged, into = entry.event.client_id, entry.event.into_client_id
    kept = (await rows.execute(select(Client.into_client_id).where(_client(entry.clinic_id, into)))).scalar_one_or_none() or into
    await rows.execute(
        update(Client)
        .where(Client.clinic_id == entry.clinic_id, (Client.client_id == merged) | (Client.into_client_id == merged))
        .values(into_client_id=case((Client.client_id == kept, None), else_=kept))
    )


def _client(clinic_id: UUID, client_id: UUID) -> Any:
    return (Client.clinic_id == clinic_id) & (Client.client_id == client_id)


@projects(PractitionerCredentialed)
async def keep_credential(rows: Rows, entry: Entry[PractitionerCredentialed]) -> None:
    credential = entry.event.model_dump(mode="python")
    key = {"clinic_id": entry.clinic_id, "practitioner_id": credential.pop("practitioner_id")}
    credential["modalities"] = list(credential["modalities"])
    await _put(rows, Practitioner, key, credential)


@projects(ResourceAdded)
async def keep_resource(rows: Rows, entry: Entry[ResourceAdded]) -> None:
    values = {"kind": entry.event.kind, "turnover_minutes": entry.event.turnover_minutes}
    await _put(rows, Resource, {"clinic_id": entry.clinic_id, "resource_id": entry.event.resource_id}, values)


@projects(HandpieceCommissioned)
async def know_handpiece(rows: Rows, entry: Entry[HandpieceCommissioned]) -> None:
    """A handpiece is a device that can be booked; its turnover, if any of its own, stays as it was set."""
    values = {"kind": "device", "modality": entry.event.modality, "max_depth_um": entry.event.max_depth_um}
    await _put(rows, Resource, {"clinic_id": entry.clinic_id, "resource_id": entry.event.handpiece_id}, values)


# ------------------------------------------------------------------------------------------------------------ bookings


def _columns(visit: Visit) -> dict[str, Any]:
    values = visit.model_dump(exclude={"booking_id"})
    return {**values, "areas": list(visit.areas)}


async def _occupy(
    rows: Rows, clinic_id: UUID, booking_id: UUID, taken: Mapping[str, UUID | None], starts_at: datetime, ends_at: datetime
) -> None:
    """Set who and what a booking takes, and when."""
    await rows.execute(
        delete(Occupancy).where(Occupancy.clinic_id == clinic_id, Occupancy.booking_id == booking_id, Occupancy.part.in_(list(taken)))
    )
    fresh = [
        {
            "clinic_id": clinic_id,
            "booking_id": booking_id,
            "part": part,
            "subject_id": subject_id,
            "starts_at": starts_at,
            "ends_at": ends_at,
        }
        for part, subject_id in taken.items()
        if subject_id is not None
    ]
    await rows.execute(insert(Occupancy).values(fresh))


@projects(BookingConfirmed, BookingAnnounced, BookingRescheduled)
async def take_slot(rows: Rows, entry: Entry[BookingConfirmed | BookingAnnounced | BookingRescheduled]) -> None:
    """The booking stands in this slot; what was said about an earlier slot of it is over."""
    visit = entry.event.visit
    elsewhen = select(Booking.booking_id).where(
        Booking.clinic_id == entry.clinic_id, Booking.booking_id == visit.booking_id, Booking.starts_at != visit.starts_at
    )
    await rows.execute(delete(Override).where(Override.clinic_id == entry.clinic_id, Override.booking_id.in_(elsewhen)))
    await _keep_booking(rows, entry, "confirmed")
    taken = {"practitioner": visit.practitioner_id, "room": visit.room_id, "device": visit.device_id, "client": visit.client_id}
    await _occupy(rows, entry.clinic_id, visit.booking_id, taken, visit.starts_at, visit.ends_at)
    await rows.execute(delete(Flag).where(Flag.clinic_id == entry.clinic_id, Flag.booking_id == visit.booking_id))
    if isinstance(entry.event, BookingRescheduled):
        await rows.execute(delete(Override).where(Override.clinic_id == entry.clinic_id, Override.booking_id == visit.booking_id))


@projects(BookingConflicted)
async def keep_conflict(rows: Rows, entry: Entry[BookingConflicted]) -> None:
    """It was promised elsewhere, and reserves nothing here."""
    await _keep_booking(rows, entry, "conflicted")


async def _keep_booking(
    rows: Rows, entry: Entry[BookingConfirmed | BookingAnnounced | BookingRescheduled | BookingConflicted], state: str
) -> None:
    visit = entry.event.visit
    values = {
        **_columns(visit),
        "state": state,
        "event_id": entry.event_id,
        "findings": [finding.model_dump(mode="json") for finding in entry.event.findings],
        "arrived_at": None,
        "identity_confirmed": None,
        "arrival_event_id": None,
        "no_show_at": None,
    }
    await _put(rows, Booking, {"clinic_id": entry.clinic_id, "booking_id": visit.booking_id}, values)


@projects(BookingCanceled)
async def free_slot(rows: Rows, entry: Entry[BookingCanceled]) -> None:
    clinic_id, booking_id = entry.clinic_id, entry.event.booking_id
    await _change(rows, clinic_id, booking_id, state="canceled", event_id=entry.event_id)
    await rows.execute(delete(Occupancy).where(Occupancy.clinic_id == clinic_id, Occupancy.booking_id == booking_id))
    await rows.execute(delete(Flag).where(Flag.clinic_id == clinic_id, Flag.booking_id == booking_id))


async def _change(rows: Rows, clinic_id: UUID, booking_id: UUID, **values: Any) -> None:
    await rows.execute(update(Booking).where(Booking.clinic_id == clinic_id, Booking.booking_id == booking_id).values(**values))


@projects(BookingFlagged)
async def raise_flag(rows: Rows, entry: Entry[BookingFlagged]) -> None:
    flagged = entry.event
    key = {"clinic_id": entry.clinic_id, "booking_id": flagged.booking_id, "reason": flagged.reason, "cause": flagged.cause}
    await _put(rows, Flag, key, {"earliest_on": flagged.earliest_on, "flagged_at": entry.recorded_at})
    if flagged.reason == "no_show":
        await _change(rows, entry.clinic_id, flagged.booking_id, no_show_at=entry.recorded_at)


@projects(ClientArrived)
async def note_arrival(rows: Rows, entry: Entry[ClientArrived]) -> None:
    """Who has come is no longer a no-show."""
    arrived = entry.event
    await _change(
        rows,
        entry.clinic_id,
        arrived.booking_id,
        arrived_at=func.coalesce(Booking.arrived_at, arrived.occurred_at or entry.recorded_at),
        identity_confirmed=arrived.identity_confirmed,
        arrival_event_id=entry.event_id,
        no_show_at=None,
    )
    await rows.execute(
        delete(Flag).where(Flag.clinic_id == entry.clinic_id, Flag.booking_id == arrived.booking_id, Flag.reason == "no_show")
    )


# ------------------------------------------------------------------------------------------------ treatments and holds


async def _keep_session(rows: Rows, entry: Entry[Any], started_at: datetime, depths: tuple[AreaDepth, ...]) -> None:
    values = {
        "client_id": entry.event.client_id,
        "modality": entry.event.modality,
        "depths": [depth.model_dump(mode="json") for depth in depths],
    }
    key = {"clinic_id": entry.clinic_id, "treatment_id": entry.event.treatment_id}
    put = insert(Session).values(**key, **values, started_at=started_at)
    await rows.execute(put.on_conflict_do_update(index_elements=list(key), set_=values))


@projects(TreatmentStarted)
async def count_started_treatment(rows: Rows, entry: Entry[TreatmentStarted]) -> None:
    """Until it ends, all areas count to the consented depth; room, handpiece and practitioner are those really used."""
    started = entry.event
    depths = tuple(AreaDepth(area=area, depth_um=started.max_depth_um) for area in started.areas)
    await _keep_session(rows, entry, entry.recorded_at, depths)
    await _change(rows, entry.clinic_id, started.booking_id, state="started")
    taken = {"practitioner": started.practitioner_id, "room": started.equipment.room_id, "device": started.equipment.handpiece_id}
    of_booking = (Booking.clinic_id == entry.clinic_id) & (Booking.booking_id == started.booking_id)
    slot = (await rows.execute(select(Booking.starts_at, Booking.ends_at).where(of_booking))).one_or_none()
    starts_at = min(slot.starts_at, entry.recorded_at) if slot else entry.recorded_at
    ends_at = max(slot.ends_at, started.planned_end_at) if slot else started.planned_end_at
    await _occupy(rows, entry.clinic_id, started.booking_id, {**taken, "client": started.client_id}, starts_at, ends_at)


@projects(TreatmentEnded)
async def count_ended_treatment(rows: Rows, entry: Entry[TreatmentEnded]) -> None:
    """The depths really reached count from now on; without needle contact nothing does."""
    ended = entry.event
    of_treatment = (Session.clinic_id == entry.clinic_id) & (Session.treatment_id == ended.treatment_id)
    if ended.needle_contact:
        await _keep_session(rows, entry, ended.ended_at, ended.depths)
    else:
        await rows.execute(delete(Session).where(of_treatment))
    await _change(rows, entry.clinic_id, ended.booking_id, state="ended")
    await rows.execute(
        update(Occupancy)
        .where(Occupancy.clinic_id == entry.clinic_id, Occupancy.booking_id == ended.booking_id)
        .values(ends_at=func.greatest(Occupancy.ends_at, ended.ended_at))
    )


@projects(TreatmentRecordedLate)
async def count_late_treatment(rows: Rows, entry: Entry[TreatmentRecordedLate]) -> None:
    late = entry.event
    if late.needle_contact:
        await _keep_session(rows, entry, late.started_at, late.depths)
    if late.booking_id is not None:
        await _change(rows, entry.clinic_id, late.booking_id, state="ended")


@projects(SafetyHoldPlaced)
async def keep_hold(rows: Rows, entry: Entry[SafetyHoldPlaced]) -> None:
    key = {"clinic_id": entry.clinic_id, "hold_id": entry.event.hold_id}
    await _put(rows, Hold, key, {"client_id": entry.event.client_id})


@projects(SafetyHoldLifted)
async def lift_hold(rows: Rows, entry: Entry[SafetyHoldLifted]) -> None:
    hold_id = entry.event.hold_id
    await rows.execute(delete(Hold).where(Hold.clinic_id == entry.clinic_id, Hold.hold_id == hold_id))
    await rows.execute(delete(Flag).where(Flag.clinic_id == entry.clinic_id, Flag.reason == "safety_hold", Flag.cause == hold_id))


@projects(RuleOverridden)
async def keep_override(rows: Rows, entry: Entry[RuleOverridden]) -> None:
    overridden = entry.event
    # The gate's rules have other names than booking's; what both serve is the number.
    key = {"clinic_id": entry.clinic_id, "booking_id": overridden.booking_id, "rule": overridden.code or overridden.rule}
    await _put(rows, Override, key, {"override_id": overridden.override_id, "valid_until": overridden.valid_until})
