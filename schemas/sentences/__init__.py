"""What findings say in plain words, to the person at the door. The ledger keeps codes and parameters only.

One table per service, `<service>.toml`: `[rule_name]` with `met`, `warning` and `unmet`; placeholders are the
finding's parameters. A rule that fails for several reasons may say each: `unmet_<reason>`, by the parameter `reason`.
"""

import re
import tomllib
from functools import cache
from importlib.resources import files

from schemas.vocabulary import Finding, Instant, Role, Shape, Token, Verdict


class Said(Shape):
    """A finding with its sentence: what HTTP and streams show."""

    rule: str
    code: str
    verdict: Verdict
    reason: str
    field: Token | None = None
    parameters: dict[str, int | Token] = {}
    overridable_by: tuple[Role, ...] = ()
    earliest_ok: Instant | None = None


@cache
def sentences() -> dict[str, dict[str, str]]:
    """Every rule's sentences."""
    found: dict[str, dict[str, str]] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".toml"):
            found |= tomllib.loads(file.read_text())
    return found


_WALL_CLOCK = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}")


class _Parameters(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return "…"


def sentence(finding: Finding) -> str:
    """The finding in plain words; a rule without a sentence says its own name, which is one."""
    known = sentences().get(finding.rule, {})
    because = f"{finding.verdict.value}_{finding.parameters.get('reason', '')}"
    by_reason = known.get(because) or sentences().get("any_rule", {}).get(because)
    template = by_reason or known.get(finding.verdict.value) or known.get("unmet") or finding.rule.replace("_", " ")
    return template.format_map(_Parameters({name: _shown(value) for name, value in finding.parameters.items()}))


def _shown(value: int | str) -> int | str:
    """A wall-clock time as people write it."""
    return value.replace("T", " ") if isinstance(value, str) and _WALL_CLOCK.match(value) else value


def say(finding: Finding) -> Said:
    """A finding as it is shown."""
    return Said(
        rule=finding.rule,
        code=finding.code,
        verdict=finding.verdict,
        reason=sentence(finding),
        field=finding.field,
        parameters=finding.parameters,
        overridable_by=finding.overridable_by,
        earliest_ok=finding.earliest_ok,
    )


class Explained(Finding):
    """A finding with its sentence and the records it looked at: what the staff reads."""

    reason: str


def explain(finding: Finding) -> Explained:
    """A finding as the staff reads it."""
    return Explained(**dict(finding), reason=sentence(finding))


HEALTH = frozenset({"G02", "G04", "G05", "G06"})
"""Rules whose finding would tell the front desk something about a client's health or age."""


def for_front_desk(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings without medical reasons: one "not eligible today" stands for all of them."""
    shown = [finding for finding in findings if finding.code not in HEALTH]
    hidden = [finding for finding in findings if finding.code in HEALTH and finding.verdict is Verdict.UNMET]
    if hidden:
        dates = [finding.earliest_ok for finding in hidden]
        latest = max((date for date in dates if date is not None), default=None) if all(dates) else None
        shown.append(Finding(rule="client_must_be_eligible_today", verdict=Verdict.UNMET, earliest_ok=latest))
    return tuple(shown)
