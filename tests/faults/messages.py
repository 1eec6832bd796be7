"""What a careless or hostile front-desk system may write into its inbox, made by Hypothesis."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any
from uuid import uuid4

import orjson
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from hypothesis.strategies import SearchStrategy

from events.inbox import MAX_COMMAND_BYTES, inbox_of
from services.app import load
from tests.doors.spoiled import CANARY, Model

FIELD = b"event"
PORTION = 100
"""Made in one run of Hypothesis: in a long one it repeats itself."""

KINDS = ("raw bytes", "broken JSON", "wrong envelope", "wrong data", "wrong types", "huge", "right")


@dataclass(frozen=True)
class Message:
    """One entry of an inbox. `command` is its id, where one can be read."""

    kind: str
    fields: Mapping[bytes, bytes]
    command: str | None = None


def made(rng: Random, count: int) -> list[Message]:
    """So many messages, no two the same."""
    found: dict[object, Message] = {}
    _right_data()

    def collect(message: Message) -> None:
        found[tuple(message.fields.items())] = message

    wanted = settings(max_examples=PORTION, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    while len(found) < count:
        seed(rng.getrandbits(64))(wanted(given(messages())(collect)))()
    return list(found.values())[:count]


def messages() -> SearchStrategy[Message]:
    """Any of them."""
    return some.one_of(_raw(), _broken(), _wrong_envelope(), _wrong_data(), _wrong_types(), _huge(), _right())


# What is written holds the canary where it can, so that it is seen wherever it is repeated.
_text = some.one_of(some.just(CANARY), some.text(max_size=30).map(lambda text: CANARY + text), some.text(max_size=20))
_number = some.one_of(some.integers(), some.integers(10**18, 10**40), some.floats())
_scalar = some.one_of(some.none(), some.booleans(), _number, _text, some.dates().map(str), some.datetimes().map(str), some.uuids().map(str))
_json = some.recursive(
    _scalar, lambda inner: some.one_of(some.lists(inner, max_size=4), some.dictionaries(_text, inner, max_size=4)), max_leaves=6
)

_no_id = some.one_of(some.none(), _number, some.lists(_text, max_size=3), _text.map(lambda text: f"{text} {CANARY}"))
"""What cannot be an id: one that can be is repeated in the answer, and rightly."""


@cache
def _right_data() -> dict[str, dict[str, Any]]:
    """An example of each command, by its type."""
    load("booking")
    shapes = {name: accepted.shape.model_json_schema() for name, accepted in inbox_of("booking").accepted.items()}
    return {name: Model(schema, schema.get("$defs", {})).example() for name, schema in sorted(shapes.items())}


@some.composite
def _examples(draw: Callable[..., Any]) -> dict[str, Any]:
    """A right envelope with right data."""
    kind = draw(some.sampled_from(sorted(_right_data())))
    data = dict(_right_data()[kind])
    for name, value in data.items():
        # What is known to nobody is refused, and what is registered twice is another: ids are new each time.
        if name.endswith("_id"):
            data[name] = str(draw(some.uuids(version=4)))
        elif name in {"given_name", "family_name"}:
            data[name] = CANARY + str(value)
    return {
        "specversion": "1.0",
        "id": f"fd-{draw(some.uuids(version=4))}",
        "source": "urn:asepsis:system:desk",
        "type": kind,
        "data": data,
    }


def _written(envelope: object) -> bytes:
    return json.dumps(envelope).encode()


def _id_of(envelope: Any) -> str | None:
    return envelope["id"] if isinstance(envelope, dict) and isinstance(envelope.get("id"), str) else None


def _message(kind: str, envelope: Any) -> Message:
    return Message(kind, {FIELD: _written(envelope)}, _id_of(envelope))


def _right() -> SearchStrategy[Message]:
    return _examples().map(lambda envelope: _message("right", envelope))


def _raw() -> SearchStrategy[Message]:
    """Bytes in any fields."""
    names = some.one_of(some.just(FIELD), some.binary(min_size=1, max_size=20))
    content = some.one_of(some.binary(max_size=200), some.binary(max_size=50).map(lambda raw: CANARY.encode() + raw))
    return some.dictionaries(names, content, min_size=1, max_size=4).map(lambda fields: Message("raw bytes", fields))


@some.composite
def _broken(draw: Callable[..., Any]) -> Message:
    """A message cut off, or with a byte changed."""
    envelope = draw(_examples())
    whole = bytearray(_written(envelope))
    place = draw(some.integers(0, len(whole) - 1))
    if draw(some.booleans()):
        return Message("broken JSON", {FIELD: bytes(whole[:place])})
    whole[place] = draw(some.integers(0, 255))
    try:
        command = _id_of(orjson.loads(whole))  # it may be right still, under another id
    except orjson.JSONDecodeError:
        command = None
    return Message("broken JSON", {FIELD: bytes(whole)}, command)


@some.composite
def _wrong_envelope(draw: Callable[..., Any]) -> Message:
    """Attributes missing, of other types, or of strangers."""
    envelope = draw(_examples())
    optional = ("time", "datacontenttype", "dataschema", "correlationid", "expirytime", CANARY)
    for name in draw(some.lists(some.sampled_from([*envelope, *optional]), min_size=1, max_size=3, unique=True)):
        if draw(some.booleans()):
            envelope.pop(name, None)
        else:
            envelope[name] = draw(_no_id if name in {"id", "correlationid"} else _json)
    return _message("wrong envelope", draw(some.sampled_from([envelope, envelope, [envelope], {CANARY: envelope}])))


@some.composite
def _wrong_data(draw: Callable[..., Any]) -> Message:
    """Fields missing, of other values, or that nobody asked for."""
    envelope = draw(_examples())
    for _ in range(draw(some.integers(1, 3))):
        data = envelope["data"]
        name = draw(some.sampled_from([*data, CANARY]))
        if draw(some.booleans()):
            data.pop(name, None)
        else:
            data[name] = draw(_scalar)
    return _message("wrong data", envelope)


@some.composite
def _wrong_types(draw: Callable[..., Any]) -> Message:
    """Anything that is JSON, as the whole, as the data, or as a field of it."""
    envelope = draw(_examples())
    where = draw(some.sampled_from(["whole", "data", "field"]))
    if where == "whole":
        return _message("wrong types", draw(_json))
    if where == "data":
        envelope["data"] = draw(_json)
    else:
        envelope["data"][draw(some.sampled_from(sorted(envelope["data"])))] = draw(_json)
    return _message("wrong types", envelope)


@some.composite
def _huge(draw: Callable[..., Any]) -> Message:
    """Too long, too deep, too many."""
    envelope = draw(_examples())
    size = draw(some.sampled_from([1_000, MAX_COMMAND_BYTES - 100, MAX_COMMAND_BYTES, 4 * MAX_COMMAND_BYTES]))
    match draw(some.sampled_from(["text", "deep", "fields", "attribute", "list", "number"])):
        case "text":
            envelope["data"][min(envelope["data"])] = CANARY * (size // len(CANARY))
        case "deep":
            return Message("huge", {FIELD: b'{"data":' * (size // 8)})
        case "fields":
            return Message("huge", {CANARY.encode() + str(n).encode(): b"x" * 20 for n in range(draw(some.integers(1, 300)))})
        case "attribute":
            envelope["comment"] = CANARY * (size // len(CANARY))
        case "list":
            envelope["data"][min(envelope["data"])] = [0] * (size // 3)
        case "number":
            envelope["data"][min(envelope["data"])] = 10 ** min(size // 3, 4_000)
    return _message("huge", envelope)


def right(command: str) -> Message:
    """A registration that must be granted."""
    data = {"client_id": str(uuid4()), "given_name": CANARY, "family_name": CANARY, "date_of_birth": "1990-05-17"}
    event = {"specversion": "1.0", "id": command, "source": "urn:asepsis:system:desk", "type": "client.register", "data": data}
    return _message("right", event)
