"""Bad input at every door: a clear, complete error that names the field and repeats no value, and nothing changed."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel

from events.inbox import Accepted, NotUnderstood, inbox_of, understand, work_entry
from events.mailboxes import Mailbox
from schemas.access import COMMANDS
from schemas.vocabulary import Role
from services.app import load
from services.problems import MAX_REQUEST_BYTES
from tests.doors.conftest import Door
from tests.doors.spoiled import CANARY, Model, Spoiled, as_a_whole, by_field
from tests.doors.test_access_matrix import command_of, filled, is_problem, routes

load("booking")
ACCEPTED = sorted(inbox_of("booking").accepted.values(), key=lambda accepted: accepted.name)


def model_of(shape: type[BaseModel]) -> Model:
    schema = shape.model_json_schema()
    return Model(schema, schema.get("$defs", {}))


def doors_with_a_body() -> Iterator[Any]:
    for route in routes():
        command = command_of(route)
        if command is not None and route.body_field is not None:
            yield pytest.param(route, command, id=f"{min(route.methods or ())} {route.path}")


DOORS = list(doors_with_a_body())


def shape_of(route: APIRoute) -> type[BaseModel]:
    assert route.body_field is not None
    shape: type[BaseModel] = route.body_field.field_info.annotation  # type: ignore[assignment]
    return shape


def points_at(named: str, wrong: str) -> bool:
    """Whether a field's name leads to the wrong one: parts of it may be kinds (`signature.drawn.strokes`), or what decides the kind."""
    parts = iter(named.split("."))
    wanted = wrong.split(".")
    return all(part in parts for part in wanted) or (wanted[-1] == "method" and named == ".".join(wanted[:-1]))


class Knocking:
    """Somebody who may pass a door, and writes nonsense."""

    def __init__(self, door: Door, route: APIRoute, command: str) -> None:
        self.door = door
        self.method = min(route.methods or ())
        self.path = filled(route.path.replace("{form_version}", "1"), door.house.clinic_id).replace("/technician/", "/auditor/")
        self.role = min(COMMANDS[command] & set(door.tokens))

    async def knock(self, content: Any, content_type: str = "application/json") -> Any:
        return await self.door.ask(self.method, self.path, self.role, content=content, headers={"Content-Type": content_type})

    async def wrong_with(self, spoiled: Spoiled) -> str | None:
        """What is wrong with the answer to a spoiled body; nothing, if it is a good one."""
        answer = await self.knock(spoiled.body, spoiled.content_type)
        shown = f"{spoiled.how}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code != 422:
            return f"not refused: {shown}"
        if not is_problem(answer.status_code, answer.headers["content-type"], answer.json()):
            return f"no problem document: {shown}"
        if CANARY.lower() in answer.text.lower():
            return f"repeats what was sent: {shown}"
        fields = [finding["field"] for finding in answer.json().get("findings", ())]
        if not fields:
            return f"names no field: {shown}"
        if spoiled.field is not None and not any(points_at(field, f"body.{spoiled.field}") for field in fields):
            return f"names {fields}: {shown}"
        return None


@pytest.mark.parametrize(("route", "command"), DOORS)
async def test_a_wrong_body_is_refused_by_field_and_changes_nothing(door: Door, route: APIRoute, command: str) -> None:
    knocking, model = Knocking(door, route, command), model_of(shape_of(route))
    before = len(await door.house.entries())
    tried = [*by_field(model), *as_a_whole(model)]
    assert len(tried) > 10
    wrong = [found for found in [await knocking.wrong_with(spoiled) for spoiled in tried] if found]
    assert not wrong, "\n".join(wrong)
    assert len(await door.house.entries()) == before


@pytest.mark.parametrize(("route", "command"), DOORS)
async def test_too_large_a_body_is_not_read(door: Door, route: APIRoute, command: str) -> None:
    knocking = Knocking(door, route, command)
    before = len(await door.house.entries())
    sent = 0

    async def in_pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(32):
            sent += 65_536
            yield b" " * 65_536

    whole = await knocking.knock(b"[" + b" " * 2 * MAX_REQUEST_BYTES)
    pieces = await knocking.knock(in_pieces())
    for answer in (whole, pieces):
        assert answer.status_code == 413, answer.text
        assert is_problem(413, answer.headers["content-type"], answer.json())
    assert len(await door.house.entries()) == before


def test_every_way_to_write_is_tried() -> None:
    assert len(DOORS) > 35
    assert len(ACCEPTED) == 7


