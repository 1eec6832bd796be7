"""Handpieces, rooms, and the whole of hygiene on one day."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue

from schemas.hygiene.claims import Claim
from schemas.hygiene.recalls import RecallSheet
from schemas.hygiene.steam import CycleSheet, PackSheet, SterilizerSheet
from schemas.hygiene.supplies import LotSheet
from schemas.vocabulary import Code, Gtin, Instant, LocalDate, Micrometers, Modality, Seconds, SerialCode, Shape


def _example(**body: JsonValue) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [body]})


class TurnoverStep(StrEnum):
    """What must be done between two clients (domain.md 2.8)."""

    SHARPS_DISCARDED = "sharps_discarded"
    SURFACES_CLEANED = "surfaces_cleaned"
    SURFACES_DISINFECTED = "surfaces_disinfected"
    BARRIERS_RENEWED = "barriers_renewed"


class HandpieceReport(Claim):
    """A handpiece enters the record with its serial and the cartridges that fit."""

    model_config = _example(
        serial="PEN-0007",
        modality="microneedling",
        fits_gtins=["09501101530003"],
        max_depth_um=2500,
        occurred_at="2026-11-01T08:00:00+01:00",
    )

    serial: SerialCode
    modality: Modality = Modality.MICRONEEDLING
    fits_gtins: Annotated[tuple[Gtin, ...], Field(max_length=100)]
    max_depth_um: Annotated[Micrometers, Field(description="How deep the device can go. 2.5 mm is 2500.")]


class _Disinfection(Claim):
    product: Annotated[Code, Field(description="The disinfectant.", examples=["quat_wipes"])]
    wet_seconds: Annotated[Seconds, Field(description="How long the surface stayed wet, from first to last wet moment.")]
    label_seconds: Annotated[
        Seconds | None, Field(description="The contact time on the product's label; none: the clinic's policy says how long.")
    ] = None


class ReprocessingReport(_Disinfection):
    """A handpiece was stripped, cleaned, disinfected and looked at. One reprocessing serves one start."""

    model_config = _example(
        handpiece_id="8d2a8d4f-93b0-4a2c-9c16-2f10c60e5d01",
        product="quat_wipes",
        wet_seconds=130,
        label_seconds=120,
        ingress_seen=False,
        occurred_at="2026-11-23T09:50:00+01:00",
    )

    handpiece_id: UUID
    ingress_seen: Annotated[bool, Field(description="Fluid or blood was seen inside the handpiece.")] = False


class TurnoverReport(_Disinfection):
    """A room was made ready for the next client. One turnover serves one start."""

    model_config = _example(
        room_id="0d4f8a0e-1f5e-4c39-9f0b-6e7c2a3b4c01",
        product="quat_wipes",
        wet_seconds=130,
        label_seconds=120,
        steps=["sharps_discarded", "surfaces_cleaned", "surfaces_disinfected", "barriers_renewed"],
        occurred_at="2026-11-23T09:55:00+01:00",
    )

    room_id: UUID
    steps: Annotated[tuple[TurnoverStep, ...], Field(max_length=len(TurnoverStep), description="What was done; all must be.")]


class HandpieceSheet(Shape):
    """A handpiece and whether its last reprocessing is still good for a start."""

    handpiece_id: UUID
    serial: SerialCode
    modality: Modality
    last_reprocessed_at: Instant | None = None
    last_used_at: Instant | None = None
    ready: bool


class RoomSheet(Shape):
    """A room and whether its last turnover is still good for a start."""

    room_id: UUID
    last_turned_over_at: Instant | None = None
    last_used_at: Instant | None = None
    ready: bool


class HygieneDay(Shape):
    """What the person responsible for hygiene looks at in the morning."""

    on: LocalDate
    sterilizers: tuple[SterilizerSheet, ...]
    awaiting_release: tuple[CycleSheet, ...]
    usable_packs: tuple[PackSheet, ...]
    lots: tuple[LotSheet, ...]
    handpieces: tuple[HandpieceSheet, ...]
    rooms: tuple[RoomSheet, ...]
    recalls: tuple[RecallSheet, ...]
