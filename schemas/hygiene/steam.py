"""Sterilizers, their cycles and indicators, and the packs that come out."""

from itertools import pairwise
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, JsonValue, model_validator

from schemas.hygiene.claims import MAX_PACKS, MAX_SAMPLES, Claim
from schemas.sentences import Explained
from schemas.vocabulary import Code, Count, Instant, LocalDate, LotCode, Millidegrees, Seconds, SerialCode, Shape

Change = Literal["changed", "unchanged"]
Purpose = Literal["load", "qualification", "air_removal_test"]


def _example(**body: JsonValue) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [body]})


class SterilizerReport(Claim):
    """A sterilizer enters the record with the programs it was qualified for.

    The id stands for one commissioning of the machine: after new firmware that counts cycles from 1 again, commission the
    same serial under a new id. Recalls reach across all commissionings of a serial.
    """

    model_config = _example(
        serial="MX-40021",
        air_removal="prevac",
        programs=["prevac_wrapped_134"],
        occurred_at="2026-11-01T08:00:00+01:00",
        device="tablet-2",
    )

    serial: Annotated[SerialCode, Field(description="The maker's serial number.")]
    air_removal: Annotated[Code, Field(description="How air leaves the chamber.", examples=["gravity", "prevac"])]
    programs: Annotated[tuple[Code, ...], Field(min_length=1, max_length=40, description="Programs of the clinic's policy.")]


class PlateauSample(Shape):
    """One reading during the exposure phase."""

    second: Annotated[Seconds, Field(description="Seconds since the first reading of the exposure phase.")]
    temperature_mc: Annotated[Millidegrees, Field(description="134 °C is 134000.")]
    pressure_mbar: Annotated[int | None, Field(ge=0, le=10_000, description="Absolute pressure, where the printout has it.")] = None


class PlacedIndicator(Shape):
    """A biological indicator that ran with the load and will be read later."""

    product: Annotated[Code, Field(description="A product of the clinic's policy.", examples=["rapid_24_minutes"])]
    lot: LotCode


class PackOfLoad(Shape):
    """A pack in the chamber; its id is the one on its label."""

    pack_id: UUID
    contents: Annotated[Code, Field(description="What is inside.", examples=["extractor_set"])]


class CycleReport(Claim):
    """A cycle as the sterilizer and the person before it saw it. A failed cycle is recorded like any other."""

    model_config = _example(
        sterilizer_id="5f0c2b52-6a2e-4a53-9d4a-0f2d6d0a1c01",
        cycle_number=412,
        program="prevac_wrapped_134",
        started_at="2026-11-23T08:00:00+01:00",
        ended_at="2026-11-23T08:38:00+01:00",
        samples=[
            {"second": 0, "temperature_mc": 134400},
            {"second": 90, "temperature_mc": 135100},
            {"second": 185, "temperature_mc": 134900},
        ],
        external_indicator="changed",
        internal_indicator="changed",
        packs=[{"pack_id": "0b9e5c0e-3f5a-4c60-8f0c-7e1a7d4d2a11", "contents": "extractor_set"}],
        indicator={"product": "rapid_24_minutes", "lot": "BI2207"},
        occurred_at="2026-11-23T08:40:00+01:00",
        device="tablet-2",
    )

    sterilizer_id: UUID
    cycle_number: Annotated[Count, Field(description="The sterilizer's own count; unique per commissioning.")]
    program: Code
    purpose: Annotated[Purpose, Field(description="A load, an empty qualification cycle, or a Bowie-Dick or helix test.")] = "load"
    load: Annotated[Code | None, Field(description="What kind of load it was.", examples=["wrapped", "textile"])] = None
    needs_air_removal: Annotated[Code | None, Field(description="The air removal this load needs.", examples=["prevac"])] = None
    started_at: Instant
    ended_at: Instant
    clock_ahead_seconds: Annotated[
        int,
        Field(ge=-86_400, le=86_400, description="How far the sterilizer's clock runs ahead; its times are set right by it."),
    ] = 0
    samples: Annotated[
        tuple[PlateauSample, ...],
        Field(min_length=2, max_length=MAX_SAMPLES, description="Every reading of the exposure phase, in order."),
    ]
    external_indicator: Change
    internal_indicator: Change
    packs: Annotated[tuple[PackOfLoad, ...], Field(max_length=MAX_PACKS)] = ()
    indicator: PlacedIndicator | None = None

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.ended_at <= self.started_at:
            raise ValueError("ended_at must lie after started_at")
        seconds = [sample.second for sample in self.samples]
        if any(later <= earlier for earlier, later in pairwise(seconds)):
            raise ValueError("samples must be in order, each second once")
        if len({pack.pack_id for pack in self.packs}) != len(self.packs):
            raise ValueError("packs must have different ids")
        if self.packs and self.purpose != "load":
            raise ValueError("packs lie only in a load: a test or qualification cycle runs without")
        return self


