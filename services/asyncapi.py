"""The AsyncAPI document, from the code: every command an inbox takes, every event that leaves, with examples."""

from typing import Any

from pydantic.json_schema import models_json_schema

from events.catalog import PUBLISHERS
from events.envelope import Event, event_classes
from events.inbox import CommandEnvelope, inbox_of
from events.relay import outward_types
from schemas.sentences import Said

REFERENCE = "#/components/schemas/{model}"

INFO = {
    "title": "Asepsis streams",
    "version": "1",
    "description": "Commands in, events out, over Redis streams. One field, `event`: CloudEvents 1.0 JSON."
    " XADD is not acceptance: the answer on the clinic's stream is. No answer in 10 s: send the same id again.",
}
CLINIC = {"description": "The clinic's UUID."}
INBOX = {
    "address": "{clinic:{clinicId}}:inbox:{system}",
    "description": "One inbox per front-desk system: XADD <key> * event '<CloudEvents JSON>'."
    " Worked in order; entries are deleted once answered.",
    "parameters": {"clinicId": CLINIC, "system": {"description": "The system's name; the key says who speaks."}},
}
EVENTS = {
    "address": "{clinic:{clinicId}}:events",
    "description": "What happened: XREAD BLOCK 4000 STREAMS <key> <last id>. Ids <epoch>-<size>, rising with gaps; kept for 7 days.",
    "parameters": {"clinicId": CLINIC},
}


def _message(name: str, title: str, payload: dict[str, Any], summary: str, examples: list[Any]) -> dict[str, Any]:
    message: dict[str, Any] = {
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": "application/cloudevents+json",
        "payload": payload,
    }
    if examples:
        message["examples"] = [{"name": name, "payload": example} for example in examples]
    return message


def _envelope(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "maxLength": 64, "pattern": "^[A-Za-z0-9._:-]+$"},
            "source": {"type": "string"},
            "type": {"const": type_},
            "time": {"type": "string", "format": "date-time"},
            "correlationid": {"type": "string", "maxLength": 64},
            "data": data,
        },
    }


def _example(type_: str, data: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "8f0c2f7e-3a51-4c0e-9b55-0f8f5a8f5d10",
        "source": "urn:asepsis:system:frontdesk",
        "type": type_,
        "time": "2026-11-23T09:00:00Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def _outward_extensions(schema: dict[str, Any]) -> dict[str, Any]:
    extra = {
        "sequence": {"type": "string", "description": "The entry's id in the stream: <epoch>-<size>."},
        "previous": {"type": "string", "description": "The id before it; another one before it means that something is missing."},
        "causationid": {"type": "string", "description": "The id of the command that this answers."},
        "correlationid": {"type": "string", "description": "Echoed from the command."},
    }
    return schema | {"properties": schema["properties"] | extra}


def _outgoing() -> list[type[Event]]:
    known = event_classes()
    return [
        known[name.rpartition(".v")[0], int(name.rpartition(".v")[2])] for name in outward_types() if not name.startswith("answer.repeated")
    ]


def _as_it_leaves(event: type[Event], schema: dict[str, Any], said: dict[str, Any]) -> None:
    """Without what the event masks, and with its findings in plain words (`events.relay.outward_data`)."""
    schema["properties"] = {name: shown for name, shown in schema.get("properties", {}).items() if name not in event.masked}
    schema["required"] = [name for name in schema.get("required", ()) if name not in event.masked]
    if "findings" in schema["properties"]:
        schema["properties"]["findings"] = {"type": "array", "items": said}


def describe() -> dict[str, Any]:
    """The document. Needs the services' handlers to be imported: they say what inboxes accept."""
    accepted = [found for service in PUBLISHERS for found in inbox_of(service).accepted.values()]
    outgoing = _outgoing()
    references, definitions = models_json_schema(
        [(found.shape, "validation") for found in accepted]
        + [(event, "serialization") for event in outgoing]
        + [(CommandEnvelope, "validation"), (Said, "serialization")],
        ref_template=REFERENCE,
    )
    schemas = definitions["$defs"]
    for event in outgoing:
        _as_it_leaves(event, schemas[references[event, "serialization"]["$ref"].rpartition("/")[2]], references[Said, "serialization"])
    commands = {
        found.name: _message(
            found.name,
            found.name,
            _envelope(found.name, references[found.shape, "validation"]),
            (found.shape.__doc__ or "").strip(),
            [_example(found.name, example) for example in (found.shape.model_json_schema().get("examples") or [])],
        )
        for found in accepted
    }
    events = {
        event.type: _message(
            event.type,
            event.type,
            _outward_extensions(_envelope(event.type, references[event, "serialization"])),
            (event.__doc__ or "").strip(),
            [],
        )
        for event in outgoing
    }
    return {
        "asyncapi": "3.0.0",
        "info": INFO,
        "channels": {
            "inbox": INBOX | {"messages": {name: {"$ref": f"#/components/messages/{name}"} for name in commands}},
            "events": EVENTS | {"messages": {name: {"$ref": f"#/components/messages/{name}"} for name in events}},
        },
        "operations": {
            "sendCommand": {"action": "receive", "channel": {"$ref": "#/channels/inbox"}},
            "readEvents": {"action": "send", "channel": {"$ref": "#/channels/events"}},
        },
        "components": {"messages": commands | events, "schemas": schemas},
    }
