"""What an inspector asks first: a sterilizer's indicators, day by day."""

from typing import Literal
from uuid import UUID

from schemas.hygiene.supplies import LotSheet
from schemas.vocabulary import LocalDate, SerialCode, Shape

Biological = Literal["none", "pending", "negative", "positive", "invalid"]


class DayOfCycles(Shape):
    """A day on which a sterilizer ran, or stood still.

    `missing`: a load ran although the last biological indicator lay too far back for a release.
    `suspects` are the cycles with a biological, chemical or mechanical failure, and those without the indicator that was due.
    """

    on: LocalDate
    cycles: int = 0
    biological: Biological = "none"
    missing: bool = False
    chemical_failures: int = 0
    mechanical_failures: int = 0
    out_of_service: bool = False
    suspects: tuple[UUID, ...] = ()


class SterilizerYear(Shape):
    """A sterilizer through twelve months; days of which there is nothing to say are not there."""

    sterilizer_id: UUID
    serial: SerialCode
    in_service: bool
    commissioned_on: LocalDate
    days: tuple[DayOfCycles, ...]


class IndicatorYear(Shape):
    """From the first day of a month through the last of the twelfth, and the lots that expire first."""

    first: LocalDate
    last: LocalDate
    today: LocalDate
    every_days: int
    block_from_day: int
    sterilizers: tuple[SterilizerYear, ...]
    lots: tuple[LotSheet, ...]
