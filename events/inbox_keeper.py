"""Carries inbox entries: one FastStream subscriber per inbox, opened and closed as systems come and go.

One process works an inbox at a time (a session advisory lock), so that it is worked in stream order, also after a
reclaim. An entry is acknowledged and deleted after its commit: until then it stays pending and is tried again.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from faststream import AckPolicy
from faststream.exceptions import IncorrectState
from faststream.redis import RedisBroker
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError
from sqlalchemy import text
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.ext.asyncio import AsyncConnection

from events.database import Database, is_passing
from events.endings import ended
from events.faults import reach
from events.inbox import Inbox, give_up, given_up, work_entry
from events.mailboxes import Mailbox, all_mailboxes, give_back, take
from events.projection import RecordUnreadableError
from events.transaction import aside
from events.wakeups import BLOCK_MS, CONSUMER, Inbound, ensure_group
from schemas.vocabulary import Code

log = logging.getLogger(__name__)

GROUP = "asepsis"
MOST_INBOXES = 200
MOST_DELIVERIES = 5
BATCH = 100
LOST_AFTER_MS = 5_000
"""An entry that was delivered this long ago and is not in hand was lost on its way to us."""
FUTURE_MS = 24 * 3600 * 1000
"""An id this far ahead of Redis's clock was not made by it."""

Fields = dict[bytes, bytes]
InboxEntry = tuple[bytes, Fields]


