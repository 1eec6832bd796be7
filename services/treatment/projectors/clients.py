"""Bookings, arrivals, consents, screenings, clearances, holds, credentials."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import (
    BookingAnnounced,
    BookingCanceled,
    BookingConfirmed,
    BookingConflicted,
    BookingRescheduled,
    ClientArrived,
    ClientMerged,
    ClientRegistered,
    PractitionerCredentialed,
)
from events.catalog.consent import ClearanceGranted, ConsentSigned, ConsentWithdrawn, FormPublished, ScreeningAnswered
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.envelope import Entry
from events.tables import Rows
from schemas.vocabulary import Visit as VisitShape
from services.treatment.models import Arrival, Clearance, Client, Consent, Form, Hold, Override, Practitioner, Screening, Visit
from services.treatment.projectors.following import projects


async def _keep_visit(rows: Rows, clinic_id: UUID, event_id: UUID, visit: VisitShape, state: str) -> None:
    values: dict[str, Any] = visit.model_dump() | {
        "visit_type": visit.visit_type.value,
        "modality": visit.modality.value,
        "areas": [area.value for area in visit.areas],
        "event_id": event_id,
        "state": state,
    }
    new = insert(Visit).values(clinic_id=clinic_id, **values)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "booking_id"], set_=values))


@projects(BookingConfirmed)
async def take_confirmed(rows: Rows, entry: Entry[BookingConfirmed]) -> None:
    """A conflict may have been resolved into another slot: then what was overridden for the first is over."""
    visit = entry.event.visit
    elsewhen = select(Visit.booking_id).where(
        Visit.clinic_id == entry.clinic_id, Visit.booking_id == visit.booking_id, Visit.starts_at != visit.starts_at
    )
    await rows.execute(delete(Override).where(Override.clinic_id == entry.clinic_id, Override.booking_id.in_(elsewhen)))
    await _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "confirmed")


@projects(BookingAnnounced)
async def take_announced(rows: Rows, entry: Entry[BookingAnnounced]) -> None:
    await _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "announced")


@projects(BookingConflicted)
async def take_conflicted(rows: Rows, entry: Entry[BookingConflicted]) -> None:
    await _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "conflicted")


@projects(BookingRescheduled)
async def move_visit(rows: Rows, entry: Entry[BookingRescheduled]) -> None:
    """Overrides were given for the old day: they do not move along."""
    await _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "confirmed")
    given = delete(Override).where(Override.clinic_id == entry.clinic_id, Override.booking_id == entry.event.visit.booking_id)
    await rows.execute(given)


@projects(BookingCanceled)
async def cancel_visit(rows: Rows, entry: Entry[BookingCanceled]) -> None:
    of = (Visit.clinic_id == entry.clinic_id, Visit.booking_id == entry.event.booking_id)
    await rows.execute(update(Visit).where(*of).values(state="canceled", event_id=entry.event_id))


@projects(ClientArrived)
async def note_arrival(rows: Rows, entry: Entry[ClientArrived]) -> None:
    arrived = entry.event
    new = insert(Arrival).values(
        clinic_id=entry.clinic_id,
        booking_id=arrived.booking_id,
        event_id=entry.event_id,
        client_id=arrived.client_id,
        identity_confirmed=arrived.identity_confirmed,
        age_band=arrived.age_band.value,
        contactable=arrived.contactable,
        arrived_at=entry.recorded_at,
        came_at=arrived.occurred_at or entry.recorded_at,
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(ClientRegistered)
async def know_client(rows: Rows, entry: Entry[ClientRegistered]) -> None:
    new = insert(Client).values(clinic_id=entry.clinic_id, client_id=entry.event.client_id, person_id=entry.event.client_id)
    await rows.execute(new.on_conflict_do_nothing())


@projects(ClientMerged)
async def merge_client(rows: Rows, entry: Entry[ClientMerged]) -> None:
    """All records of either are one person's from now on."""
    merged = entry.event
    for client_id in (merged.client_id, merged.into_client_id):
        new = insert(Client).values(clinic_id=entry.clinic_id, client_id=client_id, person_id=client_id)
        await rows.execute(new.on_conflict_do_nothing())

    found = select(Client.person_id).where(
        Client.clinic_id == entry.clinic_id, Client.client_id.in_([merged.client_id, merged.into_client_id])
    )
    persons = (await rows.execute(found)).scalars().all()
    into = select(Client.person_id).where(Client.clinic_id == entry.clinic_id, Client.client_id == merged.into_client_id)
    one = update(Client).where(Client.clinic_id == entry.clinic_id, Client.person_id.in_(persons))
    await rows.execute(one.values(person_id=(await rows.execute(into)).scalar_one(), merged_index=entry.index))


