"""What happens in a clinic, told to its open pages: one reader of the streams in a process, however many pages look on.

A page gets parts of itself as they stand now, under the id of the newest event that they know and a digest: who is late changes
without an event. So a page that comes back with `Last-Event-ID` needs one message at most, whatever it has missed, and a stream
that was trimmed or lost costs nothing.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import Request
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.responses import StreamingResponse

from events.outward import outward_stream
from services.door import problem, unmet
from services.outages import UNREADABLE
from services.screens.frame import HEADERS

log = logging.getLogger(__name__)

BLOCK_MILLISECONDS = 1000
LIVE_SECONDS = 20.0
"""A page is looked at again at least as often: who is late changes by itself. It is also the sign of life for proxies."""

BLIND_SECONDS = 3.0
"""The same while the streams cannot be read."""

NOTHING = "0-0"


class Onlooker:
    """One open page."""

    def __init__(self) -> None:
        self.news = asyncio.Event()


class Hub:
    """Reads the streams of the clinics that somebody looks at."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._onlookers: defaultdict[UUID, set[Onlooker]] = defaultdict(set)
        self._last: dict[UUID, str] = {}
        self._reading: asyncio.Task[None] | None = None
        self.blind = False
        self.ended = False

    def last(self, clinic: UUID) -> str:
        """The id of the newest event of a clinic that somebody looks at."""
        return self._last.get(clinic, NOTHING)

    @contextlib.asynccontextmanager
    async def looking(self, clinic: UUID) -> AsyncIterator[Onlooker]:
        """Be told what happens there from now on."""
        onlooker = Onlooker()
        self._onlookers[clinic].add(onlooker)
        try:
            if clinic not in self._last:
                await self._begin(clinic)
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            yield onlooker
        finally:
            self._onlookers[clinic].discard(onlooker)
            if not self._onlookers[clinic]:
                del self._onlookers[clinic]
                self._last.pop(clinic, None)

    async def _begin(self, clinic: UUID) -> None:
        try:
            newest: Any = await self._client.xrevrange(outward_stream(clinic), count=1)
        except (RedisError, OSError):
            self.blind = True
        else:
            self._last.setdefault(clinic, newest[0][0].decode() if newest else NOTHING)

    async def _read(self) -> None:
        """One blocking read after the other, for all clinics together."""
        while self._onlookers:
            for clinic in [clinic for clinic in self._onlookers if clinic not in self._last]:
                await self._begin(clinic)
            asked = {outward_stream(clinic): clinic for clinic in self._onlookers if clinic in self._last}
            try:
                if not asked:
                    raise ConnectionError  # none of them could be asked for its newest event
                after: Any = {stream: self._last[clinic] for stream, clinic in asked.items()}
                found: Any = await self._client.xread(after, block=BLOCK_MILLISECONDS, count=1000)
            except (RedisError, OSError):
                self._see(blind=True)
                await asyncio.sleep(1)
                continue
            self._see(blind=False)
            for stream, entries in found:
                clinic = asked[stream.decode()]
                if clinic in self._last:
                    self._last[clinic] = entries[-1][0].decode()
                self._tell(clinic)

    def _see(self, *, blind: bool) -> None:
        if self.blind is not blind:
            self.blind = blind
            for clinic in list(self._onlookers):
                self._tell(clinic)

    def _tell(self, clinic: UUID) -> None:
        for onlooker in self._onlookers.get(clinic, ()):
            onlooker.news.set()

    def end(self) -> None:
        """No page is told anything any more: the process is about to stop."""
        self.ended = True
        for clinic in list(self._onlookers):
            self._tell(clinic)
        if self._reading is not None:
            self._reading.cancel()


def message(data: str = "", *, event: str | None = None, identity: str | None = None) -> str:
    """One server-sent event."""
    head = (f"event: {event}\n" if event else "") + (f"id: {identity}\n" if identity else "")
    return head + "".join(f"data: {line}\n" for line in data.splitlines() or [""]) + "\n"


def stream(request: Request, clinic: UUID, look: Callable[[int], Awaitable[str | None]]) -> StreamingResponse:
    """Answer with what `look` gives, now and after each event, until the page is closed.

    `look` is given the size of the ledger that it must know at least, and gives None when whoever looks on may not do so any more.
    """
    if "text/event-stream" not in request.headers.get("accept", ""):
        raise problem(406, "http", "Not acceptable", unmet("stream_must_be_asked_for"))
    hub: Hub = request.app.state.hub
    known = request.headers.get("last-event-id")
    headers = HEADERS | {"X-Accel-Buffering": "no"}
    return StreamingResponse(_tell(hub, clinic, look, known), media_type="text/event-stream", headers=headers)


async def _tell(hub: Hub, clinic: UUID, look: Callable[[int], Awaitable[str | None]], known: str | None) -> AsyncIterator[str]:
    shown, blind = "", False
    async with hub.looking(clinic) as onlooker:
        while not hub.ended:
            onlooker.news.clear()
            if blind is not hub.blind:
                blind = hub.blind
                yield message(event="blind" if blind else "sighted")
            identity = hub.last(clinic)
            try:
                part = await look(int(identity.partition("-")[2]))
            except UNREADABLE as away:
                log.warning("a live page was let go: %s", type(away).__name__)
                return  # it comes back by itself, and says meanwhile that it is not live
            if part is None:
                yield message(event="signedout")
                return
            mark = f"{identity}.{hashlib.sha256(part.encode()).hexdigest()[:16]}"
            # Who comes back to what they know already is told nothing but that they are heard.
            if part != shown and not (shown == "" and known == mark):
                yield message(part, identity=mark)
            else:
                yield ":\n\n"
            shown = part
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(onlooker.news.wait(), BLIND_SECONDS if blind else LIVE_SECONDS)
