"""The record in words: a line for each event, and what every id, time and amount in it is called."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any, get_args
from uuid import UUID

from pydantic import JsonValue

from schemas.compliance import RecordEntry, Subject
from schemas.sentences import sentence
from schemas.vocabulary import Finding, Verdict
from services.compliance.queries import UNREADABLE
from services.screens.words import Wall, day, thing

KINDS = {
    "identity": "Person",
    "practitioner": "Person",
    "approver": "Person",
    "approvers": "Person",
    "explained_by": "Person",
    "second_signer": "Person",
    "into_client": "Client",
    "unit": "Cartridge",
    "cartridge_unit": "Cartridge",
    "device": "Handpiece",
    "resource": "Resource",
    "subject": "Thing",
    "cause": "Cause",
    "evidence": "Record",
}
"""What an id is, by the field it stands in, where the field's own name does not say it."""

PEOPLE = frozenset({"Person"})
SUBJECTS = {word.capitalize(): word for word in get_args(Subject)} | {"Person": "practitioner", "Resource": "room"}
"""What can be traced through treatments, by what it is called here."""

COUNTED = frozenset({"packs", "exposures", "next_slots", "depths", "reasons", "restrictions"})
"""Lists of which a line says how long they are."""

AMOUNTS = {
    "_um": (1000, " mm"),
    "_mc": (1000, " °C"),
    "_permille": (10, " %"),
    "_seconds": (1, " s"),
    "_minutes": (1, " min"),
    "milligrams": (1, " mg"),
}

_ID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_INSTANT = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")
_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_CODE = re.compile(r"^[a-z0-9]+(_[a-z0-9]+)+$")
MOST_REASONS = 2


@cache
def summaries() -> dict[str, str]:
    """The line of each type of event."""
    return tomllib.loads(files("services.compliance.pages").joinpath("summaries.toml").read_text(encoding="utf-8"))


def type_of(entry: RecordEntry) -> str:
    """The event's type without its version."""
    return entry.type.rpartition(".v")[0]


def kind_of(field: str) -> str:
    """What an id in this field is: `pack_ids` holds packs."""
    name = re.sub(r"_ids?$", "", field)
    return KINDS.get(name) or name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Named:
    """An id that an entry speaks of."""

    kind: str
    identity: str
    word: str

    @property
    def subject(self) -> str | None:
        """As what it can be traced through treatments."""
        return SUBJECTS.get(self.kind)


@dataclass(frozen=True, slots=True)
class Words(Wall):
    """What is called how in the record: its staff has names, clients have none in it."""

    def exactly(self, at: datetime) -> str:
        """With its seconds: the record is in order of them."""
        return f"{self.day_and_time(at)}:{at:%S}"

    def called(self, kind: str, identity: UUID | str) -> str:
        """Somebody of the staff by name, everything else by what it is and how its id begins."""
        known = UUID(str(identity))
        return self.people.get(known) or thing(kind, known)

    def who(self, entry: RecordEntry) -> str:
        """Who made an entry, and as what."""
        if entry.data.get(UNREADABLE) is True:
            return "nobody knows"
        role = entry.actor.role.value
        name = "The program" if role == "service" else self.called("Client" if role == "client" else "Person", entry.actor.identity_id)
        return f"{name}, {role.replace('_', ' ')}"

    def summary(self, entry: RecordEntry) -> str:
        """What happened, in a line. A type without one says its own name, which is one."""
        if entry.data.get(UNREADABLE) is True:
            return "This entry cannot be read: its bytes were changed."
        line = summaries().get(type_of(entry))
        if line is None:
            return f"{type_of(entry).replace('.', ' ').replace('_', ' ').capitalize()}."
        return line.format_map(_Fields(self, _flat(entry.data))).strip()

    def shown(self, field: str, value: JsonValue) -> str:
        """A value of an event, in words; one that somebody has spoiled stands as it is."""
        try:
            return self._shown(field, value)
        except ValueError:
            return str(value)

    def _shown(self, field: str, value: JsonValue) -> str:
        match value:
            case str():
                return self._text(field, value)
            case list():
                return self._several(field, value)
            case dict():
                return ", ".join(f"{_said(key)} {self.shown(key, inner)}" for key, inner in value.items()) or "nothing"
            case _:
                return _plain(field, value)

    def _text(self, field: str, value: str) -> str:
        if _ID.match(value):
            return self.called(kind_of(field), value)
        if _INSTANT.match(value):
            return self.day_and_time(datetime.fromisoformat(value))
        if _DATE.match(value):
            return day(date.fromisoformat(value))
        return value.replace("_", " ") if _CODE.match(value) else value

    def _several(self, field: str, values: list[JsonValue]) -> str:
        if field == "findings":
            return " ".join(reasons(values))
        counted = field.endswith("_ids") or field in COUNTED
        if not counted and all(isinstance(value, str) and not _ID.match(value) for value in values):
            return ", ".join(self.shown(field, value) for value in values) or "nothing"
        if len(values) == 1 and isinstance(values[0], str):
            return self.shown(field, values[0])
        kind = kind_of(field).lower().removesuffix("s")
        return f"{len(values) or 'no'} {kind}{'' if len(values) == 1 else 's'}"

    def links(self, entry: RecordEntry) -> list[Named]:
        """Every id that an entry speaks of, each once, in the order in which it does."""
        found = dict.fromkeys((identity, kind_of(field)) for field, identity in _ids(entry.data, ""))
        first = dict(reversed(found))
        return [Named(kind, identity, self.called(kind, identity)) for identity, kind in first.items()][::-1]


class _Fields(dict[str, Any]):
    """The fields of an event for its line."""

    def __init__(self, words: Words, data: Mapping[str, JsonValue]) -> None:
        super().__init__(data)
        self._words = words

    def __getitem__(self, field: str) -> str:
        kind = super().get("kind")
        if field == "subject_id" and isinstance(kind, str) and kind.capitalize() in SUBJECTS:
            return self._words.called(kind.capitalize(), str(super().get(field)))
        return self._words.shown(field, super().get(field))


def _flat(data: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """The event's fields, with those of a visit and of equipment beside them."""
    inner = [value for key, value in data.items() if key in ("visit", "equipment") and isinstance(value, dict)]
    return {key: value for part in (*inner, data) for key, value in part.items()}


def reasons(findings: list[JsonValue], most: int = MOST_REASONS) -> Iterator[str]:
    """The sentences of what spoke against it, the first few."""
    said = [sentence(found) for found in map(Finding.model_validate, findings) if found.verdict is not Verdict.MET]
    yield from said[:most]
    if len(said) > most:
        yield f"And {len(said) - most} more."


def _said(key: str) -> str:
    """A field's name, without the unit that its value says."""
    return re.sub("_(um|mc|permille|seconds|minutes|id|ids)$", "", key).replace("_", " ")


def _plain(field: str, value: JsonValue) -> str:
    """A number with its unit, yes or no, or that there is nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int):
        return "nothing"
    if field in ("opens_minutes", "closes_minutes"):
        return f"{value // 60:02}:{value % 60:02}"
    for ending, (divided_by, unit) in AMOUNTS.items():
        if field.endswith(ending):
            return f"{value / divided_by:g}{unit}"
    return f"{value}"


def _ids(value: JsonValue, field: str) -> Iterator[tuple[str, str]]:
    match value:
        case str() if _ID.match(value):
            yield field, value.lower()
        case dict():
            for key, inner in value.items():
                yield from _ids(inner, key)
        case list():
            for inner in value:
                yield from _ids(inner, field)
        case _:
            return
