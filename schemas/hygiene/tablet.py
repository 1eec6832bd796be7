"""What a tablet keeps to go on without the network, and labels of packs."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from schemas.vocabulary import Code, Instant, LotCode, Millidegrees, Seconds, SerialCode, Shape

__all__ = ["PackLabel", "TabletCycle", "TabletFacts", "TabletPlace", "TabletProduct", "TabletProgram", "TabletSterilizer"]


class TabletSterilizer(Shape):
    """A sterilizer that can be chosen."""

    sterilizer_id: UUID
    serial: SerialCode
    in_service: bool
    programs: tuple[Code, ...]
    next_cycle_number: int


class TabletProgram(Shape):
    """What a program asks of each reading and of the exposure as a whole."""

    code: Code
    from_mc: Millidegrees
    to_mc: Millidegrees
    exposure_seconds: Seconds


class TabletProduct(Shape):
    """A biological indicator of the policy."""

    code: Code
    incubation_minutes: int


class TabletPlace(Shape):
    """A room, or a handpiece with its serial."""

    subject_id: UUID
    serial: SerialCode | None


class TabletCycle(Shape):
    """A cycle whose biological indicator is to be read."""

    cycle_id: UUID
    sterilizer_id: UUID
    cycle_number: int
    product: Code | None
    lot: LotCode | None = None


class TabletFacts(Shape):
    """Machines, programs and places; no client, and nobody's name."""

    now: Annotated[Instant, Field(description="The server's clock: a tablet's own is set right by it.")]
    sterilizers: tuple[TabletSterilizer, ...]
    programs: tuple[TabletProgram, ...]
    products: tuple[TabletProduct, ...]
    contact_seconds: Seconds
    rooms: tuple[TabletPlace, ...]
    handpieces: tuple[TabletPlace, ...]
    pending: tuple[TabletCycle, ...]


class PackLabel(Shape):
    """A printable label of a pack."""

    pack_id: UUID
    text: str
    code_svg: str
