"""The ledger as people and programs read it."""

from typing import Literal
from uuid import UUID

from pydantic import JsonValue

from schemas.vocabulary import Actor, Code, Count, Digest, Instant, Shape, Token


class RecordEntry(Shape):
    """One entry of the ledger as people and programs read it. `chain` in hex."""

    epoch: Count
    index: Count
    recorded_at: Instant
    event_id: UUID
    type: str
    actor: Actor
    policy: Count | None
    chain: Digest
    data: dict[str, JsonValue]


class LedgerHead(Shape):
    """Keep this outside: it is the checkpoint that shows a truncated or rewritten ledger."""

    clinic_id: UUID
    epoch: Count
    size: Count
    chain: Digest


class LedgerPage(Shape):
    """Entries in order; `cursor` asks for those that follow, and is absent at the end."""

    head: LedgerHead
    entries: tuple[RecordEntry, ...]
    cursor: Token | None = None


class LedgerBreak(Shape):
    """Where the ledger first stops being sound; everything before `sound` is as it was recorded."""

    index: Count
    sound: Count
    reason: Code
    sentence: str


class LedgerVerdict(Shape):
    """Every header, hash and link was computed anew, from the first entry of the first epoch on; `verified` of them are sound.

    `epochs` is how many were gone through, with the seams between them: all of them, or up to the one that is broken.
    """

    head: LedgerHead
    verified: Count
    epochs: Count
    sound: bool
    broken: LedgerBreak | None = None


class RecordFilter(Shape):
    """Which entries are looked for: everything that is given must hold. Types stand without their version."""

    types: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    refused: bool = False
    about: tuple[UUID, ...] | None = None
    """Entries that speak of one of these, or were made by one; none of them: no entry."""
    begins_at: Instant | None = None
    until: Instant | None = None
    before: Count | None = None
    """Only entries that stand in the ledger before this index."""


class FoundEntry(RecordEntry):
    """An entry with the SHA-256 of its exact bytes."""

    body_digest: Digest


class FoundEntries(Shape):
    """Entries, the newest first; `before` asks for those that come earlier, and is absent where there are none."""

    head: LedgerHead
    entries: tuple[FoundEntry, ...]
    before: Count | None = None


class ExactEntry(Shape):
    """An entry as its hash is made of it. `sound`: the chain that stands there is the one its bytes and its forerunner give."""

    entry: RecordEntry
    header: str
    body: str
    chain_before: Digest
    sound: bool


class Meant(Shape):
    """What a word or a scanned code stands for. `how`: an id, the beginning of ids, somebody's name, a serial number or a lot."""

    how: Literal["id", "beginning", "name", "code"]
    ids: tuple[UUID, ...]
