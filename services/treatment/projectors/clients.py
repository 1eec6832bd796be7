"""Bookings, arrivals, consents, screenings, clearances, holds, credentials."""

from uuid import UUID

from sqlalchemy import ScalarSelect, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from events.catalog.booking import (
    ArrivalWithdrawn,
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
from events.catalog.consent import (
    ClearanceGranted,
    ConsentDeclined,
    ConsentSigned,
    ConsentWithdrawn,
    FormPublished,
    ScreeningAnswered,
)
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.envelope import Entry
from events.tables import Rows, Write
from schemas.vocabulary import Visit as VisitShape
from services.treatment.models import Arrival, Clearance, Client, Consent, Decline, Form, Hold, Override, Practitioner, Screening, Visit
from services.treatment.projectors.following import projects


def _keep_visit(rows: Rows, clinic_id: UUID, event_id: UUID, visit: VisitShape, state: str) -> None:
    rows.put(
        Visit,
        clinic_id=clinic_id,
        booking_id=visit.booking_id,
        event_id=event_id,
        client_id=visit.client_id,
        practitioner_id=visit.practitioner_id,
        room_id=visit.room_id,
        device_id=visit.device_id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        visit_type=visit.visit_type.value,
        modality=visit.modality.value,
        areas=[area.value for area in visit.areas],
        depth_um=visit.depth_um,
        state=state,
    )


_OF_BOOKING = (Visit.clinic_id == bindparam("clinic"), Visit.booking_id == bindparam("booking"))
_OVERRIDES = (Override.clinic_id == bindparam("clinic"), Override.booking_id == bindparam("booking"))
FORGET_OVERRIDES = Write(delete(Override).where(*_OVERRIDES))
FORGET_OVERRIDES_OF_ANOTHER_SLOT = Write(
    delete(Override).where(*_OVERRIDES, select(1).where(*_OF_BOOKING, Visit.starts_at != bindparam("starts_at")).exists())
)
FORGET_ARRIVALS = Write(delete(Arrival).where(Arrival.clinic_id == bindparam("clinic"), Arrival.booking_id == bindparam("booking")))
CANCEL = Write(update(Visit).where(*_OF_BOOKING).values(state="canceled", event_id=bindparam("event")))


@projects(BookingConfirmed)
async def take_confirmed(rows: Rows, entry: Entry[BookingConfirmed]) -> None:
    """A conflict may have been resolved into another slot: then what was overridden for the first is over."""
    visit = entry.event.visit
    rows.write(FORGET_OVERRIDES_OF_ANOTHER_SLOT, clinic=entry.clinic_id, booking=visit.booking_id, starts_at=visit.starts_at)
    _keep_visit(rows, entry.clinic_id, entry.event_id, visit, "confirmed")


@projects(BookingAnnounced)
async def take_announced(rows: Rows, entry: Entry[BookingAnnounced]) -> None:
    _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "announced")


@projects(BookingConflicted)
async def take_conflicted(rows: Rows, entry: Entry[BookingConflicted]) -> None:
    _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "conflicted")


@projects(BookingRescheduled)
async def move_visit(rows: Rows, entry: Entry[BookingRescheduled]) -> None:
    """Overrides were given for the old day: they do not move along."""
    _keep_visit(rows, entry.clinic_id, entry.event_id, entry.event.visit, "confirmed")
    rows.write(FORGET_OVERRIDES, clinic=entry.clinic_id, booking=entry.event.visit.booking_id)


@projects(BookingCanceled)
async def cancel_visit(rows: Rows, entry: Entry[BookingCanceled]) -> None:
    rows.write(CANCEL, clinic=entry.clinic_id, booking=entry.event.booking_id, event=entry.event_id)


