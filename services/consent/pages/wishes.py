"""What a tablet is to be handed over for, as an address or a form says it."""

from typing import Literal
from uuid import UUID

from schemas.vocabulary import Area, Language, Micrometers, Modality, Shape
from services.screens.forms import Fields, micrometers, understood


class Wish(Shape):
    """Areas and depth of the treatment, who explains it, who interprets."""

    booking: UUID | None = None
    modality: Modality = Modality.MICRONEEDLING
    areas: tuple[Area, ...] = ()
    depth_um: Micrometers = 0
    explained_by: UUID | None = None
    language: Language | Literal[""] = ""
    interpreter: UUID | None = None


def wish_of(sent: Fields) -> Wish:
    """The fields as a wish. Depth is typed in millimeters, as it is read on the handpiece. Raises `RequestValidationError`."""
    given = sent.given("booking", "modality", "depth_um", "explained_by", "language", "interpreter")
    if (typed := sent.one("depth_mm")) is not None:
        given["depth_um"] = str(micrometers(typed))
    return understood(Wish, {**given, "areas": sent.all("areas")})
