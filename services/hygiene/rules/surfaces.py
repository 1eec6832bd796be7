"""Disinfection of handpieces and rooms (domain.md 2.8)."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

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


def handpiece_must_be_dry_inside(*, ingress_seen: bool, recall_id: UUID | None) -> Finding:
    """Blood or fluid inside: no disinfection of the outside helps. The recall, where one is open for it, is the evidence."""
    evidence = [recall_id] if recall_id else []
    return finding("handpiece_must_be_dry_inside", not ingress_seen, field="ingress_seen", evidence=evidence, recalls=len(evidence))


def what_was_found_inside_stands(*, ingress_seen: bool, recall_id: UUID | None) -> Finding:
    """Fluid that was seen in a reprocessing is not unseen by telling the same reprocessing anew."""
    evidence = [recall_id] if recall_id else []
    return finding(
        "what_was_found_inside_stands", ingress_seen or recall_id is None, field="ingress_seen", evidence=evidence, recalls=len(evidence)
    )


def serves_a_start(done_at: datetime | None, used_at: datetime | None) -> bool:
    """One reprocessing, or one turnover, serves one start."""
    return done_at is not None and (used_at is None or used_at < done_at)