@projects(FormPublished)
async def note_material_version(rows: Rows, entry: Entry[FormPublished]) -> None:
    """Immaterial versions leave earlier signatures as good as they were."""
    published = entry.event
    if not published.material:
        return
    new = insert(Form).values(clinic_id=entry.clinic_id, form_id=published.form_id, material_version=published.form_version)
    newest = func.greatest(Form.material_version, new.excluded.material_version)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "form_id"], set_={"material_version": newest}))


@projects(ConsentSigned)
async def keep_consent(rows: Rows, entry: Entry[ConsentSigned]) -> None:
    signed = entry.event
    new = insert(Consent).values(
        clinic_id=entry.clinic_id,
        areas=[area.value for area in signed.areas],
        modality=signed.modality.value,
        signed_at=min(signed.signed_at, entry.recorded_at),
        **signed.model_dump(
            include={
                "consent_id",
                "client_id",
                "form_id",
                "form_version",
                "max_depth_um",
                "explained_by",
                "valid_until",
            }
        ),
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(ConsentWithdrawn)
async def withdraw_consent(rows: Rows, entry: Entry[ConsentWithdrawn]) -> None:
    """From when it was said: that is a claim, but nobody gains by an early one."""
    said_at = min(entry.event.occurred_at, entry.recorded_at)
    of = (Consent.clinic_id == entry.clinic_id, Consent.consent_id == entry.event.consent_id)
    await rows.execute(update(Consent).where(*of).values(withdrawn_at=func.least(Consent.withdrawn_at, said_at)))


@projects(ScreeningAnswered)
async def keep_screening(rows: Rows, entry: Entry[ScreeningAnswered]) -> None:
    answered = entry.event
    new = insert(Screening).values(
        clinic_id=entry.clinic_id,
        screening_id=answered.screening_id,
        client_id=answered.client_id,
        extent=answered.extent,
        answered_at=min(answered.answered_at, entry.recorded_at),
        policy_digest=answered.policy_digest,
        restrictions=[restriction.model_dump(mode="json") for restriction in answered.restrictions],
        ledger_index=entry.index,
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(ClearanceGranted)
async def keep_clearance(rows: Rows, entry: Entry[ClearanceGranted]) -> None:
    granted = entry.event
    new = insert(Clearance).values(
        clinic_id=entry.clinic_id,
        clearance_id=granted.clearance_id,
        client_id=granted.client_id,
        restriction_ids=list(granted.restriction_ids),
        valid_until=granted.valid_until,
        granted_by=entry.actor.identity_id,
        granted_at=entry.recorded_at,
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(SafetyHoldPlaced)
async def place_hold(rows: Rows, entry: Entry[SafetyHoldPlaced]) -> None:
    new = insert(Hold).values(
        clinic_id=entry.clinic_id, hold_id=entry.event.hold_id, client_id=entry.event.client_id, placed_at=entry.recorded_at
    )
    await rows.execute(new.on_conflict_do_nothing())


@projects(SafetyHoldLifted)
async def lift_hold(rows: Rows, entry: Entry[SafetyHoldLifted]) -> None:
    of = (Hold.clinic_id == entry.clinic_id, Hold.hold_id == entry.event.hold_id)
    await rows.execute(update(Hold).where(*of).values(lifted_at=entry.recorded_at))


@projects(PractitionerCredentialed)
async def keep_credential(rows: Rows, entry: Entry[PractitionerCredentialed]) -> None:
    """The newest credential replaces the one before."""
    credential = entry.event
    values: dict[str, Any] = {
        "event_id": entry.event_id,
        "role": credential.role.value,
        "modalities": [modality.value for modality in credential.modalities],
        "max_depth_um": credential.max_depth_um,
        "valid_until": credential.valid_until,
    }
    new = insert(Practitioner).values(clinic_id=entry.clinic_id, practitioner_id=credential.practitioner_id, **values)
    await rows.execute(new.on_conflict_do_update(index_elements=["clinic_id", "practitioner_id"], set_=values))
