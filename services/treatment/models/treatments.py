"""What the gate itself has said and been told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table
from events.policy import PolicyCopy


class Policies(PolicyCopy, Base):
    """projection: the clinic's policy versions."""

    __tablename__ = "policies"
    __table_args__ = table("treatment", "projection")


class Treatment(Base):
    """projection: a treatment with what it used. `findings` is its certificate.

    Until `ended_at` is known, `areas` and `max_depth_um` are what was consented; afterwards `depths` says what was done.
    """

    __tablename__ = "treatments"
    __table_args__ = table(
        "treatment",
        "projection",
        Index("ix_treatments_booking", "clinic_id", "booking_id"),
        Index("ix_treatments_client", "clinic_id", "client_id", "started_at"),
        Index("ix_treatments_room", "clinic_id", "room_id", "started_at"),
        Index("ix_treatments_handpiece", "clinic_id", "handpiece_id", "started_at"),
        Index("ix_treatments_open", "clinic_id", "planned_end_at", postgresql_where=text("ended_at is null")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    end_event_id: Mapped[UUID | None]
    booking_id: Mapped[UUID | None]
    client_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    room_id: Mapped[UUID]
    handpiece_id: Mapped[UUID | None]
    unit_ids: Mapped[list[UUID]]
    pack_ids: Mapped[list[UUID]]
    lot_ids: Mapped[list[UUID]]
    cycle_ids: Mapped[list[UUID]]
    reprocessing_id: Mapped[UUID | None]
    turnover_id: Mapped[UUID | None]
    consent_id: Mapped[UUID | None]
    modality: Mapped[str]
    areas: Mapped[list[str]]
    max_depth_um: Mapped[int]
    planned_areas: Mapped[list[str]]
    planned_depth_um: Mapped[int]
    started_at: Mapped[datetime]
    planned_end_at: Mapped[datetime]
    paused: Mapped[bool]
    late: Mapped[bool]
    ended_at: Mapped[datetime | None]
    needle_contact: Mapped[bool]
    depths: Mapped[list[dict[str, Any]]]
    end_missing: Mapped[bool]
    stop_causes: Mapped[list[UUID]]
    findings: Mapped[list[dict[str, Any]]]
    end_findings: Mapped[list[dict[str, Any]]]


class Cleansing(Base):
    """projection: the skin was cleansed for a booking."""

    __tablename__ = "cleansings"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    product: Mapped[str]
    occurred_at: Mapped[datetime]


class Numbing(Base):
    """projection: numbing cream went on, and came off."""

    __tablename__ = "numbings"
    __table_args__ = table("treatment", "projection", Index("ix_numbings_booking", "clinic_id", "booking_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    numbing_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    removed_event_id: Mapped[UUID | None]
    booking_id: Mapped[UUID]
    product: Mapped[str]
    lidocaine_permille: Mapped[int]
    occluded: Mapped[bool]
    prescriber_order: Mapped[bool]
    applied_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Override(Base):
    """projection: one booking may pass one rule. Gone when the booking moves: it was given for that day."""

    __tablename__ = "overrides"
    __table_args__ = table("treatment", "projection", Index("ix_overrides_booking", "clinic_id", "booking_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    override_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    booking_id: Mapped[UUID]
    rule: Mapped[str]
    reason: Mapped[str]
    role: Mapped[str]
    valid_until: Mapped[datetime]
