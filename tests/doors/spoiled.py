"""Bodies spoiled in every way, made from the schema of a request: what a careless or hostile sender may write."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

CANARY = "Canary7Bird"
"""Stands wherever a value of the sender's stands; must be read nowhere."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Spoiled:
    """A body and what is wrong with it. `field` is where the answer must point, `None` for the whole."""

    how: str
    body: bytes
    field: str | None = None
    content_type: str = "application/json"


class Model:
    """A request's JSON schema, with the definitions that it refers to."""

    def __init__(self, schema: Json, definitions: Json) -> None:
        self.definitions = definitions
        self.schema = self.resolved(schema)

    def resolved(self, schema: Json) -> Json:
        """The schema behind references and optionals: its first branch that is not null."""
        while True:
            if "$ref" in schema:
                schema = self.definitions[schema["$ref"].rpartition("/")[2]]
            elif "allOf" in schema:
                schema = schema["allOf"][0]
            elif branches := schema.get("anyOf") or schema.get("oneOf"):
                schema = next(branch for branch in branches if branch.get("type") != "null")
            else:
                return schema

    def example(self, schema: Json | None = None) -> Any:  # noqa: PLR0911 - one for each type of JSON
        """Something of the right shape: every required field, and those that are there anyhow."""
        schema = self.schema if schema is None else self.resolved(schema)
        for word in ("const", "default"):
            if schema.get(word) is not None:
                return schema[word]
        if "enum" in schema:
            return schema["enum"][0]
        match schema.get("type"):
            case "object" if "properties" in schema:
                required = schema.get("required", ())
                return {name: self.example(part) for name, part in schema["properties"].items() if name in required}
            case "array":
                return [self.example(schema["items"])] * max(schema.get("minItems", 0), 1)
            case "integer" | "number":
                return schema.get("minimum", 1)
            case "boolean":
                return True
            case "string":
                return _text(schema)
            case _:
                return {}

    def fields(self, schema: Json | None = None, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Json]]:
        """Every field of the example, also inside of others, with its schema."""
        schema = self.schema if schema is None else self.resolved(schema)
        for name, part in schema.get("properties", {}).items():
            inside = self.resolved(part)
            yield (*path, name), inside
            if name in schema.get("required", ()):
                yield from self.fields(inside, (*path, name))
                if inside.get("type") == "array" and "properties" in self.resolved(inside["items"]):
                    yield from self.fields(inside["items"], (*path, name, 0))


def _text(schema: Json) -> str:
    kinds = {
        "uuid": str(UUID(int=random.getrandbits(128), version=4)),
        "date-time": "2026-11-23T09:00:00+01:00",
        "date": "1990-05-17",
    }
    if schema.get("format") in kinds:
        return kinds[schema["format"]]
    for candidate in ("one", "1" * 64, "12345678901234", "a" * 64, "en", "+31201234567", "noor@example.org", "Europe/Amsterdam"):
        if len(candidate) <= schema.get("maxLength", 10_000) and _fits(schema.get("pattern"), candidate):
            return candidate
    return "x"


def _fits(pattern: str | None, text: str) -> bool:
    import re

    return pattern is None or re.search(pattern, text) is not None


def _put(body: Any, path: tuple[str | int, ...], value: object) -> Any:
    """A copy with one field changed."""
    copy: Any = json.loads(json.dumps(body))
    inside = copy
    for part in path[:-1]:
        inside = inside[part]
    inside[path[-1]] = value
    return copy


def _without(body: Any, path: tuple[str | int, ...]) -> Any:
    copy = json.loads(json.dumps(body))
    inside = copy
    for part in path[:-1]:
        inside = inside[part]
    del inside[path[-1]]
    return copy


def _wrong_values(schema: Json) -> Iterator[tuple[str, object]]:
    """What the field's own schema refuses."""
    yield "wrong type", {CANARY: CANARY} if schema.get("type") != "object" else CANARY
    match schema.get("type"):
        case "string":
            yield "number for text", 7
            yield "seconds since 1970", 86_400
            yield "a zero byte", "a\x00b"
            if schema.get("format") == "date-time":
                yield "naive time", "2026-11-23T09:00:00"
                yield "no time", CANARY
            formless = CANARY + " é\u202e\n'--"
            if schema.get("format") in {"uuid", "date"} or "enum" in schema or not _fits(schema.get("pattern"), formless):
                yield "not in the form", formless
            if "maxLength" in schema:
                yield "too long", CANARY * (schema["maxLength"] // len(CANARY) + 1)
        case "integer":
            yield "text for number", CANARY
            yield "huge number", 10**40
            yield "fraction", 1.5
        case "boolean":
            yield "text for yes or no", CANARY
        case "array":
            yield "text for a list", CANARY
            yield "list of nonsense", [{CANARY: CANARY}]


def _shown(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path)


def by_field(model: Model) -> Iterator[Spoiled]:
    """One wrong field at a time."""
    example = model.example()
    for path, schema in model.fields():
        try:
            if path[-1] in _at(example, path[:-1]):
                yield Spoiled(f"{_shown(path)} missing", json.dumps(_without(example, path)).encode(), _shown(path))
            for how, value in _wrong_values(schema):
                yield Spoiled(f"{_shown(path)}: {how}", json.dumps(_put(example, path, value)).encode(), _shown(path))
        except (KeyError, IndexError, TypeError):
            continue  # a field inside of one that the example does not have


def _at(body: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        body = body[part]
    return body


def as_a_whole(model: Model) -> Iterator[Spoiled]:
    """What is wrong with the whole body."""
    example = json.dumps(model.example()).encode()
    first = next(iter(model.schema["properties"]))
    inner = example[1:-1]
    yield Spoiled("unknown field", json.dumps({**model.example(), CANARY.lower(): CANARY}).encode())
    yield Spoiled("no JSON", b'{"' + CANARY.encode() + b'": ')
    yield Spoiled("empty", b"")
    yield Spoiled("no object", json.dumps([CANARY]).encode())
    yield Spoiled("not a number", b'{"%s": NaN, "x": "%s"}' % (first.encode(), CANARY.encode()))
    yield Spoiled("infinite", b'{"%s": -Infinity}' % first.encode())
    yield Spoiled(
        "duplicate key",
        b'{"%s": {"%s": 1}, %s, "%s": "%s"}' % (first.encode(), CANARY.encode(), inner or b'"z": 1', first.encode(), b"\\u0000"),
    )
    yield Spoiled("no UTF-8", b'{"%s": "\xff\xfe"}' % first.encode())
    yield Spoiled("lone surrogate", b'{"%s": "\\ud800"}' % first.encode())
    yield Spoiled("very deep", b"[" * 100_000)
    yield Spoiled("not JSON by its type", CANARY.encode(), content_type="text/plain")
    yield Spoiled("a form", f"{first}={CANARY}".encode(), content_type="application/x-www-form-urlencoded")
