"""What every request is asked, and how a finding is made here.

A finding never says what was answered: refusals stand in the ledger too.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from schemas.vocabulary import Finding, Verdict


def finding(rule: str, met: bool, *, field: str | None = None, **parameters: int | str) -> Finding:  # noqa: FBT001 - the verdict
    """A verdict that nobody can override: nothing of consent can be."""
    verdict = Verdict.MET if met else Verdict.UNMET
    return Finding(rule=rule, verdict=verdict, field=field, parameters=dict(parameters))


def unmet(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(found for found in findings if found.verdict is Verdict.UNMET)


def policy_must_be_in_force(known: bool) -> Finding:  # noqa: FBT001 - the fact
    """Before a clinic's first policy nothing can be judged."""
    return finding("policy_must_be_in_force", known)


def id_must_be_new(field: str) -> Finding:
    """Said when an id was used with other content."""
    return finding("id_must_be_new", False, field=field)


def time_must_not_be_in_the_future(claimed: datetime, now: datetime, tolerance: timedelta, field: str) -> Finding:
    return finding("time_must_not_be_in_the_future", claimed <= now + tolerance, field=field)
