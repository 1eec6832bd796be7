"""Recovery's tables. What a client feels stands only in those that say private."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table
from events.policy import PolicyCopy


class Policies(PolicyCopy, Base):
    """projection: the clinic's policy versions."""

    __tablename__ = "policies"
    __table_args__ = table("recovery", "projection")


class Treatment(Base):
    """projection: whom needles touched, how deep, and with which lots."""

    __tablename__ = "treatments"
    __table_args__ = table("recovery", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    modality: Mapped[str]
    max_depth_um: Mapped[int]
    lot_ids: Mapped[list[UUID]]


SILENT = "state = 'missed' and call is distinct from 'reached'"
"""Nobody answered in time, and nobody has spoken with the client since."""


class CheckIn(Base):
    """projection: a question to a client. States: planned, asked, answered, missed; `call` is what became of calling them then."""

    __tablename__ = "check_ins"
    __table_args__ = table(
        "recovery",
        "projection",
        Index("ix_check_ins_planned", "due_at", postgresql_where=text("state = 'planned'")),
        Index("ix_check_ins_asked", "missed_at", postgresql_where=text("state = 'asked'")),
        Index("ix_check_ins_unasked", "clinic_id", "treatment_id", postgresql_where=text("state = 'planned'")),
        Index("ix_check_ins_clinic_id_due_at", "clinic_id", "due_at"),
        Index("ix_check_ins_silent", "clinic_id", "due_at", postgresql_where=text(SILENT)),
        Index("ix_check_ins_to_call", "clinic_id", "missed_at", "checkin_id", postgresql_where=text(f"staff_task and {SILENT}")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    checkin_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID]
    client_id: Mapped[UUID]
    step: Mapped[str]
    due_at: Mapped[datetime]
    remind_at: Mapped[datetime | None]
    missed_at: Mapped[datetime]
    staff_task: Mapped[bool]
    link_seconds: Mapped[int]
    state: Mapped[str]
    link_until: Mapped[datetime | None]
    tier: Mapped[str | None]
    answered_event_id: Mapped[UUID | None]
    called_at: Mapped[datetime | None]
    called_by: Mapped[UUID | None]
    call: Mapped[str | None]


class CheckInAnswer(Base):
    """private: what a client answered or staff reported, with its salt. `infection`: the policy calls a symptom of it that."""

    __tablename__ = "check_in_answers"
    __table_args__ = table("recovery", "private", Index(None, "clinic_id", "client_id"), Index(None, "clinic_id", "checkin_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    answer_id: Mapped[UUID] = mapped_column(primary_key=True)
    checkin_id: Mapped[UUID | None]
    treatment_id: Mapped[UUID]
    client_id: Mapped[UUID]
    answered_at: Mapped[datetime]
    infection: Mapped[bool]
    reaction_event_id: Mapped[UUID | None]
    salt: Mapped[bytes]
    content: Mapped[bytes]


class Reaction(Base):
    """projection: a reaction that was reported."""

    __tablename__ = "reactions"
    __table_args__ = table("recovery", "projection", Index(None, "clinic_id", "event_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    reaction_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID]
    client_id: Mapped[UUID]
    tier: Mapped[str]
    reported_at: Mapped[datetime]
    ledger_index: Mapped[int]
    event_id: Mapped[UUID]


class SafetyHold(Base):
    """projection: a client who must not be treated, until it is lifted."""

    __tablename__ = "safety_holds"
    __table_args__ = table("recovery", "projection", Index(None, "clinic_id", "client_id"), Index(None, "clinic_id", "cause"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    hold_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    reason: Mapped[str]
    tier: Mapped[str]
    cause: Mapped[UUID]
    placed_at: Mapped[datetime]
    ledger_index: Mapped[int]
    placed_event_id: Mapped[UUID]
    lifted_at: Mapped[datetime | None]
    lifted_event_id: Mapped[UUID | None]


class Incident(Base):
    """projection: something that must be looked into."""

    __tablename__ = "incidents"
    __table_args__ = table("recovery", "projection", Index(None, "clinic_id", "kind", "subject_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    cause: Mapped[UUID]
    become_aware_at: Mapped[datetime]
    ledger_index: Mapped[int]
