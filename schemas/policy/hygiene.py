"""Sections about items: sterilization, recall, disinfection, and how long records are kept."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from schemas.policy.units import OMIT_EMPTY, Days, Elapsed, Hours, Minutes, Number, Years
from schemas.vocabulary import Code, Millidegrees, Shape


class RecallMode(StrEnum):
    """CONSERVATIVE recalls at one positive indicator; CDC_STEAM repeats the indicator first."""

    CONSERVATIVE = "conservative"
    CDC_STEAM = "cdc_steam"


class SterilizationProgram(Shape):
    """Minimum exposure at plateau; every sample within [setpoint, setpoint + band]."""

    air_removal: Code
    load: Code
    setpoint_mdeg: Millidegrees
    exposure_seconds: Elapsed
    dry_from_seconds: Elapsed
    dry_to_seconds: Elapsed
    storable: bool


class IndicatorProduct(Shape):
    incubation_minutes: Minutes
    turnaround_minutes: Minutes


class Sterilization(Shape):
    """BI days count local dates since the last BI run of a sterilizer in use: warn and block *from* that day."""

    programs: Mapping[Code, SterilizationProgram]
    band_mdeg: Millidegrees
    bi_products: Mapping[Code, IndicatorProduct]
    bi_every_days: Days
    bi_warn_from_day: Days
    bi_block_from_day: Days
    bi_after_idle: bool
    bi_control_required: bool
    ci_every_load: bool
    air_removal_test_daily: bool
    qualification_cycles: Number
    shelf_life_days: Days


class Recall(Shape):
    mode: RecallMode
    include_last_negative: bool
    extend_to_out_of_service: bool
    decision_hours: Hours
    repeat_cycles: Number
    return_cycles: Number
    root_causes: tuple[Code, ...]


class Hygiene(Shape):
    contact_seconds: Elapsed
    contact_floor_seconds: Elapsed
    manual_scan_second_check: bool


class Retention(Shape):
    years: Years
    floor_years: Years
    minor_until_years: Annotated[Years, OMIT_EMPTY] = 0
