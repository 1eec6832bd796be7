"""What hygiene says: sterilizers, cycles, packs, lots, handpieces, rooms, recalls."""

from typing import Literal
from uuid import UUID

from events.envelope import Event
from schemas.vocabulary import (
    Code,
    Count,
    Digest,
    Finding,
    Gtin,
    Instant,
    LocalDate,
    LotCode,
    Micrometers,
    Millidegrees,
    Modality,
    Seconds,
    SerialCode,
    Shape,
    Token,
)


class SterilizerCommissioned(Event, type="sterilizer.commissioned"):
    """A sterilizer with the programs it was qualified for enters the record."""

    sterilizer_id: UUID
    serial: SerialCode
    air_removal: Code
    programs: tuple[Code, ...]
    occurred_at: Instant | None = None
    device: Token | None = None


class LabeledPack(Shape):
    """A pack of a load, as its label says."""

    pack_id: UUID
    contents: Code
    sterile_until: LocalDate


class CycleRecorded(Event, type="cycle.recorded"):
    """A sterilization cycle: what the chamber did, what the indicators show, what lay inside."""

    cycle_id: UUID
    sterilizer_id: UUID
    cycle_number: Count
    program: Code
    started_at: Instant
    ended_at: Instant
    plateau_seconds: Seconds
    lowest_mc: Millidegrees
    highest_mc: Millidegrees
    sample_count: Count
    samples_digest: Digest
    external_indicator: Literal["changed", "unchanged"]
    internal_indicator: Literal["changed", "unchanged"]
    mechanical: Literal["passed", "failed"]
    findings: tuple[Finding, ...]
    packs: tuple[LabeledPack, ...]
    purpose: Literal["load", "qualification", "air_removal_test"] = "load"
    indicator_product: Code | None = None
    """The biological indicator that lay inside; none: no indicator ran with this cycle."""
    indicator_lot: LotCode | None = None
    occurred_at: Instant
    device: Token | None = None


class LoadReleased(Event, type="load.released"):
    """The packs of a load may be used."""

    cycle_id: UUID
    sterilizer_id: UUID
    basis: Literal["parametric", "bi_pending", "bi_negative"]
    findings: tuple[Finding, ...]
    occurred_at: Instant
    device: Token | None = None


class IndicatorRead(Event, type="indicator.read"):
    """A biological indicator was read. A control that did not grow makes it invalid, not passed."""

    indicator_id: UUID
    sterilizer_id: UUID
    cycle_id: UUID
    indicator_lot: LotCode
    result: Literal["negative", "positive", "invalid"]
    control_grew: bool
    incubated_seconds: Seconds
    occurred_at: Instant
    product: Code | None = None
    device: Token | None = None


class SterilizerRemoved(Event, type="sterilizer.removed"):
    """Out of service: nothing is released from it."""

    sterilizer_id: UUID
    reason: Code
    cause: UUID | None = None
    occurred_at: Instant | None = None
    device: Token | None = None


class SterilizerReturned(Event, type="sterilizer.returned"):
    """Back in service after its qualification cycles."""

    sterilizer_id: UUID
    evidence: tuple[UUID, ...]
    occurred_at: Instant | None = None
    device: Token | None = None


class PackQuarantined(Event, type="pack.quarantined"):
    """Unused packs that nobody may use."""

    pack_ids: tuple[UUID, ...]
    reason: Code
    cause: UUID


class LotReceived(Event, type="lot.received"):
    """A lot of sterile single-use cartridges came in. Expiry is inclusive of the printed day."""

    lot_id: UUID
    gtin: Gtin
    lot: LotCode
    expires_on: LocalDate
    quantity: Count
    serial: SerialCode | None = None
    source: Literal["scan", "manual"]
    occurred_at: Instant
    device: Token | None = None


class UnitsLabeled(Event, type="lot.units_labeled"):
    """Units of a lot can be told apart from now on, so that "unused" can be checked.

    Said when labels are printed for a lot without serials, and at once for a unit that came with its serial.
    """

    lot_id: UUID
    unit_ids: tuple[UUID, ...]
    occurred_at: Instant | None = None
    device: Token | None = None


class LotQuarantined(Event, type="lot.quarantined"):
    """Nothing of this lot may be used."""

    lot_id: UUID
    reason: Code
    cause: UUID | None = None
    occurred_at: Instant | None = None
    device: Token | None = None


class CartridgeOpened(Event, type="cartridge.opened"):
    """A cartridge unit went into a treatment: it serves no other."""

    unit_id: UUID
    lot_id: UUID
    treatment_id: UUID
    client_id: UUID


class CartridgeWasted(Event, type="cartridge.wasted"):
    """A cartridge was dropped, contaminated or opened for nothing."""

    unit_id: UUID
    lot_id: UUID
    reason: Code
    occurred_at: Instant
    device: Token | None = None


class HandpieceCommissioned(Event, type="handpiece.commissioned"):
    """A handpiece with its serial and the cartridges that fit it."""

    handpiece_id: UUID
    serial: SerialCode
    modality: Modality
    fits_gtins: tuple[Gtin, ...]
    max_depth_um: Micrometers
    occurred_at: Instant | None = None
    device: Token | None = None


class HandpieceReprocessed(Event, type="handpiece.reprocessed"):
    """Cleaned and disinfected; one reprocessing serves one start."""

    reprocessing_id: UUID
    handpiece_id: UUID
    product: Code
    wet_seconds: Seconds
    label_seconds: Seconds
    occurred_at: Instant
    device: Token | None = None


class RoomTurnedOver(Event, type="room.turned_over"):
    """The room was stripped, cleaned, disinfected and dressed again; one turnover serves one start."""

    turnover_id: UUID
    room_id: UUID
    product: Code
    wet_seconds: Seconds
    label_seconds: Seconds
    occurred_at: Instant
    device: Token | None = None


class HygieneRefused(Event, type="hygiene.refused", refusal=True):
    """A hygiene record that could not be accepted, with every reason."""

    command: Code
    subject_id: UUID
    findings: tuple[Finding, ...]


class Exposure(Shape):
    """A client on whom something of the window was used."""

    treatment_id: UUID
    client_id: UUID
    item_id: UUID


class RecallOpened(Event, type="recall.opened"):
    """Everything since the last negative indicator is in doubt: items are held, exposed clients listed."""

    recall_id: UUID
    kind: Literal["sterilizer", "lot", "handpiece"]
    subject_id: UUID
    cause: UUID
    window_from: Instant | None = None
    window_until: Instant | None = None
    cycle_ids: tuple[UUID, ...] = ()
    pack_ids: tuple[UUID, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    decision: Literal["confirmed", "pending"] = "confirmed"
    """Pending: the policy lets a person decide after repeated indicators, until `decide_by`."""
    decide_by: Instant | None = None


class RecallDecided(Event, type="recall.decided"):
    """Two persons confirmed or released a recall, or nobody did in time, which confirms it.

    What was listed stays listed; held packs are reprocessed.
    """

    recall_id: UUID
    decision: Literal["confirmed", "released"]
    root_cause: Code
    second_signer_id: UUID | None = None
    second_showed: Literal["pin", "token"] | None = None
    """How the second signer showed that they were there. None: nobody signed, or it was decided before that was asked for."""
    evidence: tuple[UUID, ...] = ()
    occurred_at: Instant
    device: Token | None = None


class ExposureFound(Event, type="exposure.found"):
    """A record that came late puts a client or a load into an open recall."""

    recall_id: UUID
    exposures: tuple[Exposure, ...] = ()
    cycle_ids: tuple[UUID, ...] = ()
    pack_ids: tuple[UUID, ...] = ()
