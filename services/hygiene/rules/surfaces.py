"""Disinfection of handpieces and rooms (domain.md 2.8)."""

from collections.abc import Collection
from datetime import datetime

from schemas.hygiene import TurnoverStep
from schemas.policy import Policy
from schemas.vocabulary import Finding
from services.hygiene.rules.finding import finding


def label_seconds(policy: Policy, told: int | None) -> int:
    """The label's contact time; where nobody read the label, the policy's."""
    return policy.hygiene.contact_seconds if told is None else told


def contact_time_must_reach_the_label(policy: Policy, wet_seconds: int, label: int) -> Finding:
    """The surface stayed wet as long as the label asks, and no label may ask less than the policy's floor."""
    wanted = max(label, policy.hygiene.contact_floor_seconds)
    return finding(
        "contact_time_must_reach_the_label", wet_seconds >= wanted, field="wet_seconds", wet_seconds=wet_seconds, wanted_seconds=wanted
    )


def every_step_must_be_done(steps: Collection[TurnoverStep]) -> Finding:
    """Half a turnover is none."""
    missing = [step.value for step in TurnoverStep if step not in steps]
    return finding("every_step_must_be_done", not missing, field="steps", missing=len(missing), first=missing[0] if missing else "none")


def handpiece_must_be_dry_inside(*, ingress_seen: bool) -> Finding:
    """Blood or fluid inside: no disinfection of the outside helps."""
    return finding("handpiece_must_be_dry_inside", not ingress_seen, field="ingress_seen")


def serves_a_start(done_at: datetime | None, used_at: datetime | None) -> bool:
    """One reprocessing, or one turnover, serves one start."""
    return done_at is not None and (used_at is None or used_at < done_at)