@projects(ClientArrived)
async def note_arrival(rows: Rows, entry: Entry[ClientArrived]) -> None:
    arrived = entry.event
    rows.add(
        Arrival,
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


@projects(ArrivalWithdrawn)
async def forget_arrival(rows: Rows, entry: Entry[ArrivalWithdrawn]) -> None:
    """Also an earlier one, of which name and date of birth had not been compared."""
    rows.write(FORGET_ARRIVALS, clinic=entry.clinic_id, booking=entry.event.booking_id)


@projects(ClientRegistered)
async def know_client(rows: Rows, entry: Entry[ClientRegistered]) -> None:
    client_id = entry.event.client_id
    rows.add(Client, clinic_id=entry.clinic_id, client_id=client_id, person_id=client_id)


def _person_of(parameter: str) -> ScalarSelect[UUID]:
    return (
        select(Client.person_id).where(Client.clinic_id == bindparam("clinic"), Client.client_id == bindparam(parameter)).scalar_subquery()
    )


MERGE = Write(
    update(Client)
    .where(Client.clinic_id == bindparam("clinic"), Client.person_id.in_([_person_of("merged"), _person_of("into")]))
    .values(person_id=_person_of("into"), merged_index=bindparam("index"))
)


@projects(ClientMerged)
async def merge_client(rows: Rows, entry: Entry[ClientMerged]) -> None:
    """All records of either are one person's from now on."""
    merged = entry.event
    for client_id in (merged.client_id, merged.into_client_id):
        rows.add(Client, clinic_id=entry.clinic_id, client_id=client_id, person_id=client_id)
    rows.write(MERGE, clinic=entry.clinic_id, merged=merged.client_id, into=merged.into_client_id, index=entry.index)


_PUBLISHED = insert(Form)
PUBLISH = Write(
    _PUBLISHED.on_conflict_do_update(
        index_elements=["clinic_id", "form_id"],
        set_={"material_version": func.greatest(Form.material_version, _PUBLISHED.excluded.material_version)},
    ),
    ("clinic_id", "form_id", "material_version"),
)


@projects(FormPublished)
async def note_material_version(rows: Rows, entry: Entry[FormPublished]) -> None:
    """Immaterial versions leave earlier signatures as good as they were."""
    published = entry.event
    if published.material:
        rows.write(PUBLISH, clinic_id=entry.clinic_id, form_id=published.form_id, material_version=published.form_version)


@projects(ConsentSigned)
async def keep_consent(rows: Rows, entry: Entry[ConsentSigned]) -> None:
    signed = entry.event
    rows.add(
        Consent,
        clinic_id=entry.clinic_id,
        consent_id=signed.consent_id,
        client_id=signed.client_id,
        form_id=signed.form_id,
        form_version=signed.form_version,
        modality=signed.modality.value,
        areas=[area.value for area in signed.areas],
        max_depth_um=signed.max_depth_um,
        explained_by=signed.explained_by,
        signed_at=min(signed.signed_at, entry.recorded_at),
        valid_until=signed.valid_until,
    )


WITHDRAW = Write(
    update(Consent)
    .where(Consent.clinic_id == bindparam("clinic"), Consent.consent_id == bindparam("consent"))
    .values(withdrawn_at=func.least(Consent.withdrawn_at, bindparam("said_at")))
)


@projects(ConsentWithdrawn)
async def withdraw_consent(rows: Rows, entry: Entry[ConsentWithdrawn]) -> None:
    """From when it was said: that is a claim, but nobody gains by an early one."""
    said_at = min(entry.event.occurred_at, entry.recorded_at)
    rows.write(WITHDRAW, clinic=entry.clinic_id, consent=entry.event.consent_id, said_at=said_at)


@projects(ConsentDeclined)
async def keep_no(rows: Rows, entry: Entry[ConsentDeclined]) -> None:
    """The newest stands for the ones before. Whether somebody has signed since is asked of their signatures."""
    declined = entry.event
    rows.put(
        Decline,
        clinic_id=entry.clinic_id,
        client_id=declined.client_id,
        language=declined.language,
        form_version=declined.form_version,
        declined_at=entry.recorded_at,
    )


@projects(ScreeningAnswered)
async def keep_screening(rows: Rows, entry: Entry[ScreeningAnswered]) -> None:
    answered = entry.event
    rows.add(
        Screening,
        clinic_id=entry.clinic_id,
        screening_id=answered.screening_id,
        client_id=answered.client_id,
        extent=answered.extent,
        answered_at=min(answered.answered_at, entry.recorded_at),
        policy_digest=answered.policy_digest,
        restrictions=[restriction.model_dump(mode="json") for restriction in answered.restrictions],
        ledger_index=entry.index,
    )


@projects(ClearanceGranted)
async def keep_clearance(rows: Rows, entry: Entry[ClearanceGranted]) -> None:
    granted = entry.event
    rows.add(
        Clearance,
        clinic_id=entry.clinic_id,
        clearance_id=granted.clearance_id,
        client_id=granted.client_id,
        restriction_ids=list(granted.restriction_ids),
        valid_until=granted.valid_until,
        granted_by=entry.actor.identity_id,
        granted_at=entry.recorded_at,
    )


@projects(SafetyHoldPlaced)
async def place_hold(rows: Rows, entry: Entry[SafetyHoldPlaced]) -> None:
    placed = entry.event
    rows.add(Hold, clinic_id=entry.clinic_id, hold_id=placed.hold_id, client_id=placed.client_id, placed_at=entry.recorded_at)


LIFT = Write(update(Hold).where(Hold.clinic_id == bindparam("clinic"), Hold.hold_id == bindparam("hold")).values(lifted_at=bindparam("at")))


@projects(SafetyHoldLifted)
async def lift_hold(rows: Rows, entry: Entry[SafetyHoldLifted]) -> None:
    rows.write(LIFT, clinic=entry.clinic_id, hold=entry.event.hold_id, at=entry.recorded_at)


@projects(PractitionerCredentialed)
async def keep_credential(rows: Rows, entry: Entry[PractitionerCredentialed]) -> None:
    """The newest credential replaces the one before."""
    credential = entry.event
    rows.put(
        Practitioner,
        clinic_id=entry.clinic_id,
        practitioner_id=credential.practitioner_id,
        event_id=entry.event_id,
        role=credential.role.value,
        modalities=[modality.value for modality in credential.modalities],
        max_depth_um=credential.max_depth_um,
        valid_until=credential.valid_until,
    )
