"""Ledger → outward streams: `{clinic:…}:events`, ids `<epoch>-<size>`.

The relay publishes before it moves its bookmark, compares what is already there, publishes the kept window again
after a FLUSHALL, and halts on a difference. Health reasons never leave here.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.catalog.booking import AnswerRepeated, BookingFlagged
from events.database import Database
from events.envelope import Entry, Event, UnknownEventError, cloud_event, event_classes, knows, versioned_type
from events.ledger import Head, LedgerEntry
from events.projection import Place, RecordUnreadableError, bookmark_for_update, move_bookmark
from events.rounds import Stage, Step
from events.transaction import aside
from schemas.sentences import for_front_desk, say

log = logging.getLogger(__name__)

SERVICE = "relay"
STAGE = "published"
FIELD = "event"
PAGE = 500
UNSAID = frozenset({"exposed", "safety_hold"})
"""Reasons of a flag that say something about a client's health: outside it only needs a review."""

KEPT = timedelta(days=7)
"""How much of the outward stream is kept in Redis; older parts are served from the ledger (contract.md)."""


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


async def outward_form(rows: AsyncSession, entry: Entry[Any], previous: str | None) -> bytes:
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


async def _window_start(rows: AsyncSession, clinic_id: UUID, epoch: int) -> int:
    """The size of the ledger seven days ago."""
    query = text(
        "select coalesce(max(index) + 1, 0) from ledger.entries"
        " where clinic_id = :clinic and epoch = :epoch and recorded_at < clock_timestamp() - cast(:kept as interval)"
    )
    return int((await rows.execute(query, {"clinic": clinic_id, "epoch": epoch, "kept": KEPT})).scalar_one())


