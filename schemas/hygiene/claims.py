"""What every hygiene report has in common: when it happened, as claimed, and on which device it was written."""

from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import Field

from schemas.vocabulary import Instant, Shape, Token

MAX_PACKS = 120
"""As many as one `cycle.recorded` can name within 32 KiB."""

MAX_UNITS = 500
"""As many as one `lot.units_labeled` can name within 32 KiB."""

MAX_SAMPLES = 7_200
"""Two hours at one sample a second."""


class Claim(Shape):
    """A report may come long after the fact: `occurred_at` is what the sender claims, the server adds when it heard."""

    occurred_at: Annotated[Instant, Field(description="When it happened. May be long ago, never in the future.")]
    device: Annotated[Token | None, Field(description="The tablet or terminal it was written on.", examples=["tablet-2"])] = None


C = TypeVar("C", bound=Claim)


class Said(Shape, Generic[C]):
    """A report about something that already has an id: the one in the path."""

    subject_id: UUID
    report: C
