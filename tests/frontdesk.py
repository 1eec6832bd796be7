"""A front-desk system's side of an inbox, and a keeper as one process tends it."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis

from events import inbox as inboxes
from events.catalog.booking import BookingCanceled, CommandRejected
from events.database import Database
from events.endings import ended
from events.inbox import Inbox, inbox_of
from events.inbox_keeper import InboxKeeper
from events.mailboxes import Mailbox
from events.transaction import Answer, Transaction
from events.wakeups import make_broker, redis_client
from schemas.vocabulary import Code, Shape
from tests.conftest import House

ALARM = 45.0
SYSTEM = "frontdesk"


class Cancellation(Shape):
    """A command of these tests."""

    booking_id: UUID
    reason: Code = "asked"


worked: list[str] = []


def make_inbox(stumble: Callable[[Cancellation], Awaitable[None]] | None = None) -> Inbox:
    """Booking's real inbox with one more command, which these tests can trip up."""
    real = inbox_of("booking")
    inbox = Inbox("booking")
    inbox.accepted |= real.accepted
    inboxes._inboxes["booking"] = real

    @inbox("booking.cancel", Cancellation, command="cancel_booking")
    async def cancel(tx: Transaction, request: Cancellation) -> Answer[Any]:
        worked.append(tx.context.causation)
        answer = await tx.answer(BookingCanceled(booking_id=request.booking_id, client_id=uuid4(), reason=request.reason))
        if stumble is not None:
            await stumble(request)
        return answer

    return inbox


def command(identity: str = "c-1", *, type_: str = "booking.cancel", data: Any = None, **attributes: Any) -> bytes:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": identity,
            "source": f"urn:asepsis:system:{SYSTEM}",
            "type": type_,
            "data": {"booking_id": str(uuid4())} if data is None else data,
        }
        | attributes
    ).encode()


async def until(met: Callable[[], Awaitable[Any]]) -> None:
    async with asyncio.timeout(ALARM):
        while not await met():  # noqa: ASYNC110 - what is awaited happens in a server
            await asyncio.sleep(0.02)


class Desk:
    """A front-desk system and its inbox."""

    def __init__(self, house: House, client: Redis, url: str, identity_id: UUID) -> None:
        self.house = house
        self.client: Any = client
        self.url = url
        self.mailbox = Mailbox(house.clinic_id, SYSTEM, identity_id)
        self.stream = self.mailbox.stream

    async def send(self, event: bytes, entry_id: str = "*", **more: bytes) -> str:
        added = await self.client.xadd(self.stream, {"event": event, **more}, id=entry_id)
        return str(added.decode())

    async def is_empty(self) -> bool:
        return bool(await self.client.xlen(self.stream) == 0)

    async def rejected(self) -> list[CommandRejected]:
        return await self.house.said(CommandRejected)

    def keeper(self, inbox: Inbox, database: Database | None = None, url: str | None = None) -> "Keeper":
        return Keeper(database or self.house.database, url or self.url, inbox)


class Keeper:
    """One process's keeper, tended as the clock tends it."""

    def __init__(self, database: Database, url: str, inbox: Inbox) -> None:
        self.broker = make_broker(url, connections=20)
        self.client = redis_client(url)
        self.keeper = InboxKeeper(database, self.broker, self.client, inbox)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.broker.start()
        self._task = asyncio.create_task(self._tend())

    async def _tend(self) -> None:
        while True:
            await self.keeper.tend()
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        if self._task is not None:
            await ended(self._task)
        await self.keeper.close()
        await self.broker.stop()
        await self.client.aclose()


@asynccontextmanager
async def kept(*keepers: Keeper) -> AsyncIterator[None]:
    try:
        for keeper in keepers:
            await keeper.start()
        yield
    finally:
        for keeper in keepers:
            await keeper.stop()
