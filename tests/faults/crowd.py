"""Many writers at many clinics, who send the same id again until they are answered, and remember every answer."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.answer import command_event_id
from events.endings import ended
from services.example import Example
from tests.faults.stage import Stage
from tests.faults.tally import Tally

AGAIN_SECONDS = 2.0
LONGEST_AGAIN_SECONDS = 8.0
"""Each time twice as long, up to this: a machine that is busy is not made busier."""
PATIENCE_SECONDS = 90.0
NAMES = ("Ana", "Dina", "Eva", "Noor", "Mila", "Saar")
WIPED = {"product": "quat_wipes", "wet_seconds": 130, "label_seconds": 120}
STEPS = ["sharps_discarded", "surfaces_cleaned", "surfaces_disinfected", "barriers_renewed"]
HORIZON_MINUTES = 20 * 24 * 60


@dataclass(slots=True)
class Given:
    """A command and its answer. Times are this machine's monotonic seconds."""

    asked_at: float
    answered_at: float | None = None


@dataclass
class Memory:
    """What the outside knows of one clinic."""

    example: Example
    given: dict[UUID, Given] = field(default_factory=dict)
    """By the id of the event that answers the command."""
    clients: list[str] = field(default_factory=list)
    """Who was registered: each once, whatever was sent twice."""
    last: bytes = b"0-0"

    @property
    def stream(self) -> str:
        return f"{{clinic:{self.example.clinic_id}}}:events"

    @property
    def inbox(self) -> str:
        return f"{{clinic:{self.example.clinic_id}}}:inbox:{self.example.system}"

    @property
    def unanswered(self) -> int:
        return sum(given.answered_at is None for given in self.given.values())


