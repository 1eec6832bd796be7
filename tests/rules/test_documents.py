"""The documents a stranger integrates from: whole, well-formed, with examples that our own shapes accept."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from events.inbox import FIELD, Understood, inbox_of, understand
from services.documents import asyncapi, openapi
from services.openapi import PROBLEM, operations


@pytest.fixture(scope="module")
def http() -> dict[str, Any]:
    return openapi()


@pytest.fixture(scope="module")
def streams() -> dict[str, Any]:
    return asyncapi()


def references(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for name, inner in value.items():
                if name == "$ref" and isinstance(inner, str):
                    yield inner
                else:
                    yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def resolve(document: dict[str, Any], reference: str) -> Any:
    assert reference.startswith("#/"), reference
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        assert step in found, reference
        found = found[step]
    return found


@pytest.mark.parametrize("document", ["http", "streams"])
def test_every_reference_resolves_and_every_schema_is_one(document: str, request: pytest.FixtureRequest) -> None:
    whole = request.getfixturevalue(document)
    for reference in set(references(whole)):
        resolve(whole, reference)
    for schema in whole["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_openapi_is_3_1_with_unique_speaking_ids(http: dict[str, Any]) -> None:
    assert re.fullmatch(r"3\.1\.\d+", http["openapi"])
    assert http["info"]["title"]
    assert len(http["info"]["description"]) > 100
    ids = [operation["operationId"] for _, _, operation in operations(http)]
    assert len(ids) == len(set(ids)) > 50
    assert "treatment_post_treatment" in ids


def test_every_operation_is_titled_described_and_has_its_path_parameters(http: dict[str, Any]) -> None:
    for method, path, operation in operations(http):
        assert operation["summary"], path
        assert operation["description"], path
        assert operation["tags"], path
        named = {found["name"] for found in operation.get("parameters", []) if found["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), (method, path)


def test_every_way_to_fail_is_a_problem_document(http: dict[str, Any]) -> None:
    for method, path, operation in operations(http):
        responses = operation["responses"]
        assert "503" in responses, path
        if path.startswith("/clinics/"):
            assert {"401", "403", "404", "422"} <= set(responses), (method, path)
            assert operation["security"] == [{"token": []}]
        if method in {"put", "delete"}:
            assert "409" in responses, (method, path)
        for status, response in responses.items():
            if status >= "400" and path != "/health/ready":
                assert list(response["content"]) == [PROBLEM], (method, path, status)
    assert "HTTPValidationError" not in http["components"]["schemas"]


def test_every_operation_of_a_clinic_says_which_roles_may(http: dict[str, Any]) -> None:
    for method, path, operation in operations(http):
        if path.startswith("/clinics/"):
            assert "\n\nFor: " in operation["description"], (method, path)
    start = http["paths"]["/clinics/{clinic}/treatments"]["post"]
    assert start["x-roles"] == ["clinician", "practitioner"]
    assert "only practitioner, clinician may" in start["responses"]["403"]["description"]


def test_every_body_has_an_example_that_fits(http: dict[str, Any]) -> None:
    missing: list[str] = []
    for method, path, operation in operations(http):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            schema = media["schema"]
            found = resolve(http, schema["$ref"]) if "$ref" in schema else schema
            examples = found.get("examples") or media.get("examples")
            if not examples:
                missing.append(f"{method} {path}")
                continue
            whole = found | {"components": http["components"]}
            for example in examples:
                Draft202012Validator(whole).validate(example)
    assert missing == []


def test_asyncapi_is_3_0_and_its_channels_and_operations_hang_together(streams: dict[str, Any]) -> None:
    assert streams["asyncapi"] == "3.0.0"
    for channel in streams["channels"].values():
        named = set(re.findall(r"\{(\w+)\}", channel["address"]))
        assert named == set(channel["parameters"])
        assert channel["description"]
        assert channel["messages"]
    for operation in streams["operations"].values():
        assert operation["action"] in {"send", "receive"}
        resolve(streams, operation["channel"]["$ref"])


def test_every_accepted_command_has_an_example_that_we_accept(streams: dict[str, Any]) -> None:
    inbox = inbox_of("booking")
    assert set(resolve(streams, "#/channels/inbox/messages")) == set(inbox.accepted)
    for name in inbox.accepted:
        message = streams["components"]["messages"][name]
        assert message["summary"], name
        assert message["examples"], name
        for example in message["examples"]:
            Draft202012Validator(message["payload"] | {"components": streams["components"]}).validate(example["payload"])
            found = understand(inbox, {FIELD: json.dumps(example["payload"]).encode()})
            assert isinstance(found, Understood), (name, found)


def test_what_a_sender_must_know_is_said(streams: dict[str, Any]) -> None:
    rejected = streams["components"]["messages"]["command.rejected"]["description"]
    for reason in ("id_reused", "expired", "too_large", "unknown_type", "not_allowed", "json_invalid"):
        assert f"`{reason}`" in rejected
    assert "65536 bytes" in streams["info"]["description"]
    assert "/events?after=" in streams["info"]["description"]
    assert "expirytime" in streams["components"]["messages"]["booking.request"]["payload"]["properties"]
    assert streams["servers"]["streams"]["protocol"] == "redis"


def test_every_event_that_leaves_is_described_without_what_stays_inside(streams: dict[str, Any]) -> None:
    messages = resolve(streams, "#/channels/events/messages")
    assert {"booking.confirmed", "booking.refused", "command.rejected"} <= set(messages)
    for name in messages:
        message = streams["components"]["messages"][name]
        assert message["summary"], name
        payload = message["payload"]
        assert {"sequence", "previous", "causationid"} <= set(payload["properties"])
        (example,) = message["examples"]
        Draft202012Validator(payload | {"components": streams["components"]}).validate(example["payload"])
        assert not set(example["payload"]) - set(payload["properties"]), name
        for finding in example["payload"]["data"].get("findings", ()):
            assert finding["reason"] != finding["rule"].replace("_", " "), name
    arrived = streams["components"]["messages"]["client.arrived"]["payload"]["properties"]["data"]
    shown = resolve(streams, arrived["$ref"]) if "$ref" in arrived else arrived
    assert "age_band" not in shown["properties"]
