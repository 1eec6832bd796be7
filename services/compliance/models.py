"""compliance's tables: traces of every id through the ledger, uses of things in treatments, policies, names."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table
from events.policy import PolicyCopy


class Policies(PolicyCopy, Base):
    """projection: every version of the clinic's policy, who approved it and where it stands."""

    __tablename__ = "policies"
    __table_args__ = table("compliance", "projection")
    approver_id: Mapped[UUID]
    index: Mapped[int]


class PolicyTextRow(Base):
    """private: the text a version was published from, as its author wrote it; comments may name people."""

    __tablename__ = "policy_texts"
    __table_args__ = table("compliance", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    policy_version: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class IdentityRow(Base):
    """private: how people call an identity."""

    __tablename__ = "identities"
    __table_args__ = table("compliance", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    display_name: Mapped[str]


class TabletRow(Base):
    """private: a shared tablet as people call it, and the hash of the secret that its browser keeps."""

    __tablename__ = "tablets"
    __table_args__ = table("compliance", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    tablet_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[bytes]
    enrolled_at: Mapped[datetime]
    used_at: Mapped[datetime]
    """When a PIN last opened it."""
    removed_at: Mapped[datetime | None]


class PinRow(Base):
    """private: what is kept of somebody's PIN."""

    __tablename__ = "pins"
    __table_args__ = table("compliance", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    hash: Mapped[bytes]
    set_at: Mapped[datetime]


class PinTryRow(Base):
    """private: how many wrong PINs somebody has outstanding on a tablet, when the next may be tried, and since when none may."""

    __tablename__ = "pin_tries"
    __table_args__ = table("compliance", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    tablet_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    tries: Mapped[int]
    opens_at: Mapped[datetime]
    locked_at: Mapped[datetime | None]


class Mention(Base):
    """projection: an entry speaks of an id, or its actor is that identity. Any question about an id begins here."""

    __tablename__ = "mentions"
    __table_args__ = table("compliance", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    index: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]


STRETCH = 128
"""Entries of the ledger that are looked through together. Whoever changes it makes the table anew: `asepsis rebuild compliance`."""


class StretchRow(Base):
    """projection: in this stretch of the ledger stands an entry of this type. Any question about a type begins here.

    A row for each entry would cost each of them as much as a mention; these are few, and most are there already.
    """

    __tablename__ = "stretches"
    __table_args__ = table("compliance", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    stretch: Mapped[int] = mapped_column(primary_key=True)


class CodeRow(Base):
    """projection: what is printed on a thing, a lot or a serial number, and which entry said so first."""

    __tablename__ = "codes"
    __table_args__ = table("compliance", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    index: Mapped[int]


class TreatmentRow(Base):
    """projection: a treatment that was started, or recorded late, and by which entry."""

    __tablename__ = "treatments"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "started_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    booking_id: Mapped[UUID | None]
    client_id: Mapped[UUID]
    practitioner_id: Mapped[UUID]
    started_at: Mapped[datetime]
    needle_contact: Mapped[bool | None]
    recorded_late: Mapped[bool]
    epoch: Mapped[int]
    index: Mapped[int]


class UseRow(Base):
    """projection: a thing or person touched a treatment. `kind` as in `schemas.compliance.Subject`."""

    __tablename__ = "uses"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "treatment_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)


class LoadRow(Base):
    """projection: a load and the sterilizer it came from."""

    __tablename__ = "loads"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "sterilizer_id", "started_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID]
    started_at: Mapped[datetime]
    index: Mapped[int]


class PackRow(Base):
    """projection: a labeled pack of a load."""

    __tablename__ = "packs"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "cycle_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    pack_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID] = mapped_column(primary_key=True)


class LotRow(Base):
    """projection: how many cartridges of a lot came in, over all its deliveries."""

    __tablename__ = "lots"
    __table_args__ = table("compliance", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    received: Mapped[int]


class UnitRow(Base):
    """projection: a cartridge unit and its lot."""

    __tablename__ = "units"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "lot_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    wasted: Mapped[bool]


class QuarantineRow(Base):
    """projection: a pack or a lot that nobody may use."""

    __tablename__ = "quarantines"
    __table_args__ = table("compliance", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    index: Mapped[int]


class ExposureRow(Base):
    """projection: a recall reaches a treatment by an item."""

    __tablename__ = "exposures"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "treatment_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    recall_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)


class MergeRow(Base):
    """projection: a client's record that was another one's; chains of merges are already followed."""

    __tablename__ = "merges"
    __table_args__ = table("compliance", "projection", Index(None, "clinic_id", "into_client_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(primary_key=True)
    into_client_id: Mapped[UUID]


class SystemRow(Base):
    """projection: a front-desk system and the identity it speaks as."""

    __tablename__ = "systems"
    __table_args__ = table("compliance", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID]
    connected: Mapped[bool]
