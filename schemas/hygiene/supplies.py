"""Lots of sterile single-use cartridges, their units and labels."""

from typing import Annotated, Literal, Self
from uuid import UUID, uuid5

from pydantic import ConfigDict, Field, JsonValue, model_validator

from schemas.hygiene.claims import MAX_UNITS, Claim
from schemas.vocabulary import Code, Gtin, Instant, LocalDate, LotCode, SerialCode, Shape


def _example(**body: JsonValue) -> ConfigDict:
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [body]})


def lot_key(lot: str) -> str:
    """What is the same lot in any letter case, with or without leading zeros."""
    return lot.upper().lstrip("0") or "0"


def unit_of_serial(clinic_id: UUID, gtin: str, serial: str) -> UUID:
    """The id of a unit that came with a serial: the same from any scan of it."""
    return uuid5(clinic_id, f"{gtin}\x1f{serial}")


class ManualLabel(Shape):
    """What is printed beside a code that no scanner reads. A second person compares it."""

    gtin: Annotated[str, Field(pattern=r"^[0-9]{8,14}$", description="8, 12, 13 or 14 digits, with the check digit.")]
    lot: LotCode
    expires_on: Annotated[LocalDate, Field(description="The printed day; the lot may still be used on it.")]
    serial: SerialCode | None = None
    checked_by: Annotated[UUID | None, Field(description="Who compared it: somebody else than the sender.")] = None


class LotReport(Claim):
    """A delivery: the scanned code of a box, or what was typed."""

    model_config = _example(
        scan="]d201095011015300031728123110SP4471",
        quantity=20,
        occurred_at="2026-11-23T09:00:00+01:00",
        device="tablet-2",
    )

    scan: Annotated[
        str | None,
        Field(max_length=300, description="A GS1 element string as the scanner gives it: GTIN (01), expiry (17), lot (10), serial (21)."),
    ] = None
    printed_lot: Annotated[
        LotCode | None, Field(description="The lot as printed beside the code: settles a scan whose separators were lost.")
    ] = None
    manual: ManualLabel | None = None
    quantity: Annotated[int, Field(ge=1, le=100_000, description="Units in the box. A code with a serial stands for one unit.")]

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if (self.scan is None) == (self.manual is None):
            raise ValueError("give either scan or manual")
        return self


class ReadLabel(Shape):
    """What a code or a typed label says, after its check digit and dates were checked."""

    gtin: Gtin
    lot: LotCode
    expires_on: LocalDate
    serial: SerialCode | None = None


class LabelOrder(Claim):
    """Print labels for units of a lot that have no serials of their own."""

    model_config = _example(units=20, occurred_at="2026-11-23T09:05:00+01:00")

    units: Annotated[int, Field(ge=1, le=MAX_UNITS)]


class LotQuarantine(Claim):
    """Nothing of the lot may be used from now on."""

    model_config = _example(reason="manufacturer_recall", occurred_at="2026-11-23T12:00:00+01:00")

    reason: Annotated[Code, Field(examples=["manufacturer_recall", "damaged_in_transport"])]


class Waste(Claim):
    """A cartridge was thrown away."""

    model_config = _example(reason="dropped", occurred_at="2026-11-23T10:20:00+01:00")

    reason: Annotated[Code, Field(examples=["dropped", "contaminated", "blunt", "opened_for_nothing"])]


class LotSheet(Shape):
    """A lot and its count: used + wasted + on hand = received."""

    lot_id: UUID
    gtin: Gtin
    lot: LotCode
    expires_on: LocalDate
    source: Literal["scan", "manual"]
    quarantined: Code | None = None
    received: int
    labeled: int
    used: int
    wasted: int
    on_hand: int
    received_at: Instant


class LotMatches(Shape):
    """Lots that a recall notice names, and those so like it that a person should look."""

    exact: tuple[LotSheet, ...]
    near: tuple[LotSheet, ...]


class UnitSheet(Shape):
    """One cartridge."""

    unit_id: UUID
    lot_id: UUID
    state: Literal["unused", "used", "wasted"]
    treatment_ids: tuple[UUID, ...] = ()


class UnitLabel(Shape):
    """A printable label: the text under the code, and the code as an SVG path document."""

    unit_id: UUID
    text: str
    code_svg: Annotated[str, Field(description="A QR code of `urn:uuid:<unit_id>`.")]


class UnitLabels(Shape):
    """One page of a lot's labels, in the order of unit ids; `next_after` asks for the following page."""

    lot_id: UUID
    labels: tuple[UnitLabel, ...]
    next_after: UUID | None = None
