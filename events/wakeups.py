"""The stream `events`: announced after each commit, read by one group per service, folded to one hint per clinic."""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
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
from events.streams import STREAM, STREAM_LENGTH, Follower

log = logging.getLogger(__name__)

FIELD = "event"
BATCH = 100
BLOCK_MS = 1_000

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


def clinic_of(fields: Mapping[bytes, bytes]) -> UUID | None:
    """The clinic a message speaks of. Only a hint, so anything else in it is not looked at."""
    try:
        source = orjson.loads(fields[FIELD.encode()])["source"]
        return UUID(source.rpartition(":")[2])
    except (KeyError, ValueError, TypeError, AttributeError):
        return None


async def _fold(raw: Any, original: Any) -> Any:
    message = await original({**raw, "data": []})
    message.raw_message = raw
    return message


async def _clinics(message: Any) -> set[UUID]:
    found = {clinic_of(fields) for fields in message.raw_message["data"]}
    return {clinic_id for clinic_id in found if clinic_id is not None}


async def ensure_group(client: "Redis", stream: str, group: str) -> None:
    """Create the group at the stream's beginning: FastStream would create it at its end and lose what is there."""
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as refused:
        if "BUSYGROUP" not in str(refused):
            raise


class Wakeups:
    """The subscriptions of this process's followers to the stream `events`, and the sweep that covers for them."""

    def __init__(self, broker: RedisBroker, client: "Redis", followers: Sequence[Follower]) -> None:
        self._client = client
        self._followers = list(followers)
        self._tasks: set[asyncio.Task[None]] = set()
        self._subscribers = {follower.service: self._subscribe(broker, follower) for follower in followers}

    def _subscribe(self, broker: RedisBroker, follower: Follower) -> Any:
        subscriber = broker.subscriber(
            stream=StreamSub(
                STREAM, group=follower.service, consumer=CONSUMER, batch=True, max_records=BATCH, no_ack=True, polling_interval=BLOCK_MS
            ),
            parser=_fold,
            decoder=_clinics,
            ack_policy=AckPolicy.MANUAL,
            title=f"{follower.service}:{STREAM}",
            description="Wake-ups: which clinic's ledger has grown. The entries are read from the ledger.",
        )

        async def wake(clinics: set[UUID]) -> None:
            task = asyncio.create_task(self._wake(follower, clinics))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        subscriber(wake)
        return subscriber

    async def _wake(self, follower: Follower, clinics: set[UUID]) -> None:
        try:
            await follower.wake(clinics)
        except Exception as failure:  # noqa: BLE001 - a follower that stumbles must not stop the others
            _tell(follower.service, failure)

    @property
    def deaf(self) -> list[str]:
        """Services whose subscription does not run."""
        return [service for service, subscriber in self._subscribers.items() if not subscriber.running]

    async def ensure_groups(self) -> None:
        """Before the broker starts."""
        for service in self._subscribers:
            await ensure_group(self._client, STREAM, service)

    async def mend(self) -> None:
        """After a FLUSHALL or a restart without data, groups are gone and subscribers have stopped for good: start them again."""
        for service in self.deaf:
            try:
                await ensure_group(self._client, STREAM, service)
                await self._subscribers[service].start()
            except (RedisError, OSError) as away:
                log.debug("%s does not hear: %s", service, away)

    async def sweep(self) -> None:
        """Once a second: whatever was lost, the ledger knows it."""
        for follower in self._followers:
            try:
                await follower.sweep()
            except Exception as failure:  # noqa: BLE001 - as above
                _tell(follower.service, failure)

    async def drain(self) -> None:
        """Wait for work under way, before the process ends."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)


def _tell(service: str, failure: Exception) -> None:
    if is_passing(failure):
        log.debug("%s waits for the database; the sweep comes back", service)
    else:
        log.error("%s stumbled; the sweep comes back", service, exc_info=failure)
