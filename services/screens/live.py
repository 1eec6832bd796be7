"""What happens in a clinic, told to its open pages.

A page gets parts of itself as they stand now, under the id of the newest event that they know and a digest: who is late changes
without an event. So a page that comes back with `Last-Event-ID` needs one message at most, whatever it has missed, and a stream
that was trimmed or lost costs nothing. However many pages are open, an event costs two questions to the database for each kind of
page: whether those who look on may still do so, asked for all of them at once, and what is to be seen (`services/screens/hub.py`).
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Request
from starlette.responses import StreamingResponse

from services.door import Asking, problem, unmet
from services.outages import UNREADABLE
from services.screens.frame import HEADERS
from services.screens.hub import CHECK_SECONDS, SIGHTED, Hub, Onlooker

log = logging.getLogger(__name__)

LIVE_SECONDS = 20.0
"""A page is looked at again at least as often: who is late changes by itself. It is also the sign of life for proxies."""

BLIND_SECONDS = 3.0
"""The same while the streams cannot be read, or say more than the record."""

Look = Callable[[int], Awaitable[str]]


def message(data: str = "", *, event: str | None = None, identity: str | None = None) -> str:
    """One server-sent event."""
    head = (f"event: {event}\n" if event else "") + (f"id: {identity}\n" if identity else "")
    return head + "".join(f"data: {line}\n" for line in data.splitlines() or [""]) + "\n"


def stream(request: Request, ask: Asking, shown: str, look: Look) -> StreamingResponse:
    """Answer with what `look` gives, now and after each event, until the page is closed.

    `look` is given the size of the ledger that it must know at least. `shown` names what it shows: pages of the same clinic, role
    and name are given one look, so it must depend on nothing else.
    """
    if "text/event-stream" not in request.headers.get("accept", ""):
        raise problem(406, "http", "Not acceptable", unmet("stream_must_be_asked_for"))
    hub: Hub = request.app.state.hub
    if hub.is_full:
        raise problem(503, "crowded", "Too many live pages", unmet("live_pages_must_be_few_enough"))
    onlooker = Onlooker(ask.clinic, f"{ask.actor.role.value} {shown}", ask, ask.holder, lambda: ask.is_outdated)
    headers = HEADERS | {"X-Accel-Buffering": "no"}
    told = tell(hub, onlooker, look, request.headers.get("last-event-id"))
    return StreamingResponse(told, media_type="text/event-stream", headers=headers)


async def tell(hub: Hub, onlooker: Onlooker, look: Look, known: str | None) -> AsyncIterator[str]:
    """What a page hears; `known` is the id and digest of what it shows already."""
    shown, state, looked = "", SIGHTED, float("-inf")
    now = asyncio.get_running_loop().time
    async with hub.looking(onlooker):
        while not hub.ended:
            if onlooker.is_outdated():
                return  # it comes back by itself, with what its browser has to show by now
            news = onlooker.news.is_set()
            onlooker.news.clear()
            if onlooker.crowded_out:
                yield message(event="crowded")
                return
            identity = hub.last(onlooker.clinic)
            due = news or now() - looked >= (LIVE_SECONDS if state == SIGHTED else BLIND_SECONDS)
            try:
                admitted = await hub.admits(onlooker)
                part = await hub.look(onlooker, look) if admitted and due else shown
            except UNREADABLE as away:
                log.warning("a live page was let go: %s", type(away).__name__)
                return  # it comes back by itself, and says meanwhile that it is not live
            if not admitted:
                yield message(event="signedout")
                return
            if state != hub.state(onlooker.clinic):
                state = hub.state(onlooker.clinic)
                yield message(event=state)
            if due:
                looked = now()
                mark = f"{identity}.{hashlib.sha256(part.encode()).hexdigest()[:16]}"
                # Who comes back to what they know already is told nothing but that they are heard.
                anew = part != shown and not (shown == "" and known == mark)
                shown = part
                yield message(part, identity=mark) if anew else ":\n\n"
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(onlooker.news.wait(), CHECK_SECONDS if state == SIGHTED else BLIND_SECONDS)
