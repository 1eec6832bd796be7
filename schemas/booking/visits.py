"""What is asked about bookings, arrivals and open slots."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.booking.words import A_BOOKING, A_CLIENT, A_DEVICE, A_PRACTITIONER, A_ROOM, GivenTime, Name, SlotMinutes, example
from schemas.vocabulary import Area, Code, Instant, LocalDate, Micrometers, Modality, Shape, Visit, VisitType


class Wish(Shape):
    """What a client comes for."""

    client_id: UUID = Field(description="A client registered before, maybe a moment ago.")
    device_id: UUID | None = Field(None, description="The handpiece; without one it is chosen at the start.")
    visit_type: VisitType = Field(VisitType.TREATMENT, description="Only treatments needle, and only they are spaced.")
    modality: Modality = Field(Modality.MICRONEEDLING, description="Needles alone, or needles with radio frequency.")
    areas: Annotated[tuple[Area, ...], Field(max_length=17)] = Field((), description="Where the needles shall go.")
    depth_um: Micrometers = Field(0, description="The planned maximum depth; 1.0 mm is 1000.")


class BookingRequest(Wish):
    """`booking.request` and `booking.announce`: a slot for a client with a practitioner in a room. Half-open."""

    model_config = example(
        {
            "booking_id": A_BOOKING,
            "client_id": A_CLIENT,
            "practitioner_id": A_PRACTITIONER,
            "room_id": A_ROOM,
            "device_id": A_DEVICE,
            "starts_at": "2026-12-01T10:00:00+01:00",
            "ends_at": "2026-12-01T11:00:00+01:00",
            "visit_type": "treatment",
            "modality": "microneedling",
            "areas": ["cheeks"],
            "depth_um": 1000,
        }
    )

    booking_id: UUID = Field(description="Chosen by the sender; names this appointment for ever.")
    practitioner_id: UUID = Field(description="Who treats: the identity that will press Start.")
    room_id: UUID = Field(description="Where.")
    starts_at: GivenTime = Field(description="RFC 3339 with an offset.")
    ends_at: GivenTime = Field(description="RFC 3339 with an offset; the room is free for cleaning from here.")

    def visit(self) -> Visit:
        """The same as all services know it, in UTC."""
        return Visit.model_validate(dict(self))


class Move(Shape):
    """Another slot for a booking; what is not named stays as it is."""

    model_config = example({"starts_at": "2026-12-02T10:00:00+01:00", "ends_at": "2026-12-02T11:00:00+01:00"})

    starts_at: GivenTime = Field(description="RFC 3339 with an offset.")
    ends_at: GivenTime = Field(description="RFC 3339 with an offset.")
    practitioner_id: UUID | None = Field(None, description="Another practitioner.")
    room_id: UUID | None = Field(None, description="Another room.")
    device_id: UUID | None = Field(None, description="Another handpiece.")


class BookingMove(Move):
    """`booking.reschedule`: move a booking. If the new slot cannot be given, the old one stays."""

    model_config = example(
        {
            "booking_id": A_BOOKING,
            "starts_at": "2026-12-02T10:00:00+01:00",
            "ends_at": "2026-12-02T11:00:00+01:00",
        }
    )

    booking_id: UUID = Field(description="The booking that moves.")


class Resolution(Shape):
    """Confirm a conflicted booking: in its own slot if that is free by now, or in another."""

    model_config = example({}, {"move": {"starts_at": "2026-12-02T10:00:00+01:00", "ends_at": "2026-12-02T11:00:00+01:00"}})

    move: Move | None = Field(None, description="Left out: the slot that was announced.")


class BookingResolution(Resolution):
    """Resolve the conflict of one booking."""

    booking_id: UUID = Field(description="The conflicted booking.")


class Cancellation(Shape):
    """Why a booking is given up."""

    model_config = example({"reason": "client_asked"})

    reason: Code = Field("client_asked", description="A code, such as client_asked, clinic_closed, practitioner_ill.")


class BookingCancellation(Cancellation):
    """`booking.cancel`: the slot is free again."""

    model_config = example({"booking_id": A_BOOKING, "reason": "client_asked"})

    booking_id: UUID = Field(description="The booking that is given up.")


class StatedIdentity(Shape):
    """What the client said at the desk. Compared with the record and then forgotten."""

    given_name: Name = Field(description="Accents and capitals make no difference.")
    family_name: Name = Field(description="Accents and capitals make no difference.")
    date_of_birth: LocalDate = Field(description="Must be the very day.")


class Recognition(Shape):
    """Who has come: either what was said at the desk, or that somebody compared it."""

    model_config = example(
        {"identity": {"given_name": "Noor", "family_name": "de Vries", "date_of_birth": "1991-04-12"}},
        {"identity_confirmed": True},
    )

    identity: StatedIdentity | None = Field(None, description="Compared privately; a difference leaves identity unconfirmed.")
    identity_confirmed: bool | None = Field(None, description="Somebody compared name and date of birth with the record.")

    @model_validator(mode="after")
    def _says_one(self) -> Self:
        if (self.identity is None) == (self.identity_confirmed is None):
            raise ValueError("either identity or identity_confirmed")
        return self


class Arrival(Recognition):
    """The client has come."""

    occurred_at: Instant | None = Field(None, description="When the client came; left out: now. Never in the future.")


class ClientArrival(Arrival):
    """`client.arrive`: the client of a booking has come."""

    model_config = example({"booking_id": A_BOOKING, "identity_confirmed": True})

    booking_id: UUID = Field(description="The booking of today that the client came for.")


class WalkIn(Wish):
    """A client who stands at the desk: a booking from now on, and the arrival with it."""

    model_config = example(
        {
            "booking_id": A_BOOKING,
            "client_id": A_CLIENT,
            "practitioner_id": A_PRACTITIONER,
            "room_id": A_ROOM,
            "device_id": A_DEVICE,
            "minutes": 45,
            "areas": ["cheeks"],
            "depth_um": 500,
            "arrival": {"identity_confirmed": True},
        }
    )

    booking_id: UUID = Field(description="Chosen by the sender.")
    practitioner_id: UUID = Field(description="Who treats.")
    room_id: UUID = Field(description="Where.")
    minutes: SlotMinutes = Field(description="How long, from now.")
    arrival: Recognition = Field(description="Whether the client is who the record says.")

    def visit(self, starts_at: datetime, ends_at: datetime) -> Visit:
        """The visit from now on."""
        wished = {name: value for name, value in dict(self).items() if name in Visit.model_fields}
        return Visit.model_validate({**wished, "starts_at": starts_at, "ends_at": ends_at})


class NoShow(Shape):
    """The client did not come. The slot stays taken; an arrival undoes it."""

    booking_id: UUID = Field(description="The booking nobody came for.")


class ArrivalWithdrawal(Shape):
    """The client has not come after all. The booking waits for them again."""

    model_config = example({"booking_id": A_BOOKING})

    booking_id: UUID = Field(description="The booking whose arrival was recorded by mistake.")


class SlotSearch(Wish):
    """Which slots are open for this client and this visit? Exactly those a request would get."""

    model_config = example(
        {"client_id": A_CLIENT, "device_id": A_DEVICE, "areas": ["cheeks"], "depth_um": 1000, "minutes": 60, "from_on": "2026-12-01"}
    )

    minutes: SlotMinutes = Field(60, description="How long the visit takes.")
    practitioner_id: UUID | None = Field(None, description="Left out: anybody who may do it.")
    room_id: UUID | None = Field(None, description="Left out: any room.")
    from_on: LocalDate = Field(description="First local day to look at.")
    days: Annotated[int, Field(ge=1, le=31)] = Field(7, description="How many days to look at.")
