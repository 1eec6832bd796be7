"""Consent's tables. Personal data stands only in those that say private."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table
from events.policy import PolicyCopy
from events.tables import Rows


class Policies(PolicyCopy, Base):
    """projection: the clinic's policy versions."""

    __tablename__ = "policies"
    __table_args__ = table("consent", "projection")


class Form(Base):
    """projection: a published version of a consent form, by the hash of its text."""

    __tablename__ = "forms"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_version: Mapped[int] = mapped_column(primary_key=True)
    language: Mapped[str]
    text_digest: Mapped[str]
    material: Mapped[bool]
    modality: Mapped[str]
    areas: Mapped[list[str]]
    max_depth_um: Mapped[int]
    valid_days: Mapped[int]
    published_at: Mapped[datetime]


class FormText(Base):
    """private: the text of a form. Nobody's personal data, but free text has no place in the ledger."""

    __tablename__ = "form_texts"
    __table_args__ = table("consent", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class Practitioner(Base):
    """projection: until which day somebody's credential holds."""

    __tablename__ = "practitioners"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    practitioner_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_until: Mapped[date]


class MergedClient(Base):
    """projection: records that turned out to be of one person. One hop, however often they were merged."""

    __tablename__ = "merged_clients"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    into_client_id: Mapped[UUID]


class Consent(Base):
    """projection: a signature, and when it was withdrawn."""

    __tablename__ = "consents"
    __table_args__ = table("consent", "projection", Index(None, "clinic_id", "client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    form_id: Mapped[UUID]
    form_version: Mapped[int]
    language: Mapped[str]
    modality: Mapped[str]
    areas: Mapped[list[str]]
    max_depth_um: Mapped[int]
    explained_by: Mapped[UUID]
    signed_at: Mapped[datetime]
    valid_until: Mapped[datetime]
    signed_event_id: Mapped[UUID]
    handing_id: Mapped[UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_event_id: Mapped[UUID | None]


class Decline(Base):
    """projection: a no, under the handing over in which it was said."""

    __tablename__ = "declines"
    __table_args__ = table("consent", "projection", Index(None, "clinic_id", "client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    handing_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    form_id: Mapped[UUID]
    form_version: Mapped[int]
    language: Mapped[str]
    declined_at: Mapped[datetime]
    event_id: Mapped[UUID]


class Signature(Base):
    """private: the sheet as it was signed, with its salt."""

    __tablename__ = "signatures"
    __table_args__ = table("consent", "private", Index(None, "clinic_id", "client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    consent_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    salt: Mapped[bytes]
    content: Mapped[bytes]


class ConsentRequest(Base):
    """projection: for which booking which form was asked for."""

    __tablename__ = "consent_requests"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_id: Mapped[UUID] = mapped_column(primary_key=True)
    form_version: Mapped[int] = mapped_column(primary_key=True)


class Screening(Base):
    """projection: the newest sheet of each extent of a client."""

    __tablename__ = "screenings"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    extent: Mapped[str] = mapped_column(primary_key=True)
    screening_id: Mapped[UUID]
    answered_at: Mapped[datetime]
    policy_digest: Mapped[str]
    entry_index: Mapped[int]


class ScreeningTaken(Base):
    """projection: every sheet by its id, so that an id is used once."""

    __tablename__ = "screenings_taken"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    screening_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]


class StandingRestriction(Base):
    """projection: what restricts a client now; the newest sheet says it whole."""

    __tablename__ = "restrictions"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    restriction_id: Mapped[UUID] = mapped_column(primary_key=True)
    restriction: Mapped[dict[str, Any]]
    policy_digest: Mapped[str]


class Clearance(Base):
    """projection: until when a restriction is cleared, and by whom."""

    __tablename__ = "clearances"
    __table_args__ = table("consent", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    restriction_id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    valid_until: Mapped[datetime]
    granted_by: Mapped[UUID]


class AnswerSheet(Base):
    """private: the answers of one questionnaire, with their salt."""

    __tablename__ = "answer_sheets"
    __table_args__ = table("consent", "private", Index(None, "clinic_id", "client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    screening_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    answered_at: Mapped[datetime]
    by_clinician: Mapped[bool]
    salt: Mapped[bytes]
    content: Mapped[bytes]


class Reason(Base):
    """private: what an opaque restriction stands for."""

    __tablename__ = "reasons"
    __table_args__ = table("consent", "private", Index(None, "clinic_id", "client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    restriction_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    screening_id: Mapped[UUID]
    verdict: Mapped[dict[str, Any]]


class ClearanceBasis(Base):
    """private: what a clearance rests on; it would tell the reason."""

    __tablename__ = "clearance_bases"
    __table_args__ = table("consent", "private", Index(None, "clinic_id", "client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    clearance_id: Mapped[UUID] = mapped_column(primary_key=True)
    restriction_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    basis: Mapped[str]


async def person_of(rows: AsyncSession | Rows, clinic_id: UUID, client_id: UUID) -> UUID:
    """The record that stands for this client after all merges."""
    into = select(MergedClient.into_client_id).where(MergedClient.clinic_id == clinic_id, MergedClient.client_id == client_id)
    return (await rows.execute(into)).scalar_one_or_none() or client_id


async def has_signed(rows: AsyncSession, clinic_id: UUID, client_id: UUID, handing_id: UUID, consent_id: UUID) -> bool:
    """Whether a person has signed under a handing over, in whichever of its tries. An older signature knows its own id only."""
    person = await person_of(rows, clinic_id, client_id)
    this = or_(Consent.handing_id == handing_id, Consent.consent_id == consent_id)
    query = select(Consent.consent_id).where(Consent.clinic_id == clinic_id, Consent.client_id == person, this)
    return (await rows.execute(query.limit(1))).first() is not None


async def records_of(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> list[UUID]:
    """Every record of the person this client is. Private rows keep the id they were written under."""
    person = await person_of(rows, clinic_id, client_id)
    merged = select(MergedClient.client_id).where(MergedClient.clinic_id == clinic_id, MergedClient.into_client_id == person)
    return [person, *(await rows.execute(merged)).scalars()]
