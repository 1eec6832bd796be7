"""The whole document: its shape, its defaults with their sources, its digests."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import JsonValue, TypeAdapter, model_validator

from schemas.policy.care import CheckIns, Consent, Contraindication, Numbing, PatchTest, Recovery, Screening
from schemas.policy.hygiene import Hygiene, Recall, Retention, Sterilization
from schemas.policy.units import Days
from schemas.policy.visits import NEVER_OVERRIDABLE, AgeRules, Booking, Clinic, DepthRules, Gate, SpacingRules, Weekday
from schemas.vocabulary import Area, Code, Modality, Shape, VisitType

REFERENCE = "reference"
"""The table of figures that inform the defaults but are no policy; it can be looked up and is never published."""


class Policy(Shape):
    """One clinic's policy document. Vary it with `policy_from_toml` or `model_copy(update=…)`."""

    clinic: Clinic
    booking: Booking
    spacing: SpacingRules
    depth: DepthRules
    age: AgeRules
    contraindications: Mapping[Code, Contraindication]
    screening: Screening
    consent: Consent
    numbing: Numbing
    patch_test: PatchTest
    check_ins: CheckIns
    recovery: Recovery
    sterilization: Sterilization
    recall: Recall
    hygiene: Hygiene
    retention: Mapping[Code, Retention]
    dead_letter_days: Days
    gate: Gate

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Refuse a document that leaves a question of the doors or the gate without an answer."""
        try:
            ZoneInfo(self.clinic.timezone)
        except (KeyError, ValueError, OSError) as unknown:
            raise ValueError("clinic.timezone is not a known time zone") from unknown
        if (self.check_ins.quiet_from_minutes, self.check_ins.quiet_until_minutes) == (0, 1440):
            raise ValueError("check_ins: quiet hours leave no time to ask")
        banded = {band.modality for band in self.spacing.bands.values()}
        wanted_codes = {code for codes in self.gate.visit_types.values() for code in codes}
        for name, given, wanted in (
            ("clinic.opening", set(self.clinic.opening), set(Weekday)),
            ("spacing.bands", banded, set(Modality)),
            ("spacing.modality_classes", set(self.spacing.modality_classes), set(Modality)),
            ("depth.areas", set(self.depth.areas), set(Area)),
            ("gate.visit_types", set(self.gate.visit_types), set(VisitType)),
            ("gate.rules", set(self.gate.rules), wanted_codes),
        ):
            if missing := sorted(wanted - given):
                raise ValueError(f"{name} lacks {', '.join(missing)}")
        opened = sorted(code for code, rule in self.gate.rules.items() if rule.overridable_by and code in NEVER_OVERRIDABLE)
        if opened:
            raise ValueError(f"gate.rules: {', '.join(opened)} can never be overridden")
        return self


class Source(Shape):
    """Where a default comes from. `evidence`: primary text, secondary text, background knowledge (domain.md)."""

    value: JsonValue
    unit: str
    source: str
    evidence: Literal["P", "S", "BK"]
    own_choice: bool


_TREE = TypeAdapter[dict[str, JsonValue]](dict[str, JsonValue])


def _values(node: JsonValue) -> JsonValue:
    """The same tree with each entry replaced by its value; entries may stand inside entries."""
    if not isinstance(node, dict):
        return node
    if "value" in node:
        return _values(node["value"])
    return {key: _values(below) for key, below in node.items()}


def _merged(base: JsonValue, changes: JsonValue) -> JsonValue:
    """Tables are merged key by key; anything else is replaced."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    return base | {key: _merged(base[key], change) if key in base else change for key, change in changes.items()}


@cache
def _defaults() -> dict[str, JsonValue]:
    text = files("schemas").joinpath("policy_defaults.toml").read_text(encoding="utf-8")
    return _TREE.validate_python(tomllib.loads(text))


def _default_values() -> JsonValue:
    return _values({key: node for key, node in _defaults().items() if key != REFERENCE})


@cache
def default_policy() -> Policy:
    """The handbook's defaults, without their sources."""
    return Policy.model_validate(_default_values())


def policy_from_toml(text: str) -> Policy:
    """A clinic's changes laid over the defaults.

    Written as in the defaults' file, each value plain (`floor_days = 35`) or as an entry with its source.
    Raises `ValueError` for a name nobody knows, a value out of bounds, or a document with a gap.
    """
    changes = _TREE.validate_python(tomllib.loads(text))
    return Policy.model_validate(_merged(_default_values(), _values(changes)))


def sources() -> Iterator[tuple[str, Source]]:
    """Every entry of the defaults' file, by its dotted path."""

    def below(path: str, node: JsonValue) -> Iterator[tuple[str, Source]]:
        if not isinstance(node, dict):
            return
        inner = node.get("value", node)
        if "value" in node:
            yield path, Source.model_validate(node | {"value": _values(node)})
        if isinstance(inner, dict):
            for key, child in inner.items():
                yield from below(f"{path}.{key}" if path else key, child)

    return below("", _defaults())


def source_of(path: str) -> Source:
    """Value, unit and origin of a default: `source_of("spacing.bands.medium.floor_days")`.

    A part of an entry has its entry's source. Raises `KeyError` where there is no such default.
    """
    node: JsonValue = _defaults()
    nearest: dict[str, JsonValue] | None = None
    for key in path.split("."):
        if isinstance(node, dict) and "value" in node:
            node = node["value"]
        if not isinstance(node, dict) or key not in node:
            raise KeyError(path)
        node = node[key]
        if isinstance(node, dict) and "value" in node:
            nearest = node
    if nearest is None:
        raise KeyError(path)
    return Source.model_validate(nearest | {"value": _values(node)})


def _digest(value: JsonValue) -> str:
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def digest_of(policy: Policy) -> str:
    """SHA-256, hex, of the document as canonical JSON: sorted keys, no blanks, ASCII."""
    return _digest(policy.model_dump(mode="json"))


def screening_digest(policy: Policy) -> str:
    """SHA-256, hex, of what health answers are judged by.

    How long answers stay fresh is asked at the gate and not judged, so a new freshness voids no verdict.
    """
    judged = policy.model_dump(mode="json", include={"contraindications": True, "screening": {"unanswered_restricts"}})
    return _digest(judged)
