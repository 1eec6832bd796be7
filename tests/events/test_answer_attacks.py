"""Attacks on inboxes and their answers: who asked finds the answer, and who was cut off is not heard."""

from uuid import uuid4

import orjson
import pytest

from events.catalog.booking import AnswerRepeated, BookingCanceled, ClientRegistered, CommandRejected
from events.catalog.compliance import SystemConnected, SystemDisconnected
from events.inbox import inbox_of, work_entry
from events.mailboxes import Mailbox
from events.outward import outward_after
from events.transaction import transaction
from schemas.vocabulary import Role
from tests.conftest import House, actor


async def test_an_answer_that_is_given_again_to_another_command_names_that_command(house: House) -> None:
    """The same booking asked for under a new id: the sender waits for an answer to the new one."""
    desk = actor(Role.SYSTEM)
    async with transaction(house.database, house.clinic_id, "booking", desk, "first", correlation="call-1") as tx:
        said = await tx.record(BookingCanceled(booking_id=uuid4(), client_id=uuid4(), reason="client_asked"))
    async with transaction(house.database, house.clinic_id, "booking", desk, "second", correlation="call-2") as tx:
        await tx.record(AnswerRepeated(event_id=said.event_id))
    async with house.look("booking") as view:
        first, second = (orjson.loads(form) for form in (await outward_after(view.rows, house.clinic_id, 1, 0, 100))[-2:])
    assert (first["causationid"], first["correlationid"]) == ("first", "call-1")
    assert (second["causationid"], second["correlationid"]) == ("second", "call-2")
    assert (second["id"], second["data"], second["time"]) == (first["id"], first["data"], first["time"])


@pytest.mark.parametrize("since", ["disconnected", "given_away"])
async def test_what_lay_in_the_inbox_of_a_system_that_was_cut_off_is_not_done(house: House, since: str) -> None:
    """Added before, decided after: the ledger must not show the act of a system behind its disconnection."""
    system, other = uuid4(), uuid4()
    mailbox = Mailbox(house.clinic_id, "desk", system)
    await house.given("compliance", SystemConnected(system="desk", identity_id=system))
    client = {"given_name": "Noor", "family_name": "de Vries", "date_of_birth": "1991-04-12", "phone": "+31201234567"}

    async def register(place: str) -> None:
        event = {"specversion": "1.0", "id": f"c-{place}", "source": "urn:x", "type": "client.register"}
        data = client | {"client_id": str(uuid4())}
        await work_entry(house.database, inbox_of("booking"), mailbox, place, {b"event": orjson.dumps(event | {"data": data})})

    await register("1-1")
    cut = SystemDisconnected(system="desk", identity_id=system)
    await house.given("compliance", cut if since == "disconnected" else SystemConnected(system="desk", identity_id=other))
    await register("2-1")
    assert len(await house.said(ClientRegistered)) == 1
    [rejected] = await house.said(CommandRejected)
    assert (rejected.inbox_entry, [reason.reason for reason in rejected.reasons]) == ("2-1", ["not_allowed"])