def envelope(accepted: Accepted, data: bytes) -> dict[bytes, bytes]:
    head = {"specversion": "1.0", "id": f"c-{uuid4()}", "source": "urn:asepsis:system:desk", "type": accepted.name}
    return {b"event": orjson.dumps(head)[:-1] + b',"data":' + data + b"}"}


@pytest.mark.parametrize("accepted", ACCEPTED, ids=lambda accepted: accepted.name)
def test_a_wrong_command_is_not_understood_by_field(accepted: Accepted) -> None:
    model = model_of(accepted.shape)
    wrong: list[str] = []
    for spoiled in [*by_field(model), *as_a_whole(model)]:
        if spoiled.content_type != "application/json":
            continue
        found = understand(inbox_of("booking"), envelope(accepted, spoiled.body))
        if not isinstance(found, NotUnderstood):
            wrong.append(f"{spoiled.how} was understood: {spoiled.body[:200]!r}")
            continue
        fields = [reason.field for reason in found.reasons]
        if CANARY.lower() in repr(found).lower():
            wrong.append(f"{spoiled.how} repeats what was sent: {found}")
        if spoiled.field is not None and not any(points_at(field, f"data.{spoiled.field}") for field in fields):
            wrong.append(f"{spoiled.how}: {fields}")
    assert not wrong, "\n".join(wrong)


ENVELOPES: list[tuple[str, dict[bytes, bytes]]] = [
    ("no field", {b"something": CANARY.encode()}),
    ("no JSON", {b"event": b'{"id": "' + CANARY.encode()}),
    ("no UTF-8", {b"event": b"\xff\xfe" + CANARY.encode()}),
    ("no object", {b"event": json.dumps([CANARY]).encode()}),
    ("null", {b"event": b"null"}),
    ("very deep", {b"event": b"[" * 60_000}),
    ("too large", {b"event": b'"' + CANARY.encode() * 10_000 + b'"'}),
    (
        "another version",
        {b"event": json.dumps({"specversion": CANARY, "id": "c-1", "source": "s", "type": "client.register", "data": {}}).encode()},
    ),
    (
        "an id with a blank",
        {b"event": json.dumps({"specversion": "1.0", "id": CANARY + " x", "source": "s", "type": "client.register", "data": {}}).encode()},
    ),
    (
        "a type nobody knows",
        {b"event": json.dumps({"specversion": "1.0", "id": "c-2", "source": "s", "type": CANARY, "data": {}}).encode()},
    ),
    (
        "text for data",
        {b"event": json.dumps({"specversion": "1.0", "id": "c-3", "source": "s", "type": "client.register", "data": CANARY}).encode()},
    ),
    (
        "naive time",
        {
            b"event": json.dumps(
                {"specversion": "1.0", "id": "c-4", "source": "s", "type": "client.register", "time": "2026-11-23T09:00:00", "data": {}}
            ).encode()
        },
    ),
    (
        "a name of its own",
        {
            b"event": json.dumps(
                {"specversion": "1.0", "id": "c-5", "source": "s", "type": "client.register", "data": {CANARY: CANARY}}
            ).encode()
        },
    ),
    (
        "NaN",
        {
            b"event": b'{"specversion": "1.0", "id": "c-6", "source": "s", "type": "client.register", "data": {"a": NaN, "b": "'
            + CANARY.encode()
            + b'"}}'
        },
    ),
]


@pytest.mark.parametrize(("how", "fields"), ENVELOPES, ids=[how for how, _ in ENVELOPES])
async def test_a_wrong_envelope_is_rejected_without_its_values(door: Door, how: str, fields: dict[bytes, bytes]) -> None:
    house = door.house
    before = len(await house.entries())
    mailbox = Mailbox(house.clinic_id, "desk", uuid4())
    entry_id = f"{uuid4().int % 10**9}-0"
    for _ in range(2):
        await work_entry(house.database, inbox_of("booking"), mailbox, entry_id, fields)
    entries = (await house.entries())[before:]
    assert [entry.type for entry in entries] == ["command.rejected.v1"]
    assert entries[0].parts["data"]["reasons"]
    assert CANARY.lower().encode() not in entries[0].body.lower()


async def test_nothing_that_was_written_stands_in_the_ledger(door: Door) -> None:
    """After all of the above: no body of any entry has a value of it."""
    bodies = b"".join(entry.body for entry in await door.house.entries())
    assert CANARY.lower().encode() not in bodies.lower()
    assert Role.SYSTEM.value.encode() in bodies
