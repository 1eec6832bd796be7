"""A scan at the chair: which thing it is, or what to do instead."""

import re
from uuid import UUID

from events.transaction import View
from schemas.hygiene.supplies import unit_of_serial
from services.treatment.queries import Kind, things_scanned

IDENTIFIER = re.compile(r"^\][A-Za-z][0-9]")
"""What a scanner puts before a code to say how it was printed."""

SEPARATOR = "\x1d"
"""GS1's end of an element of any length."""

MAKERS = re.compile(r"^01(?P<gtin>\d{14})(?P<rest>.*)$", re.DOTALL)
"""A maker's code: the product, and then lot, dates and perhaps the serial of this one unit."""

DATES = ("11", "13", "15", "17")
ANY_LENGTH = ("10", "21")

UNKNOWN = "This code is not known here. Scan the label that the clinic printed, or type the characters under it."
NOT_ONE = "Several things have these characters. Scan the label, or type more of them."
A_LOT = "This code names a whole lot. Scan the label that the clinic printed for this one cartridge."


LONGEST_CODE = 300
"""Characters: several times what any label holds."""


def serial_in(code: str) -> tuple[str, str] | None:
    """Product and serial of a maker's code; None where it names a lot only, or has parts that nobody expects there."""
    found = MAKERS.match(code)
    if found is None:
        return None
    rest = found["rest"].lstrip(SEPARATOR)
    while rest:
        element, rest = rest[:2], rest[2:]
        if element in DATES:
            rest = rest[6:]
        elif element in ANY_LENGTH:
            value, _, rest = rest.partition(SEPARATOR)
            if element == "21" and value:
                return found["gtin"], value
        else:
            return None
        rest = rest.lstrip(SEPARATOR)
    return None


async def scanned(view: View, code: str, *wanted: Kind) -> tuple[Kind, UUID] | str:
    """The thing of a wanted kind, or a sentence why there is none."""
    bare = IDENTIFIER.sub("", code.strip(" \r\n"))
    if "\0" in bare or len(bare) > LONGEST_CODE:
        return UNKNOWN
    unit = serial_in(bare)
    asked = str(unit_of_serial(view.clinic_id, *unit)) if unit else bare
    found = [(kind, identity) for kind, identity in await things_scanned(view, asked) if not wanted or kind in wanted]
    if len(found) == 1:
        return found[0]
    if found:
        return NOT_ONE
    return A_LOT if MAKERS.match(bare) and unit is None else UNKNOWN
