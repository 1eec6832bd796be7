"""Types that the shapes of booking share."""

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, ConfigDict, Field

from schemas.vocabulary import no_number, within_reach

A_CLIENT = "5f0c6a52-3a3e-4d35-9a58-0b8f6f1f2f01"
A_BOOKING = "c2b1a0f4-94f5-4a52-8a63-2f4f8f0f7a10"
A_PRACTITIONER = "1d4a7d0e-52a3-4bd2-8f7f-6a8b0f9c3e21"
A_ROOM = "7be0a5d2-0c4c-4a0b-9f0e-3f5b8d2a6c32"
A_DEVICE = "9c1f4e6b-7d3a-4c58-8a1d-5e7f9b2c4d43"


def example(*examples: dict[str, Any]) -> ConfigDict:
    """Examples that stand in OpenAPI and AsyncAPI."""
    return ConfigDict(json_schema_extra={"examples": list(examples)})


GivenTime = Annotated[AwareDatetime, BeforeValidator(no_number), AfterValidator(within_reach)]
"""A moment in the sender's own offset: kept, so that a local time that does not exist is noticed."""

Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s\x00-\x1f]+@[^@\s\x00-\x1f]+\.[^@\s\x00-\x1f]+$")]
Phone = Annotated[str, Field(pattern=r"^\+[1-9][0-9]{6,14}$")]
SlotMinutes = Annotated[int, Field(ge=1, le=1440)]
