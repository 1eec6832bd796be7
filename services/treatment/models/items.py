"""What is used on the skin, and where it comes from."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table


class Handpiece(Base):
    """projection: a handpiece by its serial, and what fits it."""

    __tablename__ = "handpieces"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    handpiece_id: Mapped[UUID] = mapped_column(primary_key=True)
    serial: Mapped[str]
    modality: Mapped[str]
    fits_gtins: Mapped[list[str]]
    max_depth_um: Mapped[int]


class Reprocessing(Base):
    """projection: a handpiece was cleaned and disinfected. Never later than it was recorded, whatever was claimed."""

    __tablename__ = "reprocessings"
    __table_args__ = table("treatment", "projection", Index("ix_reprocessings_of", "clinic_id", "subject_id", "occurred_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    wet_seconds: Mapped[int]
    label_seconds: Mapped[int]
    occurred_at: Mapped[datetime]


class Turnover(Base):
    """projection: a room was turned over. Never later than it was recorded, whatever was claimed."""

    __tablename__ = "turnovers"
    __table_args__ = table("treatment", "projection", Index("ix_turnovers_of", "clinic_id", "subject_id", "occurred_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    record_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    wet_seconds: Mapped[int]
    label_seconds: Mapped[int]
    occurred_at: Mapped[datetime]


class Lot(Base):
    """projection: a lot of cartridges. Expiry is inclusive of the printed day."""

    __tablename__ = "lots"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    gtin: Mapped[str]
    lot: Mapped[str]
    expires_on: Mapped[date]


class Unit(Base):
    """projection: one cartridge, by its serial or the label the clinic printed."""

    __tablename__ = "units"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID]
    wasted_at: Mapped[datetime | None]


class Sterilizer(Base):
    """projection: a sterilizer, and since when it is out of service."""

    __tablename__ = "sterilizers"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID] = mapped_column(primary_key=True)
    removed_at: Mapped[datetime | None]


class Cycle(Base):
    """projection: a sterilization cycle, and on what basis its load was released."""

    __tablename__ = "cycles"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID]
    ended_at: Mapped[datetime]
    released_as: Mapped[str | None]


class Pack(Base):
    """projection: a sterile pack of a load."""

    __tablename__ = "packs"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    pack_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID]
    sterile_until: Mapped[date]


class HeldItem(Base):
    """projection: a lot, cycle, pack or handpiece that a quarantine or recall names, known here or not."""

    __tablename__ = "held_items"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    held_by: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    held_at: Mapped[datetime]


class UsedItem(Base):
    """projection: a cartridge or pack went into a treatment. Two rows for one item: it was used twice."""

    __tablename__ = "used_items"
    __table_args__ = table("treatment", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
