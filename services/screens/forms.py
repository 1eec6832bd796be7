"""What a plain form sends."""

from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from schemas.sentences import Said
from schemas.vocabulary import Verdict
from services.door import COMMAND_ID

MOST_FIELDS = 200

S = TypeVar("S", bound=BaseModel)


class Fields:
    """The fields of a form; those left empty are not there."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = [(name, value.strip()) for name, value in pairs if value.strip()]

    def one(self, name: str) -> str | None:
        """A field's value."""
        return next((value for known, value in self._pairs if known == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """The values of a field that may be chosen several times."""
        return tuple(value for known, value in self._pairs if known == name)

    def given(self, *names: str) -> dict[str, str]:
        """Those of the named fields that are there."""
        return {name: value for name in names if (value := self.one(name)) is not None}


async def _sent(request: Request) -> Fields:
    try:
        return Fields(parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as unreadable:  # no UTF-8, or far too many fields
        raise RequestValidationError([{"type": "form", "loc": ("body",), "msg": "This is no form of ours."}]) from unreadable


Sent = Annotated[Fields, Depends(_sent)]
"""A posted form."""


def asked_of(request: Request) -> Fields:
    """The same from an address."""
    return Fields(list(request.query_params.multi_items()))


def understood(shape: type[S], values: dict[str, Any]) -> S:
    """The values as a request of ours. Raises `RequestValidationError` with every field that is wrong."""
    try:
        return shape.model_validate(values)
    except ValidationError as wrong:
        found = [{"type": error["type"], "loc": ("body", *error["loc"]), "msg": error["msg"]} for error in wrong.errors(include_url=False)]
        raise RequestValidationError(found) from wrong


def wrong(field: str, message: str) -> RequestValidationError:
    """A field that cannot be understood, and what to do."""
    return RequestValidationError([{"type": field, "loc": ("body", field), "msg": message}])


def as_findings(unreadable: RequestValidationError) -> list[Said]:
    """What is wrong with a form, to be said above it."""
    return [
        Said(rule=str(error["loc"][-1]), code="", verdict=Verdict.UNMET, reason=str(error["msg"]).removeprefix("Value error, "))
        for error in unreadable.errors()
    ]


def command_of(sent: Fields) -> str:
    """The form's own id: sent twice, it is answered twice and done once. Raises `RequestValidationError`."""
    given = sent.one("command_id") or ""
    if not COMMAND_ID.match(given):
        raise wrong("command_id", "This form is not complete. Open the page again.")
    return given


def micrometers(typed: str | None) -> int | None:
    """A depth as it is read on the handpiece, in millimeters. Raises `RequestValidationError`."""
    if typed is None:
        return None
    try:
        return round(float(typed.replace(",", ".")) * 1000)
    except (ValueError, OverflowError) as unreadable:
        raise wrong("depth", "This is no depth in millimeters.") from unreadable
