"""Carries inbox entries: one FastStream subscriber per inbox, opened and closed as systems come and go.

One process works an inbox at a time (a session advisory lock), so that it is worked in stream order, also after a
reclaim. An entry is acknowledged and deleted after its commit: until then it stays pending and is tried again.
"""

import asyncio
import logging
import time
from typing import Any

from faststream import AckPolicy
from faststream.redis import RedisBroker, StreamSub
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from events.catalog.booking import Rejection
from events.database import Database, is_passing
from events.inbox import Inbox, Mailbox, NotUnderstood, all_mailboxes, reject, work_entry
from events.transaction import aside
from events.wakeups import BLOCK_MS, CONSUMER, ensure_group
from schemas.vocabulary import Code

log = logging.getLogger(__name__)

GROUP = "asepsis"
MOST_INBOXES = 200
MOST_DELIVERIES = 5
BATCH = 100
FUTURE_MS = 24 * 3600 * 1000
"""An id this far ahead of Redis's clock was not made by it."""

Fields = dict[bytes, bytes]


class InboxKeeper:
    """The inboxes that this process works."""

    def __init__(self, database: Database, broker: RedisBroker, client: "Redis", inbox: Inbox) -> None:
        self._database = database
        self._broker = broker
        self._client = client
        self._inbox = inbox
        self._open: dict[Mailbox, Any] = {}
        self._session: AsyncConnection | None = None

    @property
    def deaf(self) -> list[str]:
        """Inboxes whose subscription does not run."""
        return [mailbox.stream for mailbox, subscriber in self._open.items() if not subscriber.running]

    async def tend(self) -> None:
        """Once a second: open new inboxes, close old ones, mend what stopped."""
        try:
            async with aside(self._database, None, self._inbox.service) as rows:
                known = set(await all_mailboxes(rows))
            await self._keep_session()
            for mailbox in [mailbox for mailbox in self._open if mailbox not in known]:
                await self._close(mailbox)
            for mailbox in sorted(known - set(self._open), key=lambda found: found.stream)[: MOST_INBOXES - len(self._open)]:
                await self._try_open(mailbox)
            for mailbox in list(self._open):
                await self._mend(mailbox)
        except (RedisError, DBAPIError, OSError, TimeoutError) as away:
            log.warning("inboxes wait: %s", type(away).__name__)

    async def close(self) -> None:
        """Stop working inboxes; the lock goes with the session."""
        for mailbox in list(self._open):
            await self._open.pop(mailbox).stop()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _keep_session(self) -> None:
        """The session that holds the locks. If it was lost, others may hold them now: stop everything and ask again."""
        if self._session is not None:
            try:
                await self._session.execute(text("select 1"))
            except (DBAPIError, OSError):
                log.warning("the session that holds the inboxes was lost")
                await self.close()
            else:
                return
        self._session = await self._database.engine.connect()
        self._session = await self._session.execution_options(isolation_level="AUTOCOMMIT")

    async def _try_open(self, mailbox: Mailbox) -> None:
        if self._session is None:
            return
        lock = text("select pg_try_advisory_lock(hashtextextended(:key, 1))")
        if not (await self._session.execute(lock, {"key": mailbox.stream})).scalar_one():
            return  # another process works it
        try:
            await ensure_group(self._client, mailbox.stream, GROUP)
            await self._reclaim(mailbox)
            subscriber = self._subscribe(mailbox)
            await subscriber.start()
        except BaseException:
            await self._unlock(mailbox)
            raise
        self._open[mailbox] = subscriber

    async def _unlock(self, mailbox: Mailbox) -> None:
        if self._session is not None:
            await self._session.execute(text("select pg_advisory_unlock(hashtextextended(:key, 1))"), {"key": mailbox.stream})

    async def _close(self, mailbox: Mailbox) -> None:
        await self._open.pop(mailbox).stop()
        await self._unlock(mailbox)

    def _subscribe(self, mailbox: Mailbox) -> Any:
        async def parse(raw: Any, original: Any) -> Any:
            message = await original({**raw, "data": []})
            message.raw_message = raw
            return message

        async def decode(message: Any) -> list[tuple[bytes, Fields]]:
            return list(zip(message.raw_message["message_ids"], message.raw_message["data"], strict=True))

        async def work(entries: list[tuple[bytes, Fields]]) -> None:
            for entry_id, fields in entries:
                await self._work(mailbox, entry_id.decode(), fields)

        subscriber = self._broker.subscriber(
            stream=StreamSub(mailbox.stream, group=GROUP, consumer=CONSUMER, batch=True, max_records=BATCH, polling_interval=BLOCK_MS),
            parser=parse,
            decoder=decode,
            ack_policy=AckPolicy.MANUAL,
            persistent=False,
            include_in_schema=False,
        )
        subscriber(work)
        return subscriber

    async def _reclaim(self, mailbox: Mailbox) -> None:
        """What an earlier holder left unacknowledged, in order, before anything new."""
        while True:
            pending = await self._client.xpending_range(mailbox.stream, GROUP, min="-", max="+", count=BATCH)
            if not pending:
                return
            deliveries = {found["message_id"]: found["times_delivered"] for found in pending}
            claimed = await self._client.xclaim(mailbox.stream, GROUP, CONSUMER, 0, list(deliveries))
            gone = set(deliveries) - {entry_id for entry_id, _ in claimed}
            if gone:
                await self._client.xack(mailbox.stream, GROUP, *gone)
            for entry_id, fields in claimed:
                if deliveries[entry_id] >= MOST_DELIVERIES:
                    await self._bury(mailbox, entry_id.decode(), fields, "gave_up")
                    await self._acknowledge(mailbox, entry_id.decode())
                else:
                    await self._work(mailbox, entry_id.decode(), fields)

    async def _work(self, mailbox: Mailbox, entry_id: str, fields: Fields) -> None:
        """Work one entry until it is answered. An outage is waited out: the entries behind it must not overtake."""
        failures, pause = 0, 0.05
        while True:
            try:
                if failures >= MOST_DELIVERIES:
                    await self._bury(mailbox, entry_id, fields, "gave_up")
                else:
                    await work_entry(self._database, self._inbox, mailbox, entry_id, fields)
                break
            except Exception as failure:
                if is_passing(failure):
                    log.warning("inbox %s waits for the database", mailbox.system)
                else:
                    failures += 1
                    log.exception("inbox %s: entry %s failed (%d)", mailbox.system, entry_id, failures)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
        await self._acknowledge(mailbox, entry_id)

    async def _bury(self, mailbox: Mailbox, entry_id: str, fields: Fields, reason: Code) -> None:
        why = NotUnderstood((Rejection(field="event", reason=reason),))
        await reject(self._database, self._inbox.service, mailbox, entry_id, fields, why)

    async def _acknowledge(self, mailbox: Mailbox, entry_id: str) -> None:
        """After the commit: acknowledge and delete, for the entry holds names."""
        pause = 0.05
        while True:
            try:
                async with self._client.pipeline(transaction=True) as pipe:
                    pipe.xack(mailbox.stream, GROUP, entry_id)
                    pipe.xdel(mailbox.stream, entry_id)
                    await pipe.execute()
            except ResponseError:
                return  # the stream was flushed: there is nothing left to acknowledge
            except (RedisError, OSError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            else:
                return

    async def _mend(self, mailbox: Mailbox) -> None:
        subscriber = self._open[mailbox]
        if not subscriber.running:
            await ensure_group(self._client, mailbox.stream, GROUP)
            await self._reclaim(mailbox)
            await subscriber.start()
            return
        try:
            info = await self._client.xinfo_stream(mailbox.stream)
        except ResponseError:
            return  # flushed a moment ago: the subscriber notices and is mended next time
        last_ms = int(bytes(info["last-generated-id"]).split(b"-")[0])
        if last_ms > time.time() * 1000 + FUTURE_MS:  # noqa: TID251 - compared with Redis's ids, never recorded
            await self._empty_forged(mailbox)

    async def _empty_forged(self, mailbox: Mailbox) -> None:
        """Somebody chose an id far in the future; ids after it would run out. Keep what is there, start the stream anew."""
        log.error("inbox %s of %s has an id from the future; it is emptied and made anew", mailbox.system, mailbox.clinic_id)
        await self._open[mailbox].stop()
        for entry_id, fields in await self._client.xrange(mailbox.stream):
            await self._bury(mailbox, entry_id.decode(), fields, "id_from_the_future")
        await self._client.delete(mailbox.stream)
        await ensure_group(self._client, mailbox.stream, GROUP)
        await self._open[mailbox].start()
