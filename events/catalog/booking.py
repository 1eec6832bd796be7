"""What booking says: clients, resources, slots, arrivals, rejections of inbox commands."""

from uuid import UUID

from events.envelope import Event
from schemas.vocabulary import (
    AgeBand,
    Code,
    Count,
    Digest,
    Finding,
    Instant,
    LocalDate,
    Micrometers,
    Modality,
    Opening,
    Role,
    Shape,
    Token,
    Visit,
)


class ResourceAdded(Event, type="resource.added", outward=True):
    """A room or device that visits need. A device's id is its handpiece's id."""

    resource_id: UUID
    kind: Code
    turnover_minutes: Count


class PractitionerCredentialed(Event, type="practitioner.credentialed"):
    """What a practitioner may do, and until when. The id is the identity that presses Start."""

    practitioner_id: UUID
    role: Role
    modalities: tuple[Modality, ...]
    max_depth_um: Micrometers
    valid_until: LocalDate


class ClientRegistered(Event, type="client.registered", outward=True):
    """A client is known under the sender's id; who that is stands beside the ledger."""

    client_id: UUID
    commitment: Digest
    contactable: bool


class ClientMerged(Event, type="client.merged", outward=True):
    """Two records were one person."""

    client_id: UUID
    into_client_id: UUID


class BookingRequested(Event, type="booking.requested", outward=True):
    """Somebody asked for a slot; the answer follows in the same commit."""

    visit: Visit


class BookingConfirmed(Event, type="booking.confirmed", outward=True):
    """The slot is taken. Findings may warn."""

    visit: Visit
    findings: tuple[Finding, ...] = ()


class BookingRefused(Event, type="booking.refused", outward=True, refusal=True):
    """The slot was not given: every reason, and the next free ones."""

    visit: Visit
    findings: tuple[Finding, ...]
    next_slots: tuple[Opening, ...] = ()


class BookingAnnounced(Event, type="booking.announced", outward=True):
    """Another system has promised this slot already, and nothing speaks against it."""

    visit: Visit
    findings: tuple[Finding, ...] = ()


class BookingConflicted(Event, type="booking.conflicted", outward=True):
    """Another system has promised a slot that breaks a rule: it reserves nothing, the gate refuses it."""

    visit: Visit
    findings: tuple[Finding, ...]


class BookingRescheduled(Event, type="booking.rescheduled", outward=True):
    """The booking has moved."""

    visit: Visit
    findings: tuple[Finding, ...] = ()


class BookingCanceled(Event, type="booking.canceled", outward=True):
    """The slot is free again."""

    booking_id: UUID
    client_id: UUID
    reason: Code


class BookingFlagged(Event, type="booking.flagged", outward=True):
    """Something happened since: somebody must look at this booking."""

    booking_id: UUID
    client_id: UUID
    reason: Code
    cause: UUID
    earliest_on: LocalDate | None = None


class ClientArrived(Event, type="client.arrived", outward=True, masked=("age_band",)):
    """The client has come, and somebody compared name and date of birth."""

    booking_id: UUID
    client_id: UUID
    identity_confirmed: bool
    age_band: AgeBand
    contactable: bool
    occurred_at: Instant | None = None
    """When the client came, as the desk says; none: when it was recorded."""


class ArrivalWithdrawn(Event, type="arrival.withdrawn", outward=True):
    """The client has not come after all: an arrival was recorded by mistake."""

    booking_id: UUID
    client_id: UUID
    arrival: UUID
    """The `client.arrived` that no longer holds."""


class RequestRefused(Event, type="request.refused", outward=True, refusal=True):
    """A command about clients, resources or arrivals that could not be granted."""

    command: Code
    subject_id: UUID
    findings: tuple[Finding, ...]


class Rejection(Shape):
    """One reason why an inbox entry was not understood. Never a value."""

    field: Token
    reason: Code
    limit: Token | None = None


class CommandRejected(Event, type="command.rejected", outward=True):
    """An inbox entry was not understood, reuses an id, or came too late."""

    system: Code
    inbox_entry: Token
    command: Token | None = None
    reasons: tuple[Rejection, ...]


class AnswerRepeated(Event, type="answer.repeated"):
    """A command came again with the same content: its answer, an earlier event, is published again."""

    event_id: UUID
