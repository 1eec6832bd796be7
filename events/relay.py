"""Ledger → outward streams: `{clinic:…}:events`, ids `<epoch>-<size>`.

The relay publishes before it moves its bookmark, compares what is already there, publishes the kept window again
after a FLUSHALL, and halts on a difference. Health reasons never leave here.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger, wire
from events.database import Database
from events.envelope import Entry, UnknownEventError, knows
from events.faults import reach
from events.ledger import Head
from events.outward import outward_before, outward_form, outward_set, outward_stream, parse_id, stream_id
from events.projection import Place, RecordUnreadableError, bookmark_for_update, move_bookmark
from events.rounds import Stage, Step
from events.transaction import apart, aside
from events.wire import Where

log = logging.getLogger(__name__)

SERVICE = "relay"
STAGE = "published"
FIELD = "event"
PAGE = 500
KEPT = timedelta(days=7)
"""How much of the outward stream is kept in Redis; older parts are served from the ledger (contract.md)."""


_BOOKMARK = "select epoch, size, chain from ledger.bookmarks where clinic_id = $1 and service = $2 and stage = $3"
_MOVE_FROM = (
    "update ledger.bookmarks set epoch = $5, size = $6, chain = $7"
    " where clinic_id = $1 and service = $2 and stage = $3 and size = $4 returning size"
)


async def _forms(rows: Where, page: Sequence[Entry[Any]], previous: str | None) -> tuple[list[tuple[str, bytes]], str | None]:
    """What the outward stream says of these entries, under which ids; and the last id."""
    forms: list[tuple[str, bytes]] = []
    for entry in page:
        if entry.type in outward_set():
            forms.append((stream_id(entry), await outward_form(rows, entry, previous)))
            previous = stream_id(entry)
    return forms, previous


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
        self._published: dict[UUID, _Published] = {}

    def stage(self, step: Step | None = None) -> Stage:
        """What a follower does for it."""
        return Stage(SERVICE, STAGE, outward_set, step or self.publish)

    async def publish(self, database: Database, clinic_id: UUID, service: str, limit: int) -> int:
        """One step: mend what the stream has lost, publish up to `limit` entries behind the bookmark; returns how many are left."""
        remembered = self._published.pop(clinic_id, None)
        if remembered is not None:
            left = await self._go_on(clinic_id, remembered, limit)
            if left is not None:
                return left
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
                previous = await outward_before(rows, clinic_id, at.epoch, end.size)
                self._published[clinic_id] = _Published(Place(at.epoch, end.size, chain), previous)
        return at.size - end.size

    async def _go_on(self, clinic_id: UUID, here: "_Published", limit: int) -> int | None:
        """The same where this relay itself was the last: two short commits. None if anything is not as it was left."""
        async with apart(self._database, clinic_id, SERVICE, durable=False) as line:
            at = await ledger.head(line, clinic_id)
            place = await wire.fetch_row(line, _BOOKMARK, clinic_id, SERVICE, STAGE)
            if at is None or place is None or at.epoch != here.place.epoch or Place(*place) != here.place:
                return None
            page = await ledger.read_after(line, clinic_id, at.epoch, here.place.size, limit)
            page = list(takewhile(lambda entry: knows(entry.type), page))
            if not page:
                return None
            forms, previous = await _forms(line, page, here.previous)
        reach("relay.read")
        try:
            await self._add(clinic_id, forms, new=False)
        except ConnectionError:
            return None  # away, or flushed: the long way tells them apart
        end = Place.after(page[-1])
        reach("relay.published")
        async with apart(self._database, clinic_id, SERVICE, durable=False) as line:
            moved = await wire.fetch_row(line, _MOVE_FROM, clinic_id, SERVICE, STAGE, here.place.size, end.epoch, end.size, end.chain)
        reach("relay.moved")
        if moved is not None:
            self._published[clinic_id] = _Published(end, previous)
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
        async with aside(self._database, clinic_id, SERVICE) as rows:
            found = await ledger.read_after(rows, clinic_id, at.epoch, start.size, limit)
            page = list(takewhile(lambda entry: knows(entry.type), found))
            if not page:
                raise UnknownEventError(found[0].type)
            forms, _ = await _forms(rows, page, await outward_before(rows, clinic_id, at.epoch, start.size))
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
class _Published:
    """How far this relay came by itself: the bookmark that it left, and the last outward id."""

    place: Place
    previous: str | None


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