def _later(rng: Random, minutes: int = HORIZON_MINUTES) -> datetime:
    now = datetime.now(UTC)  # noqa: TID251 - a stranger has its own clock
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(minutes=15 * rng.randint(8, minutes // 15))


class Crowd:
    """The writers, and the one who reads all streams."""

    def __init__(self, stage: Stage, furnished: int, rng: Random, tally: Tally, batch: int = 10) -> None:
        self.memories = [Memory(clinic.example) for clinic in stage.clinics]
        self._furnished = self.memories[:furnished]
        self._url = stage.order.settings.redis_url
        self._rng = rng
        self._tally = tally
        self._batch = batch
        self._news = asyncio.Event()
        self._ended = False
        self.asks_why: Callable[[], None] | None = None
        """Called once, when a writer has waited for half of what it is patient for."""

    @property
    def acknowledged(self) -> int:
        """Commands with an answer in hand."""
        return self._tally.counts["acknowledged commands"]

    @asynccontextmanager
    async def at_work(self, writers: int, doors: Sequence[httpx.AsyncClient] = ()) -> AsyncIterator[None]:
        """So many writers by stream and one through each door, until this ends; then everybody waits for what is unanswered."""
        readers = [asyncio.create_task(self._listen())]
        rngs = [Random(self._rng.random()) for _ in range(writers + len(doors))]
        working = [asyncio.create_task(self._write(rng)) for rng in rngs[:writers]]
        working += [asyncio.create_task(self._press(rng, door)) for rng, door in zip(rngs[writers:], doors, strict=True)]
        try:
            yield
            self._ended = True
            for end in await asyncio.gather(*working, return_exceptions=True):
                if isinstance(end, BaseException):
                    self._tally.wrong(f"a writer gave up: {end!r}")
        finally:
            await ended(*working, *readers)

    async def _listen(self) -> None:
        client = Redis.from_url(self._url, socket_timeout=5)
        try:
            while True:
                where: dict[Any, Any] = {memory.stream: memory.last for memory in self.memories}
                try:
                    found: Any = await client.xread(where, count=500, block=200)
                except (RedisError, OSError):
                    await asyncio.sleep(0.05)
                    continue
                by_stream = {memory.stream.encode(): memory for memory in self.memories}
                for stream, entries in found or ():
                    self._hear(by_stream[stream], entries)
                self._news.set()
        finally:
            await client.aclose()

    def _hear(self, memory: Memory, entries: Sequence[Any]) -> None:
        for entry_id, fields in entries:
            memory.last = entry_id
            given = memory.given.get(UUID(orjson.loads(fields[b"event"])["id"]))
            if given is not None and given.answered_at is None:
                given.answered_at = time.monotonic()
                self._tally.counted("acknowledged commands")

    async def _write(self, rng: Random) -> None:
        """Give a few commands to one clinic, wait for all answers, go on to another."""
        client = Redis.from_url(self._url, socket_timeout=5)
        try:
            while not self._ended:
                memory = rng.choice(self.memories)
                commands = [self._command(rng, memory) for _ in range(rng.randint(1, self._batch))]
                await self._persist(client, memory, commands)
        finally:
            await client.aclose()

    def _command(self, rng: Random, memory: Memory) -> tuple[UUID, bytes]:
        """A registration; where there are rooms and practitioners, sometimes a booking."""
        example = memory.example
        command = f"c-{UUID(int=rng.getrandbits(128))}"
        data: dict[str, Any]
        if memory in self._furnished and memory.clients and rng.random() < 0.3:
            kind, starts_at = "booking.request", _later(rng)
            data = {
                "booking_id": str(UUID(int=rng.getrandbits(128), version=4)),
                "client_id": rng.choice(memory.clients),
                "practitioner_id": str(rng.choice(example.practitioners).identity_id),
                "room_id": str(rng.choice(example.rooms)),
                "starts_at": starts_at.isoformat(),
                "ends_at": (starts_at + timedelta(minutes=50)).isoformat(),
                "areas": ["cheeks"],
                "depth_um": 1000,
            }
        else:
            kind, client = "client.register", str(UUID(int=rng.getrandbits(128), version=4))
            data = {"client_id": client, "given_name": rng.choice(NAMES), "family_name": f"L{rng.getrandbits(40):x}"}
            data |= {"date_of_birth": "1990-05-17", "phone": "+31201234567"}
            memory.clients.append(client)
        event = {"specversion": "1.0", "id": command, "source": f"urn:asepsis:system:{example.system}", "type": kind, "data": data}
        event_id = command_event_id(example.clinic_id, example.people["system"].identity_id, command)
        return event_id, orjson.dumps(event)

    async def _persist(self, client: Redis, memory: Memory, commands: Sequence[tuple[UUID, bytes]]) -> None:
        began = time.monotonic()
        for event_id, _ in commands:
            memory.given[event_id] = Given(began)
        patience = AGAIN_SECONDS
        while left := [(event_id, command) for event_id, command in commands if memory.given[event_id].answered_at is None]:
            if time.monotonic() - began > PATIENCE_SECONDS:
                message = f"{len(left)} commands to {memory.example.clinic_id} had no answer in {PATIENCE_SECONDS:.0f} s"
                raise TimeoutError(message)
            if time.monotonic() - began > PATIENCE_SECONDS / 2 and self.asks_why is not None:
                self.asks_why()
                self.asks_why = None
            with contextlib.suppress(RedisError, OSError):
                async with client.pipeline(transaction=False) as pipe:
                    for _, command in left:
                        pipe.xadd(memory.inbox, {"event": command})
                    await pipe.execute()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while any(memory.given[event_id].answered_at is None for event_id, _ in left):
                        self._news.clear()
                        await self._news.wait()
            patience = min(patience * 2, LONGEST_AGAIN_SECONDS)

    async def _press(self, rng: Random, door: httpx.AsyncClient) -> None:
        """Somebody with a tablet: rooms and handpieces are made ready, again and again."""
        while not self._ended:
            memory = rng.choice(self._furnished)
            example = memory.example
            claimed = datetime.now(UTC).isoformat()  # noqa: TID251 - a stranger has its own clock
            subject = UUID(int=rng.getrandbits(128), version=4)
            if rng.random() < 0.5:
                path = f"/turnovers/{subject}"
                report = {**WIPED, "room_id": str(rng.choice(example.rooms)), "steps": STEPS, "occurred_at": claimed}
            else:
                path = f"/reprocessings/{subject}"
                report = {**WIPED, "handpiece_id": str(rng.choice(example.handpieces)), "occurred_at": claimed}
            await self._ask(door, memory, path, report)

    async def _ask(self, door: httpx.AsyncClient, memory: Memory, path: str, report: dict[str, Any]) -> None:
        began = time.monotonic()
        headers = {"Authorization": f"Bearer {memory.example.people['technician'].token}", "Idempotency-Key": path.rpartition("/")[2]}
        while time.monotonic() - began < PATIENCE_SECONDS:
            try:
                reply = await door.put(f"/clinics/{memory.example.clinic_id}{path}", json=report, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
                continue
            if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                self._tally.counted("answers 503")
                await asyncio.sleep(0.1)
                continue
            if reply.status_code not in {200, 201}:
                self._tally.wrong(f"PUT {path} was answered {reply.status_code}: {reply.text[:500]}")
                return
            memory.given[UUID(reply.json()["event_id"])] = Given(began, time.monotonic())
            self._tally.counted("acknowledged commands")
            return
        message = f"PUT {path} had no answer in {PATIENCE_SECONDS:.0f} s"
        raise TimeoutError(message)
