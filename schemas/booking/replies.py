"""What booking answers when it is read."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from schemas.booking.words import A_BOOKING, A_CLIENT, A_PRACTITIONER, A_ROOM, example
from schemas.sentences import Explained
from schemas.vocabulary import Instant, Language, LocalDate, Micrometers, Modality, Opening, Role, Shape, Visit

BookingState = Literal["confirmed", "conflicted", "canceled", "started", "ended"]
Attendance = Literal["expected", "late", "no_show_due", "no_show", "arrived"]
"""`no_show_due`: staff may say so by now. Nothing is canceled by itself."""


class FlagReply(Shape):
    """Something happened since the booking was made: somebody must look at it."""

    reason: str = Field(description="spacing, safety_hold, exposed, device_held, resource_late, credential, two_places or no_show.")
    cause: UUID = Field(description="The treatment, hold, recall or command behind it.")
    earliest_on: LocalDate | None = Field(None, description="For spacing: the first local day that is allowed.")
    flagged_at: Instant = Field(description="When it was noticed.")


class BookingReply(Shape):
    """An appointment as it stands now."""

    model_config = example(
        {
            "visit": {
                "booking_id": A_BOOKING,
                "client_id": A_CLIENT,
                "practitioner_id": A_PRACTITIONER,
                "room_id": A_ROOM,
                "starts_at": "2026-12-01T09:00:00Z",
                "ends_at": "2026-12-01T10:00:00Z",
                "visit_type": "treatment",
                "modality": "microneedling",
                "areas": ["cheeks"],
                "depth_um": 1000,
            },
            "state": "confirmed",
            "attendance": "expected",
            "findings": [],
            "flags": [],
        }
    )

    visit: Visit = Field(description="Who, when, where and for what.")
    state: BookingState = Field(description="A conflicted booking reserves nothing and waits for a person.")
    attendance: Attendance = Field(description="no_show_due: staff may say so by now; nothing is canceled by itself.")
    arrived_at: Instant | None = Field(None, description="When the arrival was recorded.")
    identity_confirmed: bool | None = Field(None, description="Name and date of birth were compared on arrival.")
    findings: tuple[Explained, ...] = Field((), description="Warnings it was made with, or what it conflicts with.")
    flags: tuple[FlagReply, ...] = Field((), description="What happened since.")


class DaySheet(Shape):
    """All appointments of one local day, by start; canceled ones are left out."""

    on: LocalDate = Field(description="The local day.")
    bookings: tuple[BookingReply, ...] = Field((), description="By start.")


class OpenSlots(Shape):
    """Slots that a request would get. None, and `findings` say why where no time at all would do."""

    slots: tuple[Opening, ...] = Field((), description="At most one per start, by time.")
    earliest_ok: Instant | None = Field(None, description="Where spacing sets it: the first moment the skin may be treated again.")
    findings: tuple[Explained, ...] = Field((), description="What no other time would put right.")


class ClientReply(Shape):
    """A client with personal data, for the roles that may see it."""

    client_id: UUID
    into_client_id: UUID | None = Field(None, description="The record that stays, if this one was merged.")
    given_name: str | None = Field(None, description="Missing: erased.")
    family_name: str | None = Field(None, description="Missing: erased.")
    date_of_birth: LocalDate | None = Field(None, description="Missing: erased.")
    email: str | None = Field(None, description="Where messages go.")
    phone: str | None = Field(None, description="E.164.")
    language: Language | None = Field(None, description="The language of forms and messages.")
    contactable: bool = Field(description="Whether there was an email or phone when the client was registered.")
    possible_duplicates: tuple[UUID, ...] = Field((), description="Other records with the same name and date of birth.")


class ClientList(Shape):
    """Clients found by date of birth."""

    clients: tuple[ClientReply, ...] = ()


class ResourceReply(Shape):
    """A room or device that can be booked."""

    resource_id: UUID
    kind: Literal["room", "device"]
    turnover_minutes: int = Field(description="Its own, or the policy's.")
    modality: Modality | None = None
    max_depth_um: Micrometers | None = None


class PractitionerReply(Shape):
    """A practitioner and the credential."""

    practitioner_id: UUID
    role: Role
    modalities: tuple[Modality, ...]
    max_depth_um: Micrometers
    valid_until: LocalDate


class Resources(Shape):
    """Everything that can be booked."""

    rooms: tuple[ResourceReply, ...] = ()
    devices: tuple[ResourceReply, ...] = ()
    practitioners: tuple[PractitionerReply, ...] = ()
