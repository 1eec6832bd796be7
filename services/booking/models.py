"""Booking's tables."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table
from events.policy import PolicyCopy


class Policies(PolicyCopy, Base):
    """projection: the clinic's policy versions."""

    __tablename__ = "policies"
    __table_args__ = table("booking", "projection")


class Client(Base):
    """projection: a client is known. `into_client_id` is the record that stays, never one that was given up itself."""

    __tablename__ = "clients"
    __table_args__ = table("booking", "projection", Index(None, "clinic_id", "into_client_id"))

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    contactable: Mapped[bool]
    into_client_id: Mapped[UUID | None]
    event_id: Mapped[UUID]


class ClientDetails(Base):
    """private: who a client is. The event carries SHA-256(0x10 ‖ salt ‖ content)."""

    __tablename__ = "client_details"
    __table_args__ = table("booking", "private", Index(None, "clinic_id", "date_of_birth"))

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    content: Mapped[bytes]
    given_name: Mapped[str]
    family_name: Mapped[str]
    date_of_birth: Mapped[date]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    language: Mapped[str]


class Practitioner(Base):
    """projection: what a practitioner may do, until when."""

    __tablename__ = "practitioners"
    __table_args__ = table("booking", "projection")

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str]
    modalities: Mapped[list[str]]
    max_depth_um: Mapped[int]
    valid_until: Mapped[date]


class Resource(Base):
    """projection: a room or device. What the maker allows is known of handpieces that were commissioned."""

    __tablename__ = "resources"
    __table_args__ = table("booking", "projection")

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    resource_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    turnover_minutes: Mapped[int | None]
    modality: Mapped[str | None]
    max_depth_um: Mapped[int | None]


class Booking(Base):
    """projection: one row per appointment. state: confirmed, conflicted, canceled, started, ended."""

    __tablename__ = "bookings"
    __table_args__ = table(
        "booking",
        "projection",
        Index(None, "clinic_id", "starts_at"),
        Index(None, "clinic_id", "client_id", "ends_at"),
        Index(None, "clinic_id", "device_id", "ends_at"),
    )

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    room_id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    visit_type: Mapped[str]
    modality: Mapped[str]
    areas: Mapped[list[str]]
    depth_um: Mapped[int]
    state: Mapped[str]
    event_id: Mapped[UUID]
    findings: Mapped[list[dict[str, Any]]]
    arrived_at: Mapped[datetime | None]
    identity_confirmed: Mapped[bool | None]
    arrival_event_id: Mapped[UUID | None]
    no_show_at: Mapped[datetime | None]


class Occupancy(Base):
    """projection: when a practitioner, room, device or client is taken, and by which booking.

    Turnover is not in it: it belongs to the resource and is added when asked, so that a new policy holds at once.
    """

    __tablename__ = "occupancies"
    __table_args__ = table("booking", "projection", Index(None, "clinic_id", "subject_id", "ends_at"))

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class Session(Base):
    """projection: needles touched this client's skin. While a treatment runs: to the consented maximum."""

    __tablename__ = "sessions"
    __table_args__ = table("booking", "projection", Index(None, "clinic_id", "client_id", "started_at"))

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    started_at: Mapped[datetime]
    modality: Mapped[str]
    depths: Mapped[list[dict[str, Any]]]


class ConsentAnswer(Base):
    """projection: when a client last signed a consent, and when and to which text they last said no."""

    __tablename__ = "consent_answers"
    __table_args__ = table("booking", "projection")

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    signed_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    language: Mapped[str | None]
    form_version: Mapped[int | None]


class Hold(Base):
    """projection: an open safety hold on a client."""

    __tablename__ = "holds"
    __table_args__ = table("booking", "projection", Index(None, "clinic_id", "client_id"))

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]


class Override(Base):
    """projection: somebody with the right role let this booking pass a rule. Gone when the booking moves."""

    __tablename__ = "overrides"
    __table_args__ = table("booking", "projection")

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule: Mapped[str] = mapped_column(primary_key=True)
    override_id: Mapped[UUID]
    valid_until: Mapped[datetime]


class Flag(Base):
    """projection: why somebody must look at a booking."""

    __tablename__ = "flags"
    __table_args__ = table("booking", "projection")

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    cause: Mapped[UUID] = mapped_column(primary_key=True)
    earliest_on: Mapped[date | None]
    flagged_at: Mapped[datetime]
