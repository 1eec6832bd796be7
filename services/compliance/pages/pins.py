"""What is kept of a PIN, and which PINs anybody would try first."""

import asyncio
import hashlib
import hmac
import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from schemas.compliance import KeptPin
from services.door import problem, unmet

PIN = re.compile(r"[0-9]{6}")
"""Six digits: the least that NIST SP 800-63B (5.1.1.1) takes for a secret of digits alone, and those chosen without a pattern."""

COST, BLOCK, LANES = 2**14, 8, 5
"""scrypt's parameters from OWASP's password storage cheat sheet: 16 MiB, and some hundred milliseconds."""

AT_ONCE = asyncio.Semaphore(2)
"""However many try: the others in this process go on working."""

MOST_WAITING = 20
"""Who waits for some seconds, and more people than ever type a PIN at once. A technical bound."""

_waiting: set[object] = set()


@contextmanager
def in_line() -> Iterator[None]:
    """A place among those whose PINs are hashed. It is taken before a try is counted: who is sent away has used none."""
    if len(_waiting) >= MOST_WAITING:
        raise problem(503, "crowded", "Too many PINs at once", unmet("pins_must_be_few_enough"))
    _waiting.add(place := object())
    try:
        yield
    finally:
        _waiting.remove(place)


def is_guessable(pin: str) -> bool:
    """One or two digits only, a run up or down, or the same thing twice or three times."""
    steps = {(int(after) - int(before)) % 10 for before, after in itertools.pairwise(pin)}
    return len(set(pin)) <= 2 or len(steps) == 1 or pin[:3] == pin[3:] or pin[:2] == pin[2:4] == pin[4:]  # noqa: PLR2004 - one or two


def salt_for(secret: bytes, clinic: UUID, identity: UUID, command_id: str) -> bytes:
    """The same when a form is sent twice, and nobody's guess otherwise."""
    return hmac.digest(secret, f"asepsis: salt of a PIN {clinic} {identity} {command_id}".encode(), hashlib.sha256)


async def kept_of(secret: bytes, pin: str, salt: bytes) -> KeptPin:
    """Six digits are soon tried out by whoever has the hash, however slow: without the installation's secret it says nothing."""
    peppered = hmac.digest(secret, b"asepsis: PINs" + pin.encode(), hashlib.sha256)

    def slowly() -> bytes:
        return hashlib.scrypt(peppered, salt=salt, n=COST, r=BLOCK, p=LANES, maxmem=2**26, dklen=32)

    async with AT_ONCE:
        return KeptPin(salt=salt.hex(), hash=(await asyncio.to_thread(slowly)).hex())
