"""Ledger → outward streams: `{clinic:…}:events`, ids `<epoch>-<size>`.

The relay publishes before it moves its bookmark, compares what is already there, publishes the kept window again
after a FLUSHALL, and halts on a difference. Health reasons never leave here.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.catalog.booking import AnswerRepeated
from events.database import Database
from events.envelope import Entry, Event, UnknownEventError, cloud_event, event_classes, knows, versioned_type
from events.ledger import LedgerEntry
from events.projection import Place, RecordUnreadableError, bookmark_for_update, move_bookmark
from events.transaction import aside
from schemas.sentences import for_front_desk, say

log = logging.getLogger(__name__)

SERVICE = "relay"
STAGE = "published"
FIELD = "event"
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


def outward_data(event: Event) -> dict[str, Any]:
    """What of an event may leave: without what it masks, findings in plain words and without medical reasons."""
    data = event.model_dump(mode="json", exclude=set(event.masked))
    if "findings" in data and hasattr(event, "findings"):
        data["findings"] = [say(finding).model_dump(mode="json") for finding in for_front_desk(event.findings)]
    return data


async def outward_form(rows: AsyncSession, entry: Entry[Any], previous: str | None) -> bytes:
    """An entry as the outside sees it; a repeated answer is the earlier event in a new place."""
    shown: Entry[Any] | None = entry
    if isinstance(entry.event, AnswerRepeated):
        shown = await ledger.entry_by_id(rows, entry.clinic_id, entry.event.event_id)
    if shown is None:
        message = f"entry {entry.index} repeats an event that is not in the ledger"
        raise RecordUnreadableError(message)
    return cloud_event(shown, outward_data(shown.event), sequence=stream_id(entry), previous=previous)


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
        self._last: dict[UUID, bytes] = {}

    async def publish(self, database: Database, clinic_id: UUID, service: str, limit: int) -> int:
        """One step: publish up to `limit` entries behind the bookmark; returns how many are left."""
        async with aside(database, clinic_id, service) as rows:
            at = await ledger.head(rows, clinic_id)
            if at is None:
                return 0
            place = await bookmark_for_update(rows, clinic_id, service, STAGE, at)
            first = await self._first_missing(rows, clinic_id, place)
            page = await ledger.read_after(rows, clinic_id, at.epoch, first, limit)
            if not page:
                return 0
            previous = await outward_before(rows, clinic_id, at.epoch, first)
            forms: list[tuple[str, bytes]] = []
            for entry in page:
                if not knows(entry.type):
                    raise UnknownEventError(entry.type)
                if _is_outward(type(entry.event)):
                    forms.append((stream_id(entry), await outward_form(rows, entry, previous)))
                    previous = stream_id(entry)
        await self._add(clinic_id, forms)
        last = Place.after(page[-1])
        async with aside(database, clinic_id, service) as rows:
            if (await bookmark_for_update(rows, clinic_id, service, STAGE, at)).size < last.size:
                await move_bookmark(rows, clinic_id, service, STAGE, last)
        return at.size - last.size

    async def _first_missing(self, rows: AsyncSession, clinic_id: UUID, place: Place) -> int:
        """Where publishing goes on: at the bookmark, or earlier if the stream has lost what was published."""
        newest = await self._client.xrevrange(outward_stream(clinic_id), count=1)
        expected = await outward_before(rows, clinic_id, place.epoch, place.size)
        if expected is None:
            return place.size
        if not newest:
            return min(place.size, await _window_start(rows, clinic_id, place.epoch))
        epoch, size = parse_id(newest[0][0].decode())
        return min(place.size, size) if epoch == place.epoch else place.size

    async def _add(self, clinic_id: UUID, forms: Sequence[tuple[str, bytes]]) -> None:
        stream = outward_stream(clinic_id)
        for shown, form in forms:
            try:
                await self._client.xadd(stream, {FIELD: form}, id=shown)
            except ResponseError:
                # A refusal does not prove a duplicate: look at what is there.
                there = await self._client.xrange(stream, shown, shown)
                if not there or _content(there[0][1]) != orjson.loads(form):
                    message = f"the outward stream of {clinic_id} is not this ledger at {shown}"
                    raise RecordUnreadableError(message) from None
            self._last[clinic_id] = shown.encode()

    async def inspect(self) -> list[UUID]:
        """Clinics whose outward stream has lost what this relay published: a FLUSHALL, or a restart without data."""
        async with self._client.pipeline(transaction=False) as pipe:
            watched = list(self._last)
            for clinic_id in watched:
                pipe.xrevrange(outward_stream(clinic_id), count=1)
            try:
                newest = await pipe.execute()
            except (RedisError, OSError):
                return []
        return [clinic_id for clinic_id, found in zip(watched, newest, strict=True) if not found or found[0][0] != self._last[clinic_id]]

    async def watch_all(self) -> None:
        """At the start: take every clinic's last outward id from the bookmarks, so that losses are noticed."""
        async with aside(self._database, None, SERVICE) as rows:
            known = await ledger.clinics(rows)
        for clinic_id in known:
            async with aside(self._database, clinic_id, SERVICE) as rows:
                at = await ledger.head(rows, clinic_id)
                if at is None:
                    continue
                place = await bookmark_for_update(rows, clinic_id, SERVICE, STAGE, at)
                last = await outward_before(rows, clinic_id, place.epoch, place.size)
            if last is not None:
                self._last.setdefault(clinic_id, last.encode())

    async def trim(self) -> None:
        """Forget what is older than the kept window; the ledger has it."""
        for clinic_id in list(self._last):
            async with aside(self._database, clinic_id, SERVICE) as rows:
                at = await ledger.head(rows, clinic_id)
                start = 0 if at is None else await _window_start(rows, clinic_id, at.epoch)
            if at is not None and start:
                await self._client.xtrim(outward_stream(clinic_id), minid=f"{at.epoch}-{start + 1}", approximate=True)


def _content(fields: dict[bytes, bytes]) -> object:
    try:
        return orjson.loads(fields[FIELD.encode()])
    except (KeyError, orjson.JSONDecodeError):
        return None
