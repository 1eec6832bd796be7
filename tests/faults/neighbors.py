"""Clinics beside one in trouble: a little is asked of them again and again, and every answer is timed and remembered."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from events.endings import ended
from services.example import Example
from tests.faults.crowd import WIPED, Given, Memory
from tests.faults.doors import Desk, Journal
from tests.faults.stage import Stage

PAUSE_SECONDS = 0.03
CROWD = 64


def door_at(path: Path, connections: int = 20) -> httpx.AsyncClient:
    """A client of the program that listens there."""
    transport = httpx.AsyncHTTPTransport(uds=str(path), limits=httpx.Limits(max_connections=connections))
    return httpx.AsyncClient(transport=transport, base_url="http://asepsis", timeout=30)


async def reprocess(door: httpx.AsyncClient, memory: Memory, subject: UUID) -> httpx.Response:
    """One try to have a handpiece made ready, under an id of its own; a granted one is remembered."""
    example, asked_at = memory.example, time.monotonic()
    claimed = datetime.now(UTC).isoformat()  # noqa: TID251 - a stranger has its own clock
    report = {**WIPED, "handpiece_id": str(example.handpieces[0]), "occurred_at": claimed}
    headers = {"Authorization": f"Bearer {example.people['technician'].token}"}
    path = f"/clinics/{example.clinic_id}/reprocessings/{subject}"
    try:
        reply = await door.put(path, json=report, headers=headers)
    except httpx.RemoteProtocolError:  # a connection that was silent for long was closed just then
        reply = await door.put(path, json=report, headers=headers)
    if reply.status_code in {200, 201}:
        memory.given[UUID(reply.json()["event_id"])] = Given(asked_at, time.monotonic())
    return reply


@dataclass
class Timed:
    """When something was asked, and how long the answer took."""

    asked_at: float
    seconds: float


@dataclass
class Neighbor:
    """A clinic that is asked a little, at the door or by stream."""

    memory: Memory
    answers: list[Timed] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    ended: bool = False

    async def ask_at(self, door: httpx.AsyncClient) -> None:
        """At the door."""
        while not self.ended:
            began = time.monotonic()
            reply = await reprocess(door, self.memory, uuid4())
            self.answers.append(Timed(began, time.monotonic() - began))
            if reply.status_code not in {200, 201}:
                self.refused.append(f"{reply.status_code} {reply.text[:300]}")
            await asyncio.sleep(PAUSE_SECONDS)

    async def ask_by(self, desk: Desk) -> None:
        """By stream."""
        while not self.ended:
            began, client = time.monotonic(), str(uuid4())
            person = {"client_id": client, "given_name": "Ana", "family_name": f"L{client}", "date_of_birth": "1990-05-17"}
            self.memory.clients.append(client)
            answer = await desk.ask("client.register", {**person, "phone": "+31201234567"}, "client.registered")
            ended = time.monotonic()
            self.memory.given[UUID(answer["id"])] = Given(began, ended)
            self.answers.append(Timed(began, ended - began))
            await asyncio.sleep(PAUSE_SECONDS)

    def between(self, began: float, ended: float) -> list[float]:
        """How long answers took that were asked for in that time."""
        return [answer.seconds for answer in self.answers if began <= answer.asked_at <= ended]


@asynccontextmanager
async def asked_meanwhile(at_door: Neighbor, by_stream: Neighbor, stage: Stage, door: httpx.AsyncClient) -> AsyncIterator[None]:
    """Both are asked until this ends; what was asked last is waited for."""
    example = by_stream.memory.example
    desk = Desk(stage.valkey, example.clinic_id, example.system, Journal())
    listening = asyncio.create_task(desk.listen())
    asking = [asyncio.create_task(at_door.ask_at(door)), asyncio.create_task(by_stream.ask_by(desk))]
    try:
        yield
        at_door.ended = by_stream.ended = True
        await asyncio.gather(*asking)
    finally:
        await ended(*asking, listening)


def p99(seconds: Sequence[float]) -> float:
    """The 99th percentile; of fewer than a hundred nearly the longest."""
    return statistics.quantiles(seconds, n=100, method="inclusive")[98] if len(seconds) > 1 else sum(seconds)


@dataclass
class Crowd:
    """So many at once at one clinic, each asking again as soon as it is answered, and a second after a 503, as the answer says."""

    memory: Memory
    refused: int = 0
    wrong: list[str] = field(default_factory=list)

    async def _one(self, client: httpx.AsyncClient, ends: float) -> None:
        while True:
            reply = await reprocess(client, self.memory, uuid4())
            if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self.refused += 1
                if time.monotonic() < ends:
                    await asyncio.sleep(float(reply.headers["retry-after"]))
            elif reply.status_code not in {200, 201}:
                self.wrong.append(f"hot: {reply.status_code} {reply.text[:300]}")
            if time.monotonic() > ends:
                return

    async def come(self, door: Path, seconds: float) -> None:
        """All at once, for so long."""
        ends = time.monotonic() + seconds
        async with door_at(door, CROWD) as client:
            await asyncio.gather(*(self._one(client, ends) for _ in range(CROWD)))


def hammer(door: Path, example: Example, seconds: float, answers: Any) -> None:
    """The life of the crowd's process; it sends what it remembers."""
    crowd = Crowd(Memory(example))
    asyncio.run(crowd.come(door, seconds))
    answers.send(crowd)
    answers.close()
