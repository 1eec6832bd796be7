"""The stream `events`: announced after each commit, read by one group per set of services, folded to one hint per clinic."""

import asyncio
import copy
import logging
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import orjson
from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialWithJitterBackoff
from redis.exceptions import RedisError, ResponseError

from events.database import is_passing
from events.envelope import Entry, cloud_event
from events.faults import reach
from events.streams import STREAM, STREAM_LENGTH, Follower

log = logging.getLogger(__name__)

FIELD = "event"
BATCH = 100
BLOCK_MS = 1_000
SILENT_SECONDS = 1.0
"""How long nothing is announced after Redis did not answer."""

CONSUMER = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
"""This process's name in every consumer group."""


def _connection(connections: int) -> dict[str, Any]:
    """redis-py's own defaults go deaf (faststream.md 1.5): blocks must be shorter than the socket's timeout."""
    return {
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "health_check_interval": 15,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), 3),
        "max_connections": connections,
    }


def redis_client(url: str) -> "Redis":
    """A client for everything that is not a subscription."""
    return Redis.from_url(url, **(_connection(50) | {"socket_timeout": 5, "socket_connect_timeout": 1}))


_QUIET: Any = None
"""FastStream's word for no log of its own, which its types do not know."""


def make_broker(url: str, connections: int = 250) -> RedisBroker:
    """The process's one broker. Room for 200 inboxes, the services and the relay."""
    return RedisBroker(url, logger=_QUIET, apply_types=False, graceful_timeout=5, **_connection(connections))


async def announce(client: "Redis", entries: Sequence[Entry[Any]]) -> None:
    """Say on the stream what was recorded."""
    async with client.pipeline(transaction=False) as pipe:
        for entry in entries:
            pipe.xadd(STREAM, {FIELD: cloud_event(entry)}, maxlen=STREAM_LENGTH, approximate=True)
        await pipe.execute()


class Announcer:
    """Says in the background what was recorded: no answer waits for it, and what comes together is said together.

    While Redis is away it says nothing; the sweep finds what was not announced.
    """

    def __init__(self, client: "Redis") -> None:
        self._client = client
        self._waiting: list[Entry[Any]] = []
        self._saying: asyncio.Task[None] | None = None
        self._silent_until = 0.0

    def say(self, entries: Sequence[Entry[Any]]) -> None:
        """Say it soon."""
        if asyncio.get_running_loop().time() < self._silent_until:
            return
        self._waiting.extend(entries)
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._say())

    async def _say(self) -> None:
        while self._waiting:
            now, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                async with asyncio.timeout(1):
                    await announce(self._client, now)
                reach("announcer.said")
            except Exception:  # noqa: BLE001 - the facts are committed, whatever happens here
                log.debug("announcements failed; the sweep will find what they were about")
                self._waiting.clear()
                self._silent_until = asyncio.get_running_loop().time() + SILENT_SECONDS

    async def drain(self) -> None:
        """Say what is left, before the process ends."""
        if self._saying is not None and not self._saying.done():
            await asyncio.wait([self._saying], timeout=2)


Said = dict[UUID, tuple[int, int]]
"""How far each clinic's ledger has come: (epoch, size)."""


def said_by(fields: Mapping[bytes, bytes]) -> tuple[UUID, tuple[int, int]] | None:
    """The clinic a message speaks of, and how far it says the ledger has come. Only a hint: nothing else in it is looked at."""
    try:
        event = orjson.loads(fields[FIELD.encode()])
        epoch, _, size = event["sequence"].partition("-")
        return UUID(event["source"].rpartition(":")[2]), (int(epoch), int(size))
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


async def _fold(raw: Any, original: Any) -> Any:
    message = await original({**raw, "data": []})
    message.raw_message = raw
    return message


async def _furthest(message: Any) -> Said:
    found: Said = {}
    for fields in message.raw_message["data"]:
        hint = said_by(fields)
        if hint is not None:
            clinic_id, place = hint
            found[clinic_id] = max(place, found.get(clinic_id, place))
    return found


async def ensure_group(client: "Redis", stream: str, group: str) -> None:
    """Create the group at the stream's beginning: FastStream would create it at its end and lose what is there."""
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as refused:
        if "BUSYGROUP" not in str(refused):
            raise


class Inbound(StreamSub):
    """A stream that is read. FastStream copies it with each read and each message; there is nothing in it that changes."""

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return copy.copy(self)


def group_of(follower: Follower) -> str:
    """Its consumer group: processes that run the same services share the hints, and each other process hears them too."""
    return "+".join(sorted(follower.services))


class Wakeups:
    """The subscriptions of this process's followers to the stream `events`, and the sweep that covers for them."""

    def __init__(self, broker: RedisBroker, client: "Redis", followers: Sequence[Follower]) -> None:
        self._client = client
        self._followers = list(followers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscribers = {group_of(follower): self._subscribe(broker, follower) for follower in followers}

    def _subscribe(self, broker: RedisBroker, follower: Follower) -> Any:
        group = group_of(follower)
        subscriber = broker.subscriber(
            stream=Inbound(STREAM, group=group, consumer=CONSUMER, batch=True, max_records=BATCH, no_ack=True, polling_interval=BLOCK_MS),
            parser=_fold,
            decoder=_furthest,
            ack_policy=AckPolicy.MANUAL,
            title=f"{group}:{STREAM}",
            description="Wake-ups: which clinic's ledger has grown. The entries are read from the ledger.",
        )

        async def wake(said: Said) -> None:
            self._soon(follower, said)

        subscriber(wake)
        return subscriber

    def tell(self, entries: Sequence[Entry[Any]]) -> None:
        """What this process recorded itself its own followers need not hear from the stream first."""
        last = entries[-1]
        for follower in self._followers:
            self._soon(follower, {last.clinic_id: (last.epoch, last.size)})

    def _soon(self, follower: Follower, said: Said) -> None:
        task = asyncio.create_task(self._hear(follower, said))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _hear(self, follower: Follower, said: Said) -> None:
        try:
            await follower.hear(said)
        except Exception as failure:  # noqa: BLE001 - a follower that stumbles must not stop the others
            _tell(follower, failure)

    @property
    def deaf(self) -> list[str]:
        """The groups whose subscription does not run."""
        return [group for group, subscriber in self._subscribers.items() if not subscriber.running]

    async def ensure_groups(self) -> None:
        """Before the broker starts."""
        for group in self._subscribers:
            await ensure_group(self._client, STREAM, group)

    async def mend(self) -> None:
        """After a FLUSHALL or a restart without data, groups are gone and subscribers have stopped for good: start them again."""
        for group in self.deaf:
            try:
                await ensure_group(self._client, STREAM, group)
                await self._subscribers[group].start()
            except (RedisError, OSError) as away:
                log.debug("%s does not hear: %s", group, away)

    async def sweep(self) -> None:
        """Once a second: whatever was lost, the ledger knows it."""
        for follower in self._followers:
            try:
                await follower.sweep()
            except Exception as failure:  # noqa: BLE001 - as above
                _tell(follower, failure)

    async def drain(self) -> None:
        """Wait for work under way, before the process ends."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)


def _tell(follower: Follower, failure: Exception) -> None:
    services = ", ".join(follower.services)
    if is_passing(failure):
        log.debug("%s: no database; the sweep comes back", services)
    else:
        log.error("%s stumbled; the sweep comes back", services, exc_info=failure)
