"""Attacks on answers: whoever asked finds the answer by the id of the command that was sent."""

from uuid import uuid4

import orjson

from events.catalog.booking import AnswerRepeated, BookingCanceled
from events.relay import outward_after
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
