"""The doors as a stranger in bad weather uses them: no answer in a short time, so the same id is sent again (contract.md)."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

AGAIN_SECONDS = 1.5
"""The contract says ten; a test is in a hurry. Each time twice as long, so that a busy machine is not made busier."""

PATIENCE_SECONDS = 40.0
ANSWERS = {200, 201, 409}


@dataclass(frozen=True)
class Acknowledged:
    """An answer that somebody has in hand. Times are this machine's monotonic seconds."""

    what: str
    event_id: UUID
    asked_at: float
    answered_at: float
    index: int | None = None


@dataclass
class Journal:
    """What the outside knows: every command it gave, every answer it has."""

    acknowledged: list[Acknowledged] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    unavailable: list[httpx.Response] = field(default_factory=list)


class UnansweredError(AssertionError):
    """A command had no answer although it was sent again and again."""


class Tablet:
    """The HTTP door for whoever holds a token."""

    def __init__(self, door: Path, clinic_id: UUID, tokens: dict[str, str], journal: Journal) -> None:
        transport = httpx.AsyncHTTPTransport(uds=str(door))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://asepsis", timeout=8)
        self._clinic_id = clinic_id
        self._tokens = tokens
        self._journal = journal
        self.patience_seconds = PATIENCE_SECONDS

    async def once(self, who: str, method: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        """One try, whatever comes of it."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}", "Idempotency-Key": key or str(uuid4())}
        return await self.client.request(method, f"/clinics/{self._clinic_id}{path}", json=body, headers=headers)

    async def ask(self, who: str, method: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        """Ask until there is an answer, always under the same id."""
        key = key or str(uuid4())
        return await self._persist(f"{method} {path}", lambda: self.once(who, method, path, body, key))

    async def link(self, path: str, body: object) -> httpx.Response:
        """Answer through a client's link."""
        return await self._persist("link", lambda: self.client.post(path, json=body))

    async def _persist(self, what: str, attempt: Callable[[], Any]) -> httpx.Response:
        asked_at = time.monotonic()
        while time.monotonic() - asked_at < self.patience_seconds:
            try:
                reply: httpx.Response = await attempt()
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self._journal.unavailable.append(reply)
                await asyncio.sleep(0.1)
                continue
            if reply.status_code in ANSWERS and reply.json().get("event_id"):
                found = reply.json()
                known = Acknowledged(what, UUID(found["event_id"]), asked_at, time.monotonic(), found["index"])
                self._journal.acknowledged.append(known)
            return reply
        raise UnansweredError(what)

    async def granted(self, who: str, method: str, path: str, body: object = None, key: str | None = None) -> dict[str, Any]:
        """Ask for something that must be granted."""
        reply = await self.ask(who, method, path, body, key)
        assert reply.status_code in {200, 201}, f"{method} {path} as {who}: {reply.status_code} {reply.text[:2000]}"
        found: dict[str, Any] = reply.json()
        return found


class Desk:
    """A front-desk system: it writes into its inbox and reads the clinic's stream."""

    def __init__(self, redis: Redis, clinic_id: UUID, system: str, journal: Journal) -> None:
        self._redis = redis
        self._system = system
        self.inbox = f"{{clinic:{clinic_id}}}:inbox:{system}"
        self.outward = f"{{clinic:{clinic_id}}}:events"
        self._journal = journal
        self.again_seconds = AGAIN_SECONDS
        self.patience_seconds = PATIENCE_SECONDS
        self._last = b"0-0"
        self._answers: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self._written: dict[str, str] = {}
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        """Read the clinic's stream for ever; what was read is remembered by what caused it."""
        while True:
            try:
                found: Any = await self._redis.xread({self.outward: self._last}, count=200, block=100)
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
                continue
            for _stream, entries in found or ():
                for entry_id, fields in entries:
                    self._last = entry_id
                    event = json.loads(fields[b"event"])
                    cause = event["causationid"]
                    self._answers[self._written.get(cause, cause)].append(event)
            async with self._news:
                self._news.notify_all()

    async def raw(self, content: bytes) -> str:
        """Write anything into the inbox; returns the entry's id, by which it is rejected where no other can be read."""
        place: Any = await self._redis.xadd(self.inbox, {"event": content})
        return str(place.decode())

    async def ask(self, kind: str, data: dict[str, Any], *expected: str, command: str | None = None) -> dict[str, Any]:
        """Give a command until there is an answer, always under the same id; the answer must be of an expected type."""
        command = command or f"fd-{uuid4()}"
        self._journal.commands.append(command)
        asked_at, patience = time.monotonic(), self.again_seconds
        while time.monotonic() - asked_at < self.patience_seconds:
            await self._send(kind, data, command)
            answer = await self._answer(command, patience)
            patience *= 2
            if answer is not None:
                self._journal.acknowledged.append(Acknowledged(kind, UUID(answer["id"]), asked_at, time.monotonic()))
                assert answer["type"] in expected, f"{kind} was answered {answer['type']}: {answer['data']}"
                return answer
        raise UnansweredError(kind)

    async def _send(self, kind: str, data: dict[str, Any], command: str) -> None:
        event = {"specversion": "1.0", "id": command, "source": f"urn:asepsis:system:{self._system}", "type": kind, "data": data}
        try:
            self._written[await self.raw(json.dumps(event).encode())] = command
        except (RedisError, OSError):
            await asyncio.sleep(0.1)

    def answers(self, command: str) -> list[dict[str, Any]]:
        """What was decided, the first answer first."""
        return [event for event in self._answers[command] if event["type"] != "booking.requested" and not _given_up(event)]

    def given_up(self, command: str) -> int:
        """How often it was rejected undecided, so that it has to be sent again."""
        return sum(map(_given_up, self._answers[command]))

    async def _answer(self, command: str, patience: float) -> dict[str, Any] | None:
        known = self.given_up(command)
        try:
            async with asyncio.timeout(patience), self._news:
                await self._news.wait_for(lambda: self.answers(command) or self.given_up(command) > known)
        except TimeoutError:
            return None
        return next(iter(self.answers(command)), None)


def _given_up(event: dict[str, Any]) -> bool:
    """Not the command's fault: its process died five times, or its inbox had to be emptied."""
    reasons = {reason["reason"] for reason in event["data"]["reasons"]} if event["type"] == "command.rejected" else set()
    return bool(reasons & {"gave_up", "id_from_the_future"})
