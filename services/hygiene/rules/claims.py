"""What every report must be: about something known, under an id of its own, and not from the future."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from schemas.policy import Policy
from schemas.vocabulary import Finding
from services.hygiene.rules.finding import finding


def occurred_at_may_not_lie_ahead(policy: Policy, claimed_at: datetime, now: datetime, field: str = "occurred_at") -> Finding:
    """A claim may be long ago, but not later than the server's clock and its tolerance."""
    ahead = claimed_at - now
    return finding(
        "occurred_at_may_not_lie_ahead",
        ahead <= timedelta(seconds=policy.gate.clock_tolerance_seconds),
        field=field,
        ahead_seconds=max(0, int(ahead.total_seconds())),
    )


def id_must_be_new(record_id: UUID, *, known: bool) -> Finding:
    """The same id with other content is not the same report."""
    return finding("id_must_be_new", not known, evidence=[record_id] if known else ())


def subject_must_be_known(kind: str, subject_id: UUID, *, known: bool) -> Finding:
    """What the report is about was entered before."""
    return finding("subject_must_be_known", known, kind=kind, evidence=[subject_id])


def programs_must_be_in_the_policy(policy: Policy, air_removal: str, programs: Collection[str]) -> Finding:
    """A sterilizer is commissioned with programs that the policy knows for its way of air removal."""
    known = policy.sterilization.programs
    wrong = sorted(name for name in programs if name not in known or known[name].air_removal != air_removal)
    return finding("programs_must_be_in_the_policy", not wrong, air_removal=air_removal, programs="/".join(wrong)[:80] or "none")
