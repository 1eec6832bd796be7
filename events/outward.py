"""What leaves the house: the form of an entry on a clinic's outward stream, and the same from the ledger. Health reasons never do."""

from collections.abc import Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.catalog.booking import AnswerRepeated, BookingFlagged
from events.envelope import Entry, Event, cloud_event, event_classes, knows, versioned_type
from events.ledger import LedgerEntry
from events.projection import RecordUnreadableError
from events.wire import Where
from schemas.sentences import for_front_desk, say

UNSAID = frozenset({"exposed", "safety_hold"})
"""Reasons of a flag that say something about a client's health: outside it only needs a review."""


def outward_stream(clinic_id: UUID) -> str:
    """The clinic's stream to the outside."""
    return f"{{clinic:{clinic_id}}}:events"


def _is_outward(event: type[Event]) -> bool:
    return event.outward or event is AnswerRepeated


def outward_types() -> list[str]:
    """The types that leave, with their versions."""
    return [versioned_type(event) for event in event_classes().values() if _is_outward(event)]


@cache
def outward_set() -> frozenset[str]:
    """The same, for looking up."""
    return frozenset(outward_types())


def outward_data(event: Event) -> dict[str, Any]:
    """What of an event may leave: without what it masks, findings in plain words and without medical reasons."""
    data = event.model_dump(mode="json", exclude=set(event.masked))
    if "findings" in data and hasattr(event, "findings"):
        data["findings"] = [say(finding).model_dump(mode="json") for finding in for_front_desk(event.findings)]
    if isinstance(event, BookingFlagged) and event.reason in UNSAID:
        data["reason"] = "needs_review"
    return data


async def outward_form(rows: Where, entry: Entry[Any], previous: str | None) -> bytes:
    """An entry as the outside sees it; a repeated answer is the earlier event in a new place, for the command that asked again."""
    shown: Entry[Any] | None = entry
    if isinstance(entry.event, AnswerRepeated):
        shown = await ledger.entry_by_id(rows, entry.clinic_id, entry.event.event_id)
    if shown is None or (shown is not entry and not shown.event.outward):
        message = f"entry {entry.index} repeats no outward event of this ledger"
        raise RecordUnreadableError(message)
    return cloud_event(
        shown,
        outward_data(shown.event),
        sequence=stream_id(entry),
        previous=previous,
        causationid=entry.causation,
        correlationid=entry.parts["causation"]["correlation"],
    )


def stream_id(entry: Entry[Any]) -> str:
    """`<epoch>-<size>`: rising, with gaps."""
    return f"{entry.epoch}-{entry.size}"


def parse_id(shown: str) -> tuple[int, int]:
    """(epoch, size) of an outward id. Raises ValueError."""
    epoch, _, size = shown.partition("-")
    return int(epoch), int(size)


async def outward_before(rows: AsyncSession, clinic_id: UUID, epoch: int, size: int) -> str | None:
    """The id of the last outward entry among the first `size`."""
    query = (
        select(LedgerEntry.index)
        .where(
            LedgerEntry.clinic_id == clinic_id, LedgerEntry.epoch == epoch, LedgerEntry.index < size, LedgerEntry.type.in_(outward_types())
        )
        .order_by(LedgerEntry.index.desc())
        .limit(1)
    )
    index = (await rows.execute(query)).scalar_one_or_none()
    return None if index is None else f"{epoch}-{index + 1}"


async def outward_after(rows: AsyncSession, clinic_id: UUID, epoch: int, size: int, limit: int) -> Sequence[bytes]:
    """The outward events behind (epoch, size), from the ledger: what the feed over HTTP serves."""
    previous = await outward_before(rows, clinic_id, epoch, size)
    found: list[bytes] = []
    async for entry in ledger.read_all(rows, clinic_id, epoch, size):
        if knows(entry.type) and _is_outward(type(entry.event)):
            found.append(await outward_form(rows, entry, previous))
            previous = stream_id(entry)
        if len(found) >= limit:
            break
    return found