class Release(Claim):
    """Ask that the packs of a load may be used."""

    model_config = _example(occurred_at="2026-11-23T08:45:00+01:00", device="tablet-2")


class IndicatorReport(Claim):
    """A biological indicator was read beside its unexposed control."""

    model_config = _example(
        cycle_id="c1a7e3a0-92f1-4d3a-8a52-0c54ad5b7b01",
        product="rapid_24_minutes",
        lot="BI2207",
        control_lot="BI2207",
        incubation_started_at="2026-11-23T08:50:00+01:00",
        grew=False,
        control_grew=True,
        occurred_at="2026-11-23T09:20:00+01:00",
    )

    cycle_id: UUID
    product: Code
    lot: LotCode
    control_lot: Annotated[LotCode | None, Field(description="The lot of the control; must be the indicator's own.")] = None
    incubation_started_at: Instant
    grew: Annotated[bool, Field(description="Spores of the exposed indicator grew: the cycle did not kill them.")]
    control_grew: Annotated[bool, Field(description="Spores of the control grew, as living spores must.")]

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        if self.occurred_at < self.incubation_started_at:
            raise ValueError("occurred_at must not lie before incubation_started_at")
        return self


class Return(Claim):
    """Ask that a sterilizer goes back into service after its qualification cycles."""

    model_config = _example(occurred_at="2026-11-25T10:00:00+01:00")


class PackRejection(Claim):
    """A pack was found unfit at the point of use."""

    model_config = _example(reason="indicator_unchanged", occurred_at="2026-11-23T11:00:00+01:00")

    reason: Annotated[
        Literal["indicator_unchanged", "wet", "torn", "dropped", "label_unreadable"],
        Field(description="An unchanged indicator holds the whole load, anything else this pack."),
    ]


class IndicatorDay(Shape):
    """One day of a sterilizer's indicator calendar."""

    on: LocalDate
    cycles: int
    results: tuple[Literal["pending", "negative", "positive", "invalid"], ...]


class SterilizerSheet(Shape):
    """A sterilizer today. `indicator`: what a release would be told about its biological indicators."""

    sterilizer_id: UUID
    serial: SerialCode
    air_removal: Code
    programs: tuple[Code, ...]
    in_service: bool
    removed_at: Instant | None = None
    removal_reason: Code | None = None
    last_indicator_on: LocalDate | None = None
    days_since_indicator: int
    indicator: Explained
    calendar: tuple[IndicatorDay, ...]


class CycleSheet(Shape):
    """A cycle that awaits its release, or one that was looked up."""

    cycle_id: UUID
    sterilizer_id: UUID
    cycle_number: int
    program: Code
    purpose: Purpose
    started_at: Instant
    ended_at: Instant
    mechanical: Literal["passed", "failed"]
    external_indicator: Change
    internal_indicator: Change
    indicator: Literal["none", "pending", "negative", "positive", "invalid"]
    released: Literal["parametric", "bi_pending", "bi_negative"] | None = None
    recall_ids: tuple[UUID, ...] = ()
    packs: int


class PackSheet(Shape):
    """A pack that may be used today."""

    pack_id: UUID
    cycle_id: UUID
    contents: Code
    sterile_until: LocalDate
