"""Bounded integers of the policy document: no floats ride in events."""

from operator import not_
from typing import Annotated

from pydantic import Field

Days = Annotated[int, Field(strict=True, ge=0, le=36_500)]
Hours = Annotated[int, Field(strict=True, ge=0, le=9_000)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=600_000)]
Elapsed = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
Years = Annotated[int, Field(strict=True, ge=0, le=150)]
Number = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]
DayMinutes = Annotated[int, Field(strict=True, ge=0, le=1440)]
"""Minutes after local midnight; 1440 is the midnight that ends the day."""

OMIT_EMPTY = Field(exclude_if=not_)
"""For optional fields: left out of the JSON while empty, so that the document stays small and a field added later
changes no digest of an older document."""
