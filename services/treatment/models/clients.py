"""Who comes, what for, and what stands for or against it. `event_id` is the entry that said so: the gate's evidence."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table


class Visit(Base):
    """projection: an appointment. `state`: confirmed, announced, conflicted, canceled."""

    __tablename__ = "visits"
    __table_args__ = table(
        "treatment", "projection", Index("ix_visits_slot", "clinic_id", "starts_at"), Index("ix_visits_client", "clinic_id", "client_id")
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
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


class Arrival(Base):
    """projection: the client has come for a booking. Several: identity was confirmed later, or the booking has moved."""

    __tablename__ = "arrivals"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    identity_confirmed: Mapped[bool]
    age_band: Mapped[str]
    contactable: Mapped[bool]
    arrived_at: Mapped[datetime]
    came_at: Mapped[datetime]


class Client(Base):
    """projection: a client id and the person behind it; merged records share one person. Nothing else is rewritten.

    `merged_index`: where in the ledger the person's records last became one.
    """

    __tablename__ = "clients"
    __table_args__ = table("treatment", "projection", Index("ix_clients_person", "clinic_id", "person_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID]
    merged_index: Mapped[int | None]


class Consent(Base):
    """projection: a signature and what it covers."""

    __tablename__ = "consents"
    __table_args__ = table("treatment", "projection", Index("ix_consents_client", "clinic_id", "client_id", "signed_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    form_id: Mapped[UUID]
    form_version: Mapped[int]
    modality: Mapped[str]
    areas: Mapped[list[str]]
    max_depth_um: Mapped[int]
    explained_by: Mapped[UUID]
    signed_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]


class Decline(Base):
    """projection: the last time a client said no to the text of a consent. The gate does not look at it: people do."""

    __tablename__ = "declines"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    language: Mapped[str]
    form_version: Mapped[int]
    declined_at: Mapped[datetime]


class Form(Base):
    """projection: the newest material version of a form; who signed an older one signs anew."""

    __tablename__ = "forms"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_id: Mapped[UUID] = mapped_column(primary_key=True)
    material_version: Mapped[int]


class Screening(Base):
    """projection: the verdict of a questionnaire. The newest one carries every restriction that stands."""

    __tablename__ = "screenings"
    __table_args__ = table("treatment", "projection", Index("ix_screenings_client", "clinic_id", "client_id", "extent", "ledger_index"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    screening_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    extent: Mapped[str]
    answered_at: Mapped[datetime]
    policy_digest: Mapped[str]
    restrictions: Mapped[list[dict[str, Any]]]
    ledger_index: Mapped[int]


class Clearance(Base):
    """projection: a clinician cleared restrictions."""

    __tablename__ = "clearances"
    __table_args__ = table("treatment", "projection", Index("ix_clearances_client", "clinic_id", "client_id", "valid_until"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    restriction_ids: Mapped[list[UUID]]
    valid_until: Mapped[datetime]
    granted_by: Mapped[UUID]
    granted_at: Mapped[datetime]


class Hold(Base):
    """projection: a safety hold on a client."""

    __tablename__ = "holds"
    __table_args__ = table(
        "treatment",
        "projection",
        Index("ix_holds_client", "clinic_id", "client_id"),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    placed_at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]


class Practitioner(Base):
    """projection: a credential."""

    __tablename__ = "practitioners"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    role: Mapped[str]
    modalities: Mapped[list[str]]
    max_depth_um: Mapped[int]
    valid_until: Mapped[date]
