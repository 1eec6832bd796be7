"""What an inbox takes and refuses: every reason, no value, and the entry kept whole."""

import json
from uuid import uuid4

import asyncpg
import pytest

from events.catalog.booking import AnswerRepeated, BookingCanceled, CommandRejected, Rejection
from events.inbox import MAX_COMMAND_BYTES, NotUnderstood, reject
from tests.frontdesk import SYSTEM, Desk, command, kept, make_inbox, until

SECRET = "Ana Ruiz 1990-02-03"
DEEP = b"[" * 2000 + b"]" * 2000
BAD: dict[str, tuple[bytes, set[tuple[str, str]]]] = {
    "bad JSON": (b'{"name":"' + SECRET.encode(), {("event", "json_invalid")}),
    "not UTF-8": (b'{"id":"\xff\xfe"}', {("event", "json_invalid")}),
    "deep": (DEEP, {("event", "json_invalid")}),
    "not an object": (b'["' + SECRET.encode() + b'"]', {("event", "model_type")}),
    "a number": (b"7", {("event", "model_type")}),
    "null": (b"null", {("event", "model_type")}),
    "empty": (b"", {("event", "json_invalid")}),
    "huge": (command(data={"booking_id": "x" * MAX_COMMAND_BYTES}), {("event", "too_large")}),
    "unknown type": (command(type_="booking.dance"), {("type", "unknown_type")}),
    "wrong fields": (
        command(data={"booking_id": SECRET, "reason": SECRET, SECRET: SECRET}),
        {("data.booking_id", "uuid_parsing"), ("data.reason", "string_pattern_mismatch"), ("data._unknown", "extra_forbidden")},
    ),
    "empty object": (b"{}", {(name, "missing") for name in ("specversion", "id", "source", "type", "data")}),
    "wrong envelope": (
        command("no good id", specversion="2.0", time="yesterday", data=[]),
        {
            ("id", "string_pattern_mismatch"),
            ("specversion", "string_pattern_mismatch"),
            ("time", "datetime_from_date_parsing"),
            ("data", "dict_type"),
        },
    ),
    "a NUL in a name": (
        command(
            type_="client.register",
            data={"client_id": str(uuid4()), "given_name": "A\0na", "family_name": "R", "date_of_birth": "1990-02-03"},
        ),
        {("data.given_name", "string_pattern_mismatch")},
    ),
}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_not_understood_is_rejected_with_every_reason_and_no_value(desk: Desk, owner: asyncpg.Connection, name: str) -> None:
    event, reasons = BAD[name]
    before = await desk.house.entries()
    entry_id = await desk.send(event)
    await desk.send(command("good"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    (rejected,) = await desk.rejected()
    assert {(reason.field, reason.reason) for reason in rejected.reasons} == reasons
    assert (rejected.system, rejected.inbox_entry) == (SYSTEM, entry_id)
    entries = (await desk.house.entries())[len(before) :]
    assert [type(entry.event) for entry in entries] == [CommandRejected, BookingCanceled]
    assert not any(word.encode() in entries[0].body for word in SECRET.split())
    letter = await owner.fetchrow("select * from machinery.dead_letters")
    assert json.loads(letter["fields"])["event"].encode("latin-1") == event
    assert letter["inbox_entry"] == entry_id


async def test_an_entry_without_the_field_and_with_odd_ones_is_rejected_and_kept(desk: Desk, owner: asyncpg.Connection) -> None:
    await desk.client.xadd(desk.stream, {b"other\x00": b"v\x00\xff"})
    await desk.client.xadd(desk.stream, {f"f{n}": "x" * 1000 for n in range(9000)})
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert [(one.reasons[0].field, one.reasons[0].reason) for one in await desk.rejected()] == [("event", "missing")] * 2
    letters = await owner.fetch("select fields from machinery.dead_letters order by inbox_entry")
    assert json.loads(letters[0]["fields"]) == {"other\\0": "v\\0\xff"}


async def test_a_rejection_names_the_command_where_its_id_can_be_read(desk: Desk) -> None:
    await desk.send(command("c-9", correlationid="corr-9", data=[]))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    (rejected,) = await desk.rejected()
    (entry,) = [entry for entry in await desk.house.entries() if isinstance(entry.event, CommandRejected)]
    assert (rejected.command, entry.causation, entry.parts["causation"]["correlation"]) == ("c-9", "c-9", "corr-9")


async def test_an_id_with_other_content_is_rejected_and_the_first_answer_stands(desk: Desk) -> None:
    await desk.send(command("c-1"))
    await desk.send(command("c-1"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert len(await desk.house.said(BookingCanceled)) == 1
    (rejected,) = await desk.rejected()
    assert [(reason.field, reason.reason) for reason in rejected.reasons] == [("id", "id_reused")]


async def test_an_expired_command_is_not_decided_but_an_answered_one_is_answered_again(desk: Desk) -> None:
    data = {"booking_id": str(uuid4())}
    await desk.send(command("c-1", data=data))
    await desk.send(command("c-1", data=data, expirytime="2020-01-01T00:00:00Z"))
    await desk.send(command("c-2", data=data, expirytime="2020-01-01T00:00:00Z"))
    async with kept(desk.keeper(make_inbox())):
        await until(desk.is_empty)
    assert len(await desk.house.said(BookingCanceled)) == 1
    assert len(await desk.house.said(AnswerRepeated)) == 1
    (rejected,) = await desk.rejected()
    assert (rejected.command, rejected.reasons[0].reason) == ("c-2", "expired")


async def test_a_rejection_that_runs_again_is_one(desk: Desk) -> None:
    why = NotUnderstood((Rejection(field="event", reason="missing"),))
    for _ in range(2):
        await reject(desk.house.database, "booking", desk.mailbox, "5-0", {b"other": b"x"}, why)
    assert len(await desk.rejected()) == 1
