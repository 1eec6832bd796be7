"""The AsyncAPI document, from the code: every command an inbox takes, every event that leaves, with examples."""

from typing import Any

from pydantic.json_schema import models_json_schema

from events.catalog import PUBLISHERS
from events.catalog.booking import CommandRejected
from events.envelope import Event, event_classes, versioned_type
from events.inbox import MAX_COMMAND_BYTES, CommandEnvelope, inbox_of
from events.outward import outward_data, outward_types
from schemas.sentences import Said
from services.event_examples import event_examples

REFERENCE = "#/components/schemas/{model}"

INFO = {
    "title": "Asepsis streams",
    "version": "1",
    "description": f"""Commands in, events out, over Redis streams. One field, `event`: CloudEvents 1.0 JSON,
at most {MAX_COMMAND_BYTES} bytes.

XADD is not acceptance: the answer on the clinic's stream is; its `causationid` is the command's `id`. No answer in 10 s: send the same
id with the same content again, and the same answer comes again.

An event's `previous` is the id of the one before it. If that is not the last id you have, some are missing: ask
`GET /clinics/{{clinic}}/events?after=<last id you have>` for them, over HTTP. So after a pause of more than 7 days, too.""",
}
SERVERS = {
    "streams": {
        "host": "localhost:6379",
        "protocol": "redis",
        "description": "The clinic's own Redis or Valkey: the host of ASEPSIS_REDIS_URL. `asepsis up` prints the Unix socket of its own."
        " Each system has its own login, which may only write its inbox and read its clinic's events.",
    }
}
REASONS = {
    "missing": "The field `event`, or a required field, is not there.",
    "too_large": f"The entry has more than {MAX_COMMAND_BYTES} bytes (64 KiB).",
    "json_invalid": "It is not JSON. `causationid` is the entry's id in the inbox then, as no `id` could be read.",
    "unknown_type": "No command of this type is accepted here.",
    "not_allowed": "Systems may not give this command, or this system was disconnected.",
    "id_reused": "The same `id` was used with other content. Nothing was changed.",
    "expired": "`expirytime` had passed before the command was decided.",
    "gave_up": "The command could not be worked several times over and was not decided: send it again. An operator has it too.",
    "id_from_the_future": "The inbox was written to with a forged entry id, and was emptied: send the command again.",
    "anything else": "The type of a field's error (`uuid_parsing`, `extra_forbidden`, …), with the field and its limit, never its value.",
}
"""`reasons[].reason` of `command.rejected`."""
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
            "datacontenttype": {"const": "application/json"},
            "dataschema": {"type": "string"},
            "data": data,
        },
    }


def _command(type_: str, data: dict[str, Any]) -> dict[str, Any]:
    schema = _envelope(type_, data)
    schema["properties"]["expirytime"] = {
        "type": "string",
        "format": "date-time",
        "description": "Not decided after this moment, but answered with `command.rejected`, reason `expired`.",
    }
    return schema


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


def _event_example(event: Event) -> dict[str, Any]:
    """As `events.envelope.cloud_event` makes it: a command of the example's system and its answer belong together."""
    return _example(event.type, outward_data(event)) | {
        "id": "0b0a51a5-0c2b-5d2c-8a55-6d2a1f0c9e77",
        "source": "urn:asepsis:clinic:3d9a1f0c-7c1e-4a7e-9a53-2f8f3e5b6c11",
        "time": "2026-11-23T09:00:00.128471Z",
        "dataschema": f"urn:asepsis:schema:{versioned_type(event)}",
        "sequence": "1-42",
        "previous": "1-40",
        "causationid": "8f0c2f7e-3a51-4c0e-9b55-0f8f5a8f5d10",
    }


def _outward_extensions(schema: dict[str, Any]) -> dict[str, Any]:
    extra = {
        "sequence": "The entry's id in the stream: <epoch>-<size>.",
        "previous": "The id before it. Not the last you have? `GET /clinics/{clinic}/events?after=` has what is missing.",
        "causationid": "The id of the command that this answers; of a command that could not be read, its entry's id in the inbox.",
        "correlationid": "Echoed from the command.",
    }
    described = {name: {"type": "string", "description": words} for name, words in extra.items()}
    return schema | {"properties": schema["properties"] | described}


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
    schemas, examples = definitions["$defs"], event_examples()
    for event in outgoing:
        _as_it_leaves(event, schemas[references[event, "serialization"]["$ref"].rpartition("/")[2]], references[Said, "serialization"])
    commands = {
        found.name: _message(
            found.name,
            found.name,
            _command(found.name, references[found.shape, "validation"]),
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
            [_event_example(examples[event])],
        )
        for event in outgoing
    }
    events[CommandRejected.type]["description"] = "\n".join(f"* `{reason}`: {words}" for reason, words in REASONS.items())
    return {
        "asyncapi": "3.0.0",
        "info": INFO,
        "servers": SERVERS,
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
