"""The ledger as people and programs read it."""

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
    """Every header, hash and link was computed anew, from the first entry on; `verified` of them are sound."""

    head: LedgerHead
    verified: Count
    sound: bool
    broken: LedgerBreak | None = None
