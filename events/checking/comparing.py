"""Whether what was rehearsed is what was recorded."""

from collections.abc import Sequence
from typing import Any

import orjson

from events.envelope import Entry
from schemas.vocabulary import Verdict


def difference(rehearsed: Sequence[Entry[Any]], said: Sequence[Entry[Any]], without: frozenset[str]) -> str | None:
    """In words what the rules give otherwise, or None. Names of types, fields and rules; no values."""
    if [entry.type for entry in rehearsed] != [entry.type for entry in said]:
        gives = ", ".join(entry.type for entry in rehearsed) or "nothing"
        return f"the rules give {gives}"
    for made, kept in zip(rehearsed, said, strict=True):
        found = _difference(made, kept, without)
        if found is not None:
            return found if kept is said[0] else f"{found} in entry {kept.index} ({kept.type})"
    return None


def _difference(made: Entry[Any], kept: Entry[Any], without: frozenset[str]) -> str | None:
    if made.event_id != kept.event_id and "event_id" not in without:
        return "its id is another one"
    if made.policy != kept.policy:
        return f"it names policy version {kept.policy} instead of {made.policy}"
    one, other = (entry.event.model_dump(mode="json") for entry in (made, kept))
    for name in one.keys() | other.keys():
        if name in without or _plain(one.get(name), without) == _plain(other.get(name), without):
            continue
        if name != "findings":
            return f"the rules give another {name}"
        rules = _unlike(one["findings"], other["findings"], without)
        if rules:
            return f"other findings of {', '.join(rules)}"
    return None


def _plain(value: Any, without: frozenset[str]) -> Any:
    """A list of records without the fields that chance decided, in an order of its own."""
    if not (isinstance(value, list) and any(isinstance(one, dict) and one.keys() & without for one in value)):
        return value
    return sorted(orjson.dumps({k: v for k, v in one.items() if k not in without}) for one in value)


def _unlike(one: list[dict[str, Any]], other: list[dict[str, Any]], without: frozenset[str]) -> list[str]:
    """The rules that say something else, in their order."""
    left, right = ([found for found in side if found["rule"] not in without] for side in (one, other))
    if left == right:
        return []
    unlike = [found["rule"] for found in [*left, *right] if found not in left or found not in right]
    return list(dict.fromkeys(unlike)) or ["its rules in another order"]


def speaks_only_of(refusal: Any, without: frozenset[str]) -> bool:
    """Whether a refusal rests only on rules that cannot be asked again."""
    unmet = [finding.rule for finding in refusal.findings if finding.verdict is Verdict.UNMET]
    return bool(unmet) and set(unmet) <= without
