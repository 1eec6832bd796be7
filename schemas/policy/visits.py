"""Sections about the visit: hours, slots, spacing, depth, age, and the gate."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from schemas.policy.units import OMIT_EMPTY, DayMinutes, Days, Elapsed, Hours, Minutes, Years
from schemas.vocabulary import Area, Code, LocalDate, Micrometers, Modality, Role, Shape, TimeZoneName, VisitType

GateCode = Annotated[str, Field(pattern=r"^G(0[1-9]|1[0-9]|2[0-2])$")]

NEVER_OVERRIDABLE = frozenset({"G07", "G10", "G12", "G13", "G14", "G15", "G16"})
"""Consent, safety holds, sterility and recall: no policy may open them (design.md 8)."""


class Weekday(StrEnum):
    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class OpeningHours(Shape):
    """Half-open, local. Equal times: closed that day. 0 to 1440: open all day."""

    opens_minutes: DayMinutes
    closes_minutes: DayMinutes


class Clinic(Shape):
    timezone: TimeZoneName
    opening: Mapping[Weekday, OpeningHours]
    closed_on: Annotated[tuple[LocalDate, ...], Field(max_length=60), OMIT_EMPTY] = ()
    phone: Annotated[str, Field(pattern=r"^(\+[1-9][0-9]{6,14})?$"), OMIT_EMPTY] = ""
    """E.164: whom clients call who feel unwell."""


class Booking(Shape):
    reservation_minutes: Minutes
    slot_step_minutes: Annotated[int, Field(strict=True, ge=1, le=1440)]
    horizon_days: Days
    late_after_minutes: Minutes
    no_show_after_minutes: Minutes
    turnover_minutes: Mapping[Code, Minutes]


class SpacingBand(Shape):
    """What a session no deeper than `up_to_um` asks before the next one on the same skin."""

    modality: Modality
    up_to_um: Micrometers
    floor_days: Days
    recommended_days: Days
    recommended_until_days: Annotated[Days, OMIT_EMPTY] = 0
    clinician_only: bool


class SpacingRules(Shape):
    """`modality_classes`: sessions of one class are spaced against each other."""

    bands: Mapping[Code, SpacingBand]
    modality_classes: Mapping[Modality, Code]


class DepthCap(Shape):
    cap_um: Micrometers
    clinician_cap_um: Micrometers


class DepthRules(Shape):
    areas: Mapping[Area, DepthCap]
    clinician_above_um: Micrometers
    esthetician_cap: bool
    esthetician_cap_um: Micrometers


class AgeRules(Shape):
    block_below_years: Years
    label_from_years: Years
    minors_allowed: bool
    minor_cooling_off_hours: Hours


class GateRule(Shape):
    enabled: bool
    overridable_by: Annotated[tuple[Role, ...], OMIT_EMPTY] = ()


class Gate(Shape):
    rules: Mapping[GateCode, GateRule]
    visit_types: Mapping[VisitType, tuple[GateCode, ...]]
    start_before_minutes: Minutes
    end_report_after_minutes: Minutes
    clock_tolerance_seconds: Elapsed
    late_signature_hours: Hours
    override_limit_days: Days
    override_reasons: tuple[Code, ...]
