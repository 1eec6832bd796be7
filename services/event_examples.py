"""One example of each event that leaves, built from its own class: what the AsyncAPI document shows."""

from datetime import UTC, date, datetime
from uuid import UUID, uuid5

from events.catalog import booking, compliance, recovery, treatment
from events.envelope import Event
from schemas.vocabulary import AgeBand, Area, AreaDepth, Finding, Modality, Opening, Verdict, Visit


def _id(name: str) -> UUID:
    """The same id for the same thing in all examples."""
    return uuid5(UUID(int=0), name)


def _at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 12, 1, hour, minute, tzinfo=UTC)


BOOKING, CLIENT, OTHER, PRACTITIONER, ROOM, HANDPIECE = map(_id, ("booking", "client", "other client", "practitioner", "room", "handpiece"))
TREATMENT, HOLD, CARTRIDGE, PACK = map(_id, ("treatment", "hold", "cartridge", "pack"))

VISIT = Visit(
    booking_id=BOOKING,
    client_id=CLIENT,
    practitioner_id=PRACTITIONER,
    room_id=ROOM,
    device_id=HANDPIECE,
    starts_at=_at(10),
    ends_at=_at(11),
    areas=(Area.CHEEKS, Area.CHIN),
    depth_um=1000,
)
MOVED = VISIT.model_copy(update={"starts_at": _at(14), "ends_at": _at(15)})
FREE = (Opening(starts_at=_at(11, 15), ends_at=_at(12, 15), practitioner_id=PRACTITIONER, room_id=ROOM),)
TAKEN = (
    Finding(rule="room_must_be_free", verdict=Verdict.UNMET, field="room_id", evidence=(_id("another booking"),)),
    Finding(rule="practitioner_must_be_free", verdict=Verdict.UNMET, field="practitioner_id", evidence=(_id("another booking"),)),
)
UNKNOWN = (Finding(rule="booking_must_be_known", verdict=Verdict.UNMET, field="booking_id"),)
NOT_ELIGIBLE = (Finding(rule="nothing_may_contraindicate", code="G05", verdict=Verdict.UNMET),)
EQUIPMENT = treatment.Equipment(room_id=ROOM, handpiece_id=HANDPIECE, cartridge_unit_ids=(CARTRIDGE,), pack_ids=(PACK,))
DEPTHS = (AreaDepth(area=Area.CHEEKS, depth_um=1000), AreaDepth(area=Area.CHIN, depth_um=750))


def _of_booking() -> tuple[Event, ...]:
    return (
        booking.ResourceAdded(resource_id=ROOM, kind="room", turnover_minutes=15),
        booking.ClientRegistered(client_id=CLIENT, commitment="5f" * 32, contactable=True),
        booking.ClientMerged(client_id=OTHER, into_client_id=CLIENT),
        booking.BookingRequested(visit=VISIT),
        booking.BookingConfirmed(visit=VISIT),
        booking.BookingRefused(visit=VISIT, findings=TAKEN, next_slots=FREE),
        booking.BookingAnnounced(visit=VISIT),
        booking.BookingConflicted(visit=VISIT, findings=TAKEN),
        booking.BookingRescheduled(visit=MOVED),
        booking.BookingCanceled(booking_id=BOOKING, client_id=CLIENT, reason="client_asked"),
        booking.BookingFlagged(booking_id=BOOKING, client_id=CLIENT, reason="spacing", cause=_id("cause"), earliest_on=date(2026, 12, 29)),
        booking.ClientArrived(
            booking_id=BOOKING,
            client_id=CLIENT,
            identity_confirmed=True,
            age_band=AgeBand.FROM_22,
            contactable=True,
            occurred_at=_at(9, 50),
        ),
        booking.ArrivalWithdrawn(booking_id=BOOKING, client_id=CLIENT, arrival=_id("arrival")),
        booking.RequestRefused(command="cancel_booking", subject_id=BOOKING, findings=UNKNOWN),
        booking.CommandRejected(
            system="frontdesk",
            inbox_entry="1796119200000-0",
            command="8f0c2f7e-3a51-4c0e-9b55-0f8f5a8f5d10",
            reasons=(
                booking.Rejection(field="data.depth_um", reason="less_than_equal", limit="10000"),
                booking.Rejection(field="data.room_id", reason="missing"),
            ),
        ),
    )


def _of_care() -> tuple[Event, ...]:
    return (
        treatment.TreatmentStarted(
            treatment_id=TREATMENT,
            booking_id=BOOKING,
            client_id=CLIENT,
            practitioner_id=PRACTITIONER,
            equipment=EQUIPMENT,
            lot_ids=(_id("lot"),),
            cycle_ids=(_id("cycle"),),
            reprocessing_id=_id("reprocessing"),
            turnover_id=_id("turnover"),
            consent_id=_id("consent"),
            modality=Modality.MICRONEEDLING,
            areas=VISIT.areas,
            max_depth_um=1500,
            planned_areas=VISIT.areas,
            planned_depth_um=1000,
            planned_end_at=_at(11),
            findings=(),
        ),
        treatment.TreatmentRefused(booking_id=BOOKING, client_id=CLIENT, equipment=EQUIPMENT, findings=NOT_ELIGIBLE),
        treatment.TreatmentStopAdvised(
            treatment_id=TREATMENT, booking_id=BOOKING, client_id=CLIENT, cause=_id("cause"), findings=NOT_ELIGIBLE
        ),
        treatment.TreatmentEnded(
            treatment_id=TREATMENT,
            booking_id=BOOKING,
            client_id=CLIENT,
            needle_contact=True,
            modality=Modality.MICRONEEDLING,
            depths=DEPTHS,
            skin_cleansed=True,
            sharps_disposed=True,
            aftercare_given=True,
            ended_at=_at(10, 50),
        ),
        treatment.TreatmentRecordedLate(
            treatment_id=TREATMENT,
            booking_id=BOOKING,
            client_id=CLIENT,
            practitioner_id=PRACTITIONER,
            equipment=EQUIPMENT,
            needle_contact=True,
            modality=Modality.MICRONEEDLING,
            depths=DEPTHS,
            started_at=_at(10),
            ended_at=_at(10, 50),
            reason="network_down",
            findings=(),
        ),
    )


def _of_the_clinic() -> tuple[Event, ...]:
    return (
        recovery.SafetyHoldPlaced(hold_id=HOLD, client_id=CLIENT, reason="infection_signs", tier="urgent", cause=_id("cause")),
        recovery.SafetyHoldLifted(hold_id=HOLD, client_id=CLIENT, reason="healed"),
        compliance.ClinicOpened(timezone="Europe/Amsterdam"),
        compliance.EpochOpened(
            former_epoch=1,
            former_size=5120,
            former_chain="5f" * 32,
            published_size=5117,
            approvers=(_id("manager"), _id("clinician")),
            reason="restored_from_backup",
        ),
    )


def event_examples() -> dict[type[Event], Event]:
    """By class. A test holds that no event that leaves is missing."""
    return {type(event): event for event in (*_of_booking(), *_of_care(), *_of_the_clinic())}