class Relay:
    """Publishes every clinic's outward events. Any number of relays may run: they write the same bytes under the same ids."""

    def __init__(self, database: Database, client: "Redis") -> None:
        self._database = database
        self._client = client
        self._last: dict[UUID, tuple[int, int]] = {}

    def stage(self, step: Step | None = None) -> Stage:
        """What a follower does for it."""
        return Stage(SERVICE, STAGE, outward_set, step or self.publish)

    async def publish(self, database: Database, clinic_id: UUID, service: str, limit: int) -> int:
        """One step: mend what the stream has lost, publish up to `limit` entries behind the bookmark; returns how many are left."""
        async with aside(database, clinic_id, service) as rows:
            at = await ledger.head(rows, clinic_id)
            if at is None:
                return 0
            place = await bookmark_for_update(rows, clinic_id, service, STAGE, at)
            expected = await outward_before(rows, clinic_id, place.epoch, place.size)
            window = await _window_start(rows, clinic_id, place.epoch)
        start = await self._found(clinic_id, place, expected, window)
        while start.size < place.size:
            start = await self._publish_page(clinic_id, at, start, min(PAGE, place.size - start.size))
        if start.size >= at.size:
            return 0
        end = await self._publish_page(clinic_id, at, start, limit)
        async with aside(database, clinic_id, service) as rows:
            chain = await ledger.chain_at(rows, clinic_id, at.epoch, end.size)
            if chain is not None and (await bookmark_for_update(rows, clinic_id, service, STAGE, at)).size < end.size:
                await move_bookmark(rows, clinic_id, service, STAGE, Place(at.epoch, end.size, chain))
        return at.size - end.size

    async def _found(self, clinic_id: UUID, place: Place, expected: str | None, window: int) -> "_Start":
        """Where publishing goes on: at the bookmark, or earlier if the stream has lost what was published."""
        newest = await self._newest(clinic_id)
        if newest is None:
            return _Start(place.size if expected is None else min(place.size, window), new=True)
        if expected is None or newest >= parse_id(expected) or newest[0] != place.epoch:
            return _Start(place.size, new=False)
        return _Start(newest[1], new=False)

    async def _newest(self, clinic_id: UUID) -> tuple[int, int] | None:
        with _away():
            found: Any = await self._client.xrevrange(outward_stream(clinic_id), count=1)
        return parse_id(found[0][0].decode()) if found else None

    async def _publish_page(self, clinic_id: UUID, at: Head, start: "_Start", limit: int) -> "_Start":
        forms: list[tuple[str, bytes]] = []
        async with aside(self._database, clinic_id, SERVICE) as rows:
            page = await ledger.read_after(rows, clinic_id, at.epoch, start.size, limit)
            previous = await outward_before(rows, clinic_id, at.epoch, start.size)
            for entry in page:
                if not knows(entry.type):
                    if entry is page[0]:
                        raise UnknownEventError(entry.type)
                    page = page[: entry.index - start.size]
                    break
                if _is_outward(type(entry.event)):
                    forms.append((stream_id(entry), await outward_form(rows, entry, previous)))
                    previous = stream_id(entry)
        await self._add(clinic_id, forms, new=start.new)
        return _Start(page[-1].size, new=start.new and not forms)

    async def _add(self, clinic_id: UUID, forms: Sequence[tuple[str, bytes]], *, new: bool) -> None:
        """Add to the stream; only the first may make it, so that a FLUSHALL half-way leaves no hole behind."""
        stream = outward_stream(clinic_id)
        with _away():
            async with self._client.pipeline(transaction=False) as pipe:
                for place, (shown, form) in enumerate(forms):
                    pipe.xadd(stream, {FIELD: form}, id=shown, nomkstream=place > 0 or not new)
                answers = await pipe.execute(raise_on_error=False)
            for (shown, form), answer in zip(forms, answers, strict=True):
                if answer is None:
                    message = "the outward stream was flushed"
                    raise ConnectionError(message)
                if isinstance(answer, Exception):
                    await self._compare(clinic_id, shown, form, answer)
                self._last[clinic_id] = parse_id(shown)

    async def _compare(self, clinic_id: UUID, shown: str, form: bytes, refusal: Exception) -> None:
        """A refusal does not prove a duplicate: look at what is there."""
        if not isinstance(refusal, ResponseError) or "equal or smaller" not in str(refusal):
            raise refusal
        there: Any = await self._client.xrange(outward_stream(clinic_id), shown, shown)
        if not there or _content(there[0][1]) != orjson.loads(form):
            message = f"the outward stream of {clinic_id} is not this ledger at {shown}"
            raise RecordUnreadableError(message)

    async def inspect(self) -> list[UUID]:
        """Clinics whose outward stream has lost what this relay published: a FLUSHALL, or a restart without data."""
        watched = list(self._last)
        async with self._client.pipeline(transaction=False) as pipe:
            for clinic_id in watched:
                pipe.xrevrange(outward_stream(clinic_id), count=1)
            try:
                newest = await pipe.execute(raise_on_error=False)
            except (RedisError, OSError):
                return []
        lost: list[UUID] = []
        for clinic_id, found in zip(watched, newest, strict=True):
            if isinstance(found, Exception):
                continue
            if not found or parse_id(found[0][0].decode()) < self._last[clinic_id]:
                lost.append(clinic_id)
            else:
                self._last[clinic_id] = parse_id(found[0][0].decode())
        return lost

    async def watch_all(self) -> None:
        """At the start: take every clinic's last outward id from the bookmarks, so that losses are noticed."""
        async with aside(self._database, None, SERVICE) as rows:
            known = await ledger.clinics(rows)
        for clinic_id in known:
            async with aside(self._database, clinic_id, SERVICE) as rows:
                at = await ledger.head(rows, clinic_id)
                if at is None:
                    continue
                try:
                    place = await bookmark_for_update(rows, clinic_id, SERVICE, STAGE, at)
                except RecordUnreadableError:
                    continue  # its follower halts and says so
                last = await outward_before(rows, clinic_id, place.epoch, place.size)
            if last is not None:
                self._last.setdefault(clinic_id, parse_id(last))

    async def trim(self) -> None:
        """Forget what is older than the kept window; the ledger has it."""
        for clinic_id in list(self._last):
            async with aside(self._database, clinic_id, SERVICE) as rows:
                at = await ledger.head(rows, clinic_id)
                if at is None:
                    continue
                start = await _window_start(rows, clinic_id, at.epoch)
                last = await outward_before(rows, clinic_id, at.epoch, at.size)
            if last is None or not start:
                continue
            # The newest stays whatever its age: an empty stream looks like a lost one.
            oldest = min((at.epoch, start + 1), parse_id(last))
            with _away():
                await self._client.xtrim(outward_stream(clinic_id), minid=f"{oldest[0]}-{oldest[1]}", approximate=True)


@dataclass(frozen=True, slots=True)
class _Start:
    """Publish from here; `new` if the stream is not there and may be made."""

    size: int
    new: bool


@contextmanager
def _away() -> Iterator[None]:
    """Redis's absence as an outage, which blames no entry. What differs is told by `RecordUnreadableError`."""
    try:
        yield
    except RedisError as away:
        message = f"Redis: {away}"
        raise ConnectionError(message) from away


def _content(fields: dict[bytes, bytes]) -> object:
    try:
        return orjson.loads(fields[FIELD.encode()])
    except (KeyError, orjson.JSONDecodeError):
        return None
