"""Hygiene's tables. All but the samples are projections: rebuilt from the ledger at any time."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from events.database import Base, table
from events.policy import PolicyCopy


class Policies(PolicyCopy, Base):
    """projection: the clinic's policy versions."""

    __tablename__ = "policies"
    __table_args__ = table("hygiene", "projection")


class HeldRole(Base):
    """projection: a role that was granted to somebody and not taken away since. In force until `until`."""

    __tablename__ = "held_roles"
    __table_args__ = table("hygiene", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    identity_id: Mapped[UUID] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime | None]


class Sterilizer(Base):
    """projection: one row per commissioning of a machine."""

    __tablename__ = "sterilizers"
    __table_args__ = table("hygiene", "projection", Index(None, "clinic_id", "serial"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID] = mapped_column(primary_key=True)
    serial: Mapped[str]
    air_removal: Mapped[str]
    programs: Mapped[list[str]]
    commissioned_at: Mapped[datetime]
    in_service: Mapped[bool]
    removed_at: Mapped[datetime | None]
    removal_reason: Mapped[str | None]
    last_run_at: Mapped[datetime | None]
    event_id: Mapped[UUID]


class Outage(Base):
    """projection: a stretch of time in which a sterilizer was out of service. What ran in it is never released."""

    __tablename__ = "outages"
    __table_args__ = table("hygiene", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    removed_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]


class SterilizationCycle(Base):
    """projection: one row per cycle. `indicator` is what its biological indicators say together."""

    __tablename__ = "cycles"
    __table_args__ = table(
        "hygiene",
        "projection",
        Index("ix_cycles_by_time", "clinic_id", "sterilizer_id", "started_at"),
        Index("ix_cycles_by_number", "clinic_id", "sterilizer_id", "cycle_number"),
        Index("ix_cycles_by_indicator", "clinic_id", "sterilizer_id", "indicator", "started_at"),
        Index(
            "ix_cycles_awaiting_release",
            "clinic_id",
            "started_at",
            postgresql_where=text("release_id is null and mechanical = 'passed' and purpose = 'load' and recall_ids = '{}'"),
        ),
        Index("ix_cycles_recalled", "recall_ids", postgresql_using="gin", postgresql_where=text("recall_ids <> '{}'")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID]
    cycle_number: Mapped[int]
    program: Mapped[str]
    purpose: Mapped[str]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    external_indicator: Mapped[str]
    internal_indicator: Mapped[str]
    mechanical: Mapped[str]
    indicator: Mapped[str]
    indicator_product: Mapped[str | None]
    packs: Mapped[int]
    released: Mapped[str | None]
    release_id: Mapped[UUID | None]
    recall_ids: Mapped[list[UUID]]
    occurred_at: Mapped[datetime]
    event_id: Mapped[UUID]


class CycleSamples(Base):
    """private: the readings of a cycle, bound to its fact by `samples_digest` = SHA-256(0x10 ‖ salt ‖ report).

    `report` is the whole report as JSON, so that the same cycle sent from another tablet is known again.
    """

    __tablename__ = "cycle_samples"
    __table_args__ = table("hygiene", "private")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID] = mapped_column(primary_key=True)
    salt: Mapped[bytes]
    report: Mapped[bytes]


class Indicator(Base):
    """projection: one row per reading of a biological indicator."""

    __tablename__ = "indicators"
    __table_args__ = table("hygiene", "projection", Index(None, "clinic_id", "sterilizer_id", "occurred_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    indicator_id: Mapped[UUID] = mapped_column(primary_key=True)
    sterilizer_id: Mapped[UUID]
    cycle_id: Mapped[UUID]
    product: Mapped[str | None]
    lot: Mapped[str]
    result: Mapped[str]
    control_grew: Mapped[bool]
    incubated_seconds: Mapped[int]
    occurred_at: Mapped[datetime]
    event_id: Mapped[UUID]


class Pack(Base):
    """projection: one row per labeled pack. Usable: released, not quarantined, not used, in date."""

    __tablename__ = "packs"
    __table_args__ = table(
        "hygiene",
        "projection",
        Index(None, "clinic_id", "cycle_id"),
        Index("ix_packs_usable", "clinic_id", "sterile_until", postgresql_where=text("released and not used and quarantined is null")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    pack_id: Mapped[UUID] = mapped_column(primary_key=True)
    cycle_id: Mapped[UUID]
    contents: Mapped[str]
    sterile_until: Mapped[date]
    released: Mapped[bool]
    quarantined: Mapped[str | None]
    quarantine_id: Mapped[UUID | None]
    used: Mapped[bool]


class ItemUse(Base):
    """projection: a pack or a cartridge unit that was used in a treatment, known to hygiene or not."""

    __tablename__ = "item_uses"
    __table_args__ = table(
        "hygiene",
        "projection",
        Index(None, "clinic_id", "treatment_id"),
        Index("ix_item_uses_by_lot", "clinic_id", "lot_id", postgresql_where=text("lot_id is not null")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    lot_id: Mapped[UUID | None]


class Lot(Base):
    """projection: one row per delivery of a lot, with its counts. `lot_key` is the lot without case and leading zeros."""

    __tablename__ = "lots"
    __table_args__ = table(
        "hygiene",
        "projection",
        Index("ix_lots_by_code", "clinic_id", "gtin", "lot_key"),
        Index("ix_lots_on_hand", "clinic_id", "expires_on", postgresql_where=text("quantity > used + wasted and quarantined is null")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID] = mapped_column(primary_key=True)
    gtin: Mapped[str]
    lot: Mapped[str]
    lot_key: Mapped[str]
    serial: Mapped[str | None]
    expires_on: Mapped[date]
    source: Mapped[str]
    quantity: Mapped[int]
    labeled: Mapped[int]
    used: Mapped[int]
    wasted: Mapped[int]
    quarantined: Mapped[str | None]
    occurred_at: Mapped[datetime]
    event_id: Mapped[UUID]


class Unit(Base):
    """projection: one row per cartridge that can be told apart."""

    __tablename__ = "units"
    __table_args__ = table("hygiene", "projection", Index(None, "clinic_id", "lot_id", "unit_id"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(primary_key=True)
    lot_id: Mapped[UUID]
    waste_reason: Mapped[str | None]
    wasted_at: Mapped[datetime | None]
    waste_id: Mapped[UUID | None]


class Handpiece(Base):
    """projection: one row per handpiece."""

    __tablename__ = "handpieces"
    __table_args__ = table("hygiene", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    handpiece_id: Mapped[UUID] = mapped_column(primary_key=True)
    serial: Mapped[str]
    modality: Mapped[str]
    fits_gtins: Mapped[list[str]]
    max_depth_um: Mapped[int]
    event_id: Mapped[UUID]


class Disinfection(Base):
    """projection: one row per reprocessing of a handpiece or turnover of a room (`kind`)."""

    __tablename__ = "disinfections"
    __table_args__ = table("hygiene", "projection", Index(None, "clinic_id", "kind", "subject_id", "occurred_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    disinfection_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    product: Mapped[str]
    wet_seconds: Mapped[int]
    label_seconds: Mapped[int]
    occurred_at: Mapped[datetime]
    event_id: Mapped[UUID]


class PlaceUse(Base):
    """projection: a handpiece or a room (`kind`) in a treatment: what makes it unclean again."""

    __tablename__ = "place_uses"
    __table_args__ = table("hygiene", "projection", Index(None, "clinic_id", "kind", "subject_id", "started_at"))
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID]
    client_id: Mapped[UUID]
    started_at: Mapped[datetime]


class Place(Base):
    """projection: a handpiece or a room (`kind`) as it stands now."""

    __tablename__ = "places"
    __table_args__ = table("hygiene", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[UUID] = mapped_column(primary_key=True)
    disinfected_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class Recall(Base):
    """projection: one row per recall."""

    __tablename__ = "recalls"
    __table_args__ = table(
        "hygiene",
        "projection",
        Index(None, "clinic_id", "subject_id"),
        Index(None, "clinic_id", "opened_at"),
        Index("ix_recalls_undecided", "decide_by", postgresql_where=text("decision = 'pending'")),
    )
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    recall_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject_id: Mapped[UUID]
    cause: Mapped[UUID]
    window_from: Mapped[datetime | None]
    window_until: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    decision: Mapped[str]
    decide_by: Mapped[datetime | None]
    pack_ids: Mapped[list[UUID]]
    causation: Mapped[str]


class RecallExposure(Base):
    """projection: a client on a recall's look-back list. Rows are never taken off it."""

    __tablename__ = "recall_exposures"
    __table_args__ = table("hygiene", "projection")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    recall_id: Mapped[UUID] = mapped_column(primary_key=True)
    treatment_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID]
    found_late: Mapped[bool]
