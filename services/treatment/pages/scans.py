"""A scan at the chair: which thing it is, or what to do instead."""

import re
from uuid import UUID

from events.transaction import View
from services.treatment.queries import Kind, things_scanned

IDENTIFIER = re.compile(r"^\][A-Za-z][0-9]")
"""What a scanner puts before a code to say how it was printed."""

LOT_ONLY = re.compile(r"^01\d{14}")
"""A maker's code on a box or blister: it names a product and lot."""

UNKNOWN = "This code is not known here. Scan the label that the clinic printed, or type the characters under it."
NOT_ONE = "Several things have these characters. Scan the label, or type more of them."
A_LOT = "This code names a whole lot. Scan the label that the clinic printed for this one cartridge."


async def scanned(view: View, code: str, *wanted: Kind) -> tuple[Kind, UUID] | str:
    """The thing of a wanted kind, or a sentence why there is none."""
    bare = IDENTIFIER.sub("", code.strip())
    found = [(kind, identity) for kind, identity in await things_scanned(view, bare) if not wanted or kind in wanted]
    if len(found) == 1:
        return found[0]
    if found:
        return NOT_ONE
    return A_LOT if LOT_ONLY.match(bare) else UNKNOWN