class OpenInbox:
    """One inbox that this process works, in stream order."""

    def __init__(self, database: Database, broker: RedisBroker, client: "Redis", inbox: Inbox, mailbox: Mailbox) -> None:
        self.mailbox = mailbox
        self._set_aside = f"{mailbox.stream}:forged"
        self._database = database
        self._client: Any = client
        self._inbox = inbox
        self._subscriber = self._subscribe(broker)
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._moved = False

    @property
    def deaf(self) -> bool:
        return not self._subscriber.running

    def tend(self) -> None:
        """Open it, or mend what is wrong with it, beside the others: one full inbox must not hold up the rest."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tend())

    async def close(self) -> None:
        """Finish the entry in hand, leave the others pending. A subscriber is a reader of its own until it is stopped."""
        await self._subscriber.stop()
        if self._task is not None:
            await ended(self._task, within=2)

    async def _tend(self) -> None:
        try:
            await self._empty_forged()
            if self.deaf:
                await ensure_group(self._client, self.mailbox.stream, GROUP)
                async with self._turn:
                    await self._reclaim()
                self._moved = False
                reach("inbox_keeper.opening")
                await self._subscriber.start()
                return
            await self._notice_forgery()
            lost = await self._client.xpending_range(self.mailbox.stream, GROUP, min="-", max="+", count=1, idle=LOST_AFTER_MS)
            if lost and not self._turn.locked():
                async with self._turn:
                    await self._reclaim()
        except ResponseError:
            log.info("inbox %s was flushed a moment ago", self.mailbox.system)
        except Exception as failure:
            if isinstance(failure, RedisError | IncorrectState) or is_passing(failure):  # or the broker has not been there yet
                log.debug("inbox %s waits: %s", self.mailbox.system, type(failure).__name__)
            else:
                log.exception("inbox %s cannot be tended", self.mailbox.system)

    def _subscribe(self, broker: RedisBroker) -> Any:
        async def parse(raw: Any, original: Any) -> Any:
            message = await original({**raw, "data": []})
            message.raw_message = raw
            return message

        async def decode(message: Any) -> list[InboxEntry]:
            return list(zip(message.raw_message["message_ids"], message.raw_message["data"], strict=True))

        subscriber = broker.subscriber(
            stream=Inbound(self.mailbox.stream, group=GROUP, consumer=CONSUMER, batch=True, max_records=BATCH, polling_interval=BLOCK_MS),
            parser=parse,
            decoder=decode,
            ack_policy=AckPolicy.MANUAL,
            persistent=False,
            include_in_schema=False,
        )
        subscriber(self._read)
        return subscriber

    async def _read(self, entries: Sequence[InboxEntry]) -> None:
        async with self._turn:
            if self._moved:
                return  # they lie in the stream that was set aside, and become dead letters
            reach("inbox_keeper.read")
            # What was delivered before and never arrived here comes first: the stream's order is the order of work.
            await self._reclaim(before=entries[0][0])
            for entry_id, fields in entries:
                if self.deaf:
                    return  # stopping: the rest stays pending for whoever comes next
                await self._work(entry_id.decode(), fields)

    async def _reclaim(self, before: bytes | None = None) -> None:
        """What was delivered and not acknowledged, in order. Claimed one by one: only what is tried counts as delivered again."""
        end = "+" if before is None else f"({before.decode()}"
        while True:
            ask = partial(self._client.xpending_range, self.mailbox.stream, GROUP, min="-", max=end, count=BATCH)
            pending = await self._insist(ask) or []
            for found in pending:
                entry_id = found["message_id"].decode()
                claimed = await self._client.xclaim(self.mailbox.stream, GROUP, CONSUMER, 0, [entry_id])
                reach("inbox_keeper.claimed")
                if not claimed or claimed[0][1] is None:
                    await self._client.xack(self.mailbox.stream, GROUP, entry_id)
                else:
                    await self._work(entry_id, claimed[0][1], found["times_delivered"])
            if len(pending) < BATCH:
                return

    async def _insist(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """Ask Redis until it answers. None if the stream was flushed."""
        pause = 0.05
        while True:
            try:
                return await ask()
            except ResponseError:
                return None
            except (RedisError, OSError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def _work(self, entry_id: str, fields: Fields, delivered: int = 0) -> None:
        """Work one entry until it is answered. An outage is waited out: the entries behind it must not overtake."""
        failures = delivered if delivered >= MOST_DELIVERIES else 0
        pause = shortest = 0.05
        while True:
            try:
                if failures >= MOST_DELIVERIES:
                    await self._bury(entry_id, fields, "gave_up", unread=failures >= 2 * MOST_DELIVERIES)
                else:
                    await work_entry(self._database, self._inbox, self.mailbox, entry_id, fields)
                break
            except Exception as failure:
                if is_passing(failure) or isinstance(failure, RecordUnreadableError):
                    if pause == shortest:  # once for all its attempts
                        log.warning("inbox %s waits: %s", self.mailbox.system, type(failure).__name__)
                        await self._excuse(entry_id)
                else:
                    failures += 1
                    log.exception("inbox %s: entry %s failed (%d)", self.mailbox.system, entry_id, failures)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
        reach("inbox_keeper.worked")
        await self._acknowledge(entry_id)

    async def _excuse(self, entry_id: str) -> None:
        """The delivery does not count against the entry: a process that ends while it waits out an outage did not die of it."""
        with contextlib.suppress(RedisError, OSError):
            for found in await self._client.xpending_range(self.mailbox.stream, GROUP, min=entry_id, max=entry_id, count=1):
                before = max(0, found["times_delivered"] - 1)
                await self._client.xclaim(self.mailbox.stream, GROUP, CONSUMER, 0, [entry_id], retrycount=before, justid=True)

    async def _bury(self, entry_id: str, fields: Fields, reason: Code, *, unread: bool = False) -> None:
        """Reject it to whoever's command it is; `unread` where even looking at it may have been too much."""
        why = given_up({} if unread else fields, reason)
        await give_up(self._database, self._inbox.service, self.mailbox, entry_id, fields, why)

    async def _acknowledge(self, entry_id: str) -> None:
        """After the commit: acknowledge and delete, for the entry holds names."""

        async def both() -> Any:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.xack(self.mailbox.stream, GROUP, entry_id)
                pipe.xdel(self.mailbox.stream, entry_id)
                return await pipe.execute()

        if await self._insist(both) is not None:
            reach("inbox_keeper.acknowledged")

    async def _notice_forgery(self) -> None:
        info = await self._client.xinfo_stream(self.mailbox.stream)
        last_ms = int(bytes(info["last-generated-id"]).split(b"-")[0])
        if last_ms <= time.time() * 1000 + FUTURE_MS:  # noqa: TID251 - compared with Redis's ids, never recorded
            return
        log.error("inbox %s of %s has an id from the future; it is emptied and made anew", self.mailbox.system, self.mailbox.clinic_id)
        async with self._turn:
            # In one step: the next XADD makes a new stream. The reader finds its group gone and stops, as after a flush.
            self._moved = True
            await self._client.renamenx(self.mailbox.stream, self._set_aside)
            reach("inbox_keeper.set_aside")
        await self._empty_forged()

    async def _empty_forged(self) -> None:
        """Somebody chose an id far in the future; ids after it would run out. What was there becomes dead letters."""
        while found := await self._client.xrange(self._set_aside, count=BATCH):
            for entry_id, fields in found:
                await self._bury(entry_id.decode(), fields, "id_from_the_future")
                reach("inbox_keeper.buried")
                await self._client.xdel(self._set_aside, entry_id)
        await self._client.delete(self._set_aside)


