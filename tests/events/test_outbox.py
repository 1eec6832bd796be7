"""Messages to people: one decision, a lease, the same id however often it is sent."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from events.outbox import Delivery, Message, queue_message, send_due
from events.transaction import transaction
from tests.conftest import House, actor, open_house

SERVICE = "booking"


async def queue(house: House, message_id: UUID | None = None, **changes: Any) -> UUID:
    identity = message_id or uuid4()
    async with transaction(house.database, house.clinic_id, "recovery", actor(), f"m-{uuid4()}") as tx:
        values: dict[str, Any] = {"recipient": "client", "recipient_id": uuid4(), "template": "checkin_due", "parameters": {"link": "x"}}
        await queue_message(tx, Message(message_id=identity, send_after=tx.now, **(values | changes)))
    return identity


class Post:
    """An adapter that remembers, and stumbles when told to."""

    def __init__(self, *stumbling: UUID) -> None:
        self.sent: list[tuple[UUID, int]] = []
        self.stumbling = set(stumbling)

    async def __call__(self, _rows: AsyncSession, delivery: Delivery) -> None:
        self.sent.append((delivery.message.message_id, delivery.attempt))
        if delivery.message.message_id in self.stumbling:
            message = "the provider closed the connection to noor@example.org"
            raise ConnectionError(message)


async def expire_leases(owner: asyncpg.Connection) -> None:
    await owner.execute("update machinery.outbox set leased_until = now() - interval '1 second' where leased_until is not null")


async def test_a_message_queued_twice_is_sent_once_and_its_parameters_are_forgotten(house: House, owner: asyncpg.Connection) -> None:
    identity = await queue(house)
    await queue(house, identity, template="other")
    post = Post()
    assert await send_due(house.database, SERVICE, post) == 1
    assert await send_due(house.database, SERVICE, post) == 0
    assert post.sent == [(identity, 1)]
    row = await owner.fetchrow("select template, parameters, sent_at from machinery.outbox")
    assert (row["template"], row["parameters"]) == ("checkin_due", "{}")
    assert row["sent_at"] is not None


async def test_a_message_waits_for_its_time(house: House) -> None:
    later = await house.now() + timedelta(minutes=1)
    async with transaction(house.database, house.clinic_id, "recovery", actor(), "later") as tx:
        await queue_message(tx, Message(uuid4(), "staff", uuid4(), "hold", {}, later))
    assert await send_due(house.database, SERVICE, Post()) == 0


async def test_many_senders_send_each_message_once(house: House) -> None:
    other = await open_house(house.database)
    identities = {await queue(where) for where in (house, other) for _ in range(15)}
    post = Post()
    await asyncio.gather(*(send_due(house.database, SERVICE, post) for _ in range(4)))
    assert sorted(identity for identity, _ in post.sent) == sorted(identities)


async def test_an_unknown_outcome_is_sent_again_under_the_same_id_after_the_lease(
    house: House, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await queue(house), await queue(house)
    post = Post(bad)
    assert await send_due(house.database, SERVICE, post) == 1
    assert await send_due(house.database, SERVICE, post) == 0  # leased
    await expire_leases(owner)
    post.stumbling.clear()
    assert await send_due(house.database, SERVICE, post) == 1
    assert post.sent == [(bad, 1), (good, 1), (bad, 2)]
    assert "noor@example.org" not in caplog.text


async def test_a_lease_from_a_clock_that_was_ahead_holds_nobody_up(house: House, owner: asyncpg.Connection) -> None:
    """The sender died while the server's clock was a day ahead; nobody waits for that day."""
    identity = await queue(house)
    await owner.execute("update machinery.outbox set leased_until = clock_timestamp() + interval '1 day', attempts = 1")
    post = Post()
    assert await send_due(house.database, SERVICE, post) == 1
    assert post.sent == [(identity, 2)]


async def test_what_a_commit_does_not_decide_is_never_sent(house: House) -> None:
    with pytest.raises(ZeroDivisionError):
        async with transaction(house.database, house.clinic_id, "recovery", actor(), "undone") as tx:
            await queue_message(tx, Message(uuid4(), "client", uuid4(), "checkin_due", {}, tx.now))
            raise ZeroDivisionError
    assert await send_due(house.database, SERVICE, Post()) == 0
