"""Announcements in bad weather: what was recorded is told late, twice, in disorder or not at all, and strangers tell lies."""

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.envelope import Entry, cloud_event
from events.streams import STREAM, STREAM_LENGTH
from events.wakeups import FIELD
from tests.faults.tally import Tally

WINDOW = 100
"""An announcement is overtaken by at most so many others."""


def forged(rng: Random, clinic: UUID) -> list[dict[Any, Any]]:
    """Messages that nobody of ours wrote: garbage, strangers, and a future that has not happened."""

    def made_up() -> str:
        return str(UUID(int=rng.getrandbits(128), version=4))

    def about(who: object, size: object, **more: object) -> bytes:
        event = {"specversion": "1.0", "id": made_up(), "source": f"urn:asepsis:clinic:{who}", "sequence": size}
        return json.dumps({**event, "type": "treatment.started", "data": {"booking_id": made_up()}, **more}).encode()

    return [
        {b"event": b"\xff\xfe\x00 not even text"},
        {b"event": b'{"half": '},
        {b"event": b"[" * 5_000},
        {b"event": b"null"},
        {b"event": b'{"source": 7}'},
        {b"another field": b"1"},
        {b"event": about("nobody", "1-1")},
        {b"event": about(made_up(), "1-1")},
        {b"event": about(clinic, "1-999999999")},
        {b"event": about(clinic, "7-3")},
        {b"event": about(clinic, -1)},
        {b"event": about(clinic, "1-1", type="client.erased")},
        {b"event": about(clinic, "1-1", padding="x" * 100_000)},
    ]


class Announcer:
    """Says on the stream `events` what was recorded, as badly as it can."""

    def __init__(self, client: Redis, rng: Random, tally: Tally) -> None:
        self._client = client
        self._rng = rng
        self._tally = tally
        self._held: list[tuple[int, bytes]] = []
        self._number = 0
        self._latest = -1

    async def announce(self, entries: Sequence[Entry[Any]]) -> None:
        """Half of it is lost; half of the rest is said twice; nothing keeps its place."""
        said: list[dict[Any, Any]] = []
        for entry in entries:
            if self._rng.random() < 0.5:
                self._tally.injected("lost")
                continue
            self._number += 1
            times = self._rng.choice((1, 2))
            self._tally.injected("doubled", times - 1)
            self._held += [(self._number, cloud_event(entry))] * times
        while len(self._held) > WINDOW:
            number, form = self._held.pop(self._rng.randrange(WINDOW))
            self._tally.injected("reordered", number < self._latest)
            self._latest = max(self._latest, number)
            said.append({FIELD: form})
        await self._say(said)

    async def lie(self, clinic: UUID) -> None:
        """A few forged messages among the others."""
        lies = forged(self._rng, clinic)
        self._tally.injected("forged", await self._say(lies))

    async def _say(self, messages: Sequence[dict[Any, Any]]) -> int:
        """How many the stream took. While Valkey does not answer, nobody hears anything."""
        with contextlib.suppress(RedisError, OSError):
            async with self._client.pipeline(transaction=False) as pipe:
                for fields in messages:
                    pipe.xadd(STREAM, fields, maxlen=STREAM_LENGTH, approximate=True)
                answers = await pipe.execute(raise_on_error=False)
            return sum(not isinstance(answer, Exception) for answer in answers)
        return 0


@asynccontextmanager
async def announcing(redis_url: str, rng: Random, tally: Tally) -> AsyncIterator[Announcer]:
    """One announcer, which does not wait long for a server that stands still."""
    client = Redis.from_url(redis_url, socket_timeout=1)
    try:
        yield Announcer(client, rng, tally)
    finally:
        await client.aclose()