class InboxKeeper:
    """The inboxes that this process works."""

    def __init__(self, database: Database, broker: RedisBroker, client: "Redis", inbox: Inbox) -> None:
        self._database = database
        self._broker = broker
        self._client = client
        self._inbox = inbox
        self._open: dict[Mailbox, OpenInbox] = {}
        self._session: AsyncConnection | None = None

    @property
    def deaf(self) -> list[str]:
        return [mailbox.stream for mailbox, opened in self._open.items() if opened.deaf]

    async def tend(self) -> None:
        """Once a second: open new inboxes, close old ones, mend what stopped."""
        try:
            async with aside(self._database, None, self._inbox.service) as rows:
                known = set(await all_mailboxes(rows))
            session = await self._keep_session()
            for mailbox in [mailbox for mailbox in self._open if mailbox not in known]:
                await self._open.pop(mailbox).close()
                await give_back(session, mailbox)
            for mailbox in await take(session, known - set(self._open), MOST_INBOXES - len(self._open)):
                self._open[mailbox] = OpenInbox(self._database, self._broker, self._client, self._inbox, mailbox)
        except Exception as away:
            if not is_passing(away):
                raise
            log.debug("inboxes wait: %s", type(away).__name__)
            return
        for opened in self._open.values():
            opened.tend()

    async def mend(self) -> None:
        """Several times a second: open again what a flush has closed. Whoever was not heard sends again, and may be in a hurry."""
        for opened in filter(lambda found: found.deaf, self._open.values()):
            opened.tend()

    async def close(self) -> None:
        """Stop working inboxes, and let the locks go."""
        opened = [self._open.pop(mailbox) for mailbox in list(self._open)]
        await asyncio.gather(*(inbox.close() for inbox in opened), return_exceptions=True)
        if self._session is not None:
            # Locks belong to the session: given back to the pool, it would keep them.
            session, self._session = self._session, None
            await session.invalidate()
            await session.close()

    async def _keep_session(self) -> AsyncConnection:
        """The session that holds the locks. If it was lost, others may hold them now: stop everything and ask again."""
        if self._session is not None:
            try:
                await self._session.execute(text("select 1"))
            except Exception as lost:
                if not (is_passing(lost) or isinstance(lost, PendingRollbackError)):  # lost in the middle of the last look
                    raise
                log.warning("the session that holds the inboxes was lost")
                await self.close()
            else:
                return self._session
        session = await self._database.engine.connect()
        self._session = await session.execution_options(isolation_level="AUTOCOMMIT")
        return self._session
