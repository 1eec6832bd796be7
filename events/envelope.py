"""Event base, exact bytes, entries, CloudEvents form.

A body is serialised once. The bytes that `body_of` returns are stored and hashed; nobody writes them again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar, cast
from uuid import UUID

import orjson

from schemas.vocabulary import MAX_INTEGER, Actor, Shape

MAX_BODY_BYTES = 32 * 1024

_classes: dict[tuple[str, int], type["Event"]] = {}
_versioned: dict[str, type["Event"]] = {}
"""The same, by the form in the ledger's header: asked for every entry that is read."""


class UnknownEventError(Exception):
    """This program has no class for the type: it waits for an upgrade."""


class UnrecordableError(Exception):
    """A body that must not enter the ledger: too large, a float, an integer no JSON reader keeps."""


class Event(Shape):
    """Something that happened. Subclasses say their type: `class LoadReleased(Event, type="load.released")`.

    `outward` events are published on the clinic's outward stream; `masked` names fields that stay inside.
    A `refusal` is an answer that grants nothing: HTTP says 409 with its findings.
    """

    type: ClassVar[str] = ""
    version: ClassVar[int] = 1
    outward: ClassVar[bool] = False
    refusal: ClassVar[bool] = False
    masked: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(
        cls,
        type: str = "",  # noqa: A002 - the word of the ledger
        version: int = 1,
        *,
        outward: bool = False,
        refusal: bool = False,
        masked: tuple[str, ...] = (),
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        if not type:
            return
        if (type, version) in _classes:
            message = f"two classes for {type}.v{version}"
            raise TypeError(message)
        cls.type, cls.version = type, version
        cls.outward, cls.refusal, cls.masked = outward, refusal, masked
        _classes[type, version] = _versioned[versioned_type(cls)] = cls


E_co = TypeVar("E_co", bound=Event, covariant=True)


def event_classes() -> Mapping[tuple[str, int], type[Event]]:
    """Every event class that was imported, by (type, version)."""
    return _classes


def versioned_type(event: type[Event] | Event) -> str:
    """`booking.confirmed.v1`: the form in the ledger's header."""
    return f"{event.type}.v{event.version}"


@dataclass(frozen=True, slots=True)
class Context:
    """Who and what made a fact: goes into its body beside the data."""

    actor: Actor
    causation: str
    correlation: str | None = None
    policy: int | None = None


def _refuse_unrecordable(value: object) -> None:
    match value:
        case dict():
            for inner in value.values():
                _refuse_unrecordable(inner)
        case list():
            for inner in value:
                _refuse_unrecordable(inner)
        case bool():
            return
        case float():
            message = "no floats in the ledger: use an integer with the unit in its name"
            raise UnrecordableError(message)
        case int() if abs(value) > MAX_INTEGER:
            message = f"{value} is beyond 2^53"
            raise UnrecordableError(message)
        case _:
            return


def body_of(event: Event, context: Context) -> bytes:
    """The one serialisation of an event. Raises `UnrecordableError`."""
    data = event.model_dump(mode="json")
    _refuse_unrecordable(data)
    body = orjson.dumps(
        {
            "actor": context.actor.model_dump(mode="json"),
            "causation": {"id": context.causation, "correlation": context.correlation},
            "policy": context.policy,
            "data": data,
        }
    )
    if len(body) > MAX_BODY_BYTES:
        message = f"{event.type}: {len(body)} bytes, at most {MAX_BODY_BYTES}"
        raise UnrecordableError(message)
    return body


@dataclass(frozen=True, init=False)
class Entry(Generic[E_co]):
    """One event in the ledger at its 0-based index."""

    clinic_id: UUID
    epoch: int
    index: int
    recorded_at: datetime
    event_id: UUID
    type: str
    body: bytes
    chain: bytes

    def __init__(
        self,
        clinic_id: UUID,
        epoch: int,
        index: int,
        recorded_at: datetime,
        event_id: UUID,
        type: str,  # noqa: A002 - the word of the ledger
        body: bytes,
        chain: bytes,
    ) -> None:
        # Half of what a frozen class's own way takes, and a service that catches up makes hundreds of thousands.
        self.__dict__.update(
            clinic_id=clinic_id,
            epoch=epoch,
            index=index,
            recorded_at=recorded_at,
            event_id=event_id,
            type=type,
            body=body,
            chain=chain,
        )

    @property
    def size(self) -> int:
        """The ledger's size with this entry as the last one."""
        return self.index + 1

    @cached_property
    def parts(self) -> dict[str, Any]:
        """The body as JSON: actor, causation, policy, data."""
        return cast("dict[str, Any]", orjson.loads(self.body))

    @cached_property
    def actor(self) -> Actor:
        """Who made it."""
        return Actor.model_validate(self.parts["actor"])

    @property
    def causation(self) -> str:
        """The command's or the causing event's id."""
        return str(self.parts["causation"]["id"])

    @property
    def policy(self) -> int | None:
        """The policy version it was decided under."""
        return cast("int | None", self.parts["policy"])

    @cached_property
    def event(self) -> E_co:
        """The event, lifted to the newest version of its class. Raises `UnknownEventError`."""
        return cast("E_co", read_event(self.type, self.parts["data"]))


def read_event(versioned: str, data: dict[str, Any]) -> Event:
    """The event for a type in the ledger. Raises `UnknownEventError` for one this program does not know."""
    known = _versioned.get(versioned)
    if known is None:
        raise UnknownEventError(versioned)
    return known.model_validate(data)


def knows(versioned: str) -> bool:
    """Whether this program has a class for the type."""
    return versioned in _versioned


def cloud_event(entry: Entry[Event], data: Mapping[str, Any] | None = None, **extensions: str | None) -> bytes:
    """An entry as CloudEvents 1.0 JSON: what streams and feeds carry."""
    parts = entry.parts
    event = {
        "specversion": "1.0",
        "id": str(entry.event_id),
        "source": f"urn:asepsis:clinic:{entry.clinic_id}",
        "type": entry.type.rpartition(".v")[0],
        "time": entry.recorded_at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"urn:asepsis:schema:{entry.type}",
        "sequence": f"{entry.epoch}-{entry.size}",
        "causationid": parts["causation"]["id"],
        "correlationid": parts["causation"]["correlation"],
        **extensions,
        "data": parts["data"] if data is None else data,
    }
    return orjson.dumps({name: value for name, value in event.items() if value is not None})
