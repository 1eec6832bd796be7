"""Attacks on erasure: what is left of a client anywhere after `client.erased`."""

from datetime import timedelta
from uuid import uuid4

import asyncpg

from events.catalog.booking import ClientRegistered
from events.inbox import inbox_of, work_entry
from events.mailboxes import Mailbox
from events.outbox import Message, queue_message
from events.transaction import transaction
from schemas.compliance import EraseClient
from schemas.vocabulary import Role
from services.compliance.commands import erase_client
from tests.conftest import House, actor


async def _letters(owner: asyncpg.Connection, house: House) -> set[str]:
    rows = await owner.fetch("select inbox_entry from machinery.dead_letters where clinic_id = $1", house.clinic_id)
    return {row["inbox_entry"] for row in rows}


async def test_erasure_takes_the_dead_letters_that_name_the_client(house: House, owner: asyncpg.Connection) -> None:
    """They hold the entry whole: name, date of birth, phone."""
    gone, stays = uuid4(), uuid4()
    mailbox = Mailbox(house.clinic_id, "desk", uuid4())
    for place, client in (("1-1", gone), ("2-1", stays)):
        entry = f'{{"specversion":"1.0","id":"{place}","data":{{"client_id":"{str(client).upper()}","given_name":"Ana"}}}}'
        await work_entry(house.database, inbox_of("booking"), mailbox, place, {b"event": entry.encode()})
        await house.given("booking", ClientRegistered(client_id=client, commitment="b" * 64, contactable=True))
    assert await _letters(owner, house) == {"1-1", "2-1"}
    await house.doing("compliance", erase_client, EraseClient(client_id=gone))
    await house.react("booking")
    assert await _letters(owner, house) == {"2-1"}


async def test_erasure_takes_the_messages_that_wait_for_the_client(house: House, owner: asyncpg.Connection) -> None:
    gone = uuid4()
    await house.given("booking", ClientRegistered(client_id=gone, commitment="b" * 64, contactable=True))
    async with transaction(house.database, house.clinic_id, "recovery", actor(Role.SERVICE), str(uuid4())) as tx:
        later = tx.now + timedelta(days=3)
        await queue_message(tx, Message(uuid4(), "client", gone, "checkin_due", {"link": "secret"}, later))
    await house.doing("compliance", erase_client, EraseClient(client_id=gone))
    await house.react("recovery")
    assert not await owner.fetch("select 1 from machinery.outbox where recipient_id = $1", gone)


async def test_dead_letters_are_kept_for_thirty_days(house: House, owner: asyncpg.Connection) -> None:
    mailbox = Mailbox(house.clinic_id, "desk", uuid4())
    await work_entry(house.database, inbox_of("booking"), mailbox, "1-1", {b"event": b"Ana"})
    await owner.execute(
        "update machinery.dead_letters set received_at = received_at - interval '31 days' where clinic_id = $1", house.clinic_id
    )
    await work_entry(house.database, inbox_of("booking"), mailbox, "2-1", {b"event": b"Bea"})
    assert await _letters(owner, house) == {"2-1"}
