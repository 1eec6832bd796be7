"""How a rule says what it found."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from schemas.vocabulary import Finding, Verdict


def finding(
    rule: str,
    met: bool | Verdict,  # noqa: FBT001 - the one thing a rule says
    *,
    field: str | None = None,
    evidence: Iterable[UUID] = (),
    earliest_ok: datetime | None = None,
    **parameters: int | str,
) -> Finding:
    """A finding of hygiene: none of its rules can be overridden, so that is never asked."""
    verdict = met if isinstance(met, Verdict) else Verdict.MET if met else Verdict.UNMET
    return Finding(rule=rule, verdict=verdict, field=field, parameters=parameters, evidence=tuple(evidence), earliest_ok=earliest_ok)


def any_unmet(findings: Iterable[Finding]) -> bool:
    """Whether one finding stands against it."""
    return any(found.verdict is Verdict.UNMET for found in findings)
