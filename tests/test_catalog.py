"""What an event may hold: ids, codes, dates, verdicts. Never a name, a contact, a date of birth, free text, a health answer."""

import datetime as dt
import enum
import types
import typing
from collections.abc import Iterator
from typing import Annotated, Any, get_args, get_origin
from uuid import UUID

import pytest
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from events.catalog import PUBLISHERS
from events.envelope import Event, event_classes
from schemas.policy import Policy

EVENTS = sorted(event_classes().values(), key=lambda event: event.type)

SUSPECT = (
    "name",
    "email",
    "phone",
    "contact",
    "birth",
    "address",
    "note",
    "text",
    "comment",
    "answer",
    "symptom",
    "pregnan",
    "medication",
    "photo",
)
"""Parts of field names that speak of what must stay beside the ledger."""

KNOWN_HARMLESS = {
    "client.registered.contactable",  # yes or no
    "client.arrived.contactable",
    "treatment.ended.needle_contact",  # whether the skin was touched
    "treatment.recorded_late.needle_contact",
    "record.viewed.answers",  # how many records a question showed
    "checkin.answered.answered_at",
    "screening.answered.answered_at",
    "form.published.text_digest",  # a hash
    "consent.signed.text_digest",
    "consent.declined.text_digest",
}


def leaves(annotation: Any, metadata: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Every type that a value of this annotation can be made of, with its constraints."""
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        yield from leaves(inner, (*metadata, *more))
    elif origin in (typing.Union, types.UnionType):
        for part in get_args(annotation):
            yield from leaves(part, metadata)
    elif origin in (tuple, list, frozenset, dict):
        for part in get_args(annotation):
            if part is not Ellipsis:
                yield from leaves(part)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation is not Policy:  # numbers with their own test: tests/rules/test_policy.py
            for field in annotation.model_fields.values():
                yield from leaves(field.annotation, tuple(field.metadata))
    else:
        yield annotation, metadata


def _pattern(metadata: tuple[Any, ...]) -> str | None:
    for constraint in metadata:
        found = constraint.metadata if isinstance(constraint, FieldInfo) else [constraint]
        for one in found:
            if getattr(one, "pattern", None):
                return str(one.pattern)
    return None


def test_there_are_events_of_every_service() -> None:
    assert set(PUBLISHERS) == {"booking", "consent", "hygiene", "treatment", "recovery", "compliance"}
    assert len(EVENTS) > 50


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_holds_only_ids_codes_numbers_and_instants(event: type[Event]) -> None:
    for name, field in event.model_fields.items():
        for leaf, metadata in leaves(field.annotation, tuple(field.metadata)):
            where = f"{event.type}.{name}: {leaf}"
            if get_origin(leaf) is typing.Literal or leaf in (UUID, int, bool, type(None), dt.datetime, AwareDatetime, dt.date):
                continue
            if isinstance(leaf, type) and issubclass(leaf, enum.Enum):
                continue
            assert leaf is str, where
            pattern = _pattern(metadata)
            assert pattern is not None, f"{where} is free text"
            with pytest.raises(ValidationError):
                TypeAdapter(Annotated[str, *metadata]).validate_python("Ana Müller, born 1990, has a fever")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_no_field_is_named_like_personal_data(event: type[Event]) -> None:
    for name in event.model_fields:
        if f"{event.type}.{name}" not in KNOWN_HARMLESS:
            assert not any(part in name for part in SUSPECT), f"{event.type}.{name}"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_type_is_a_thing_and_a_past(event: type[Event]) -> None:
    assert "." in event.type
    assert event.__doc__, event.type
    assert set(event.masked) <= set(event.model_fields)
    if event.refusal:
        assert "findings" in event.model_fields


def test_a_reused_type_is_refused() -> None:
    with pytest.raises(TypeError, match="two classes"):

        class _Twice(Event, type="clinic.opened"):
            pass
