"""What lies in the window of a positive indicator (domain.md 2.4), and when a recall may be decided."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from schemas.access import may_any
from schemas.policy import Policy
from schemas.vocabulary import Finding, Role
from services.hygiene.rules.finding import finding


@dataclass(frozen=True, slots=True)
class Cycle:
    """A cycle of one sterilizer, with what its indicators say."""

    cycle_id: UUID
    started_at: datetime
    indicator: str


@dataclass(frozen=True, slots=True)
class Window:
    """Cycles started after `after` (None: since commissioning) and before `before`, with the first one if `with_first`."""

    after: datetime | None
    before: datetime
    with_first: bool = False

    def holds(self, started_at: datetime) -> bool:
        """Whether a cycle that started then is in doubt."""
        if self.after is not None and (started_at < self.after or (started_at == self.after and not self.with_first)):
            return False
        return started_at < self.before


def recall_window(policy: Policy, cycles: Iterable[Cycle], positive: Cycle, out_of_service_at: datetime) -> Window:
    """From the last negative indicator before the positive one to the first after it, else until the sterilizer left service."""
    negatives = [cycle.started_at for cycle in cycles if cycle.indicator == "negative" and cycle.cycle_id != positive.cycle_id]
    earlier = [at for at in negatives if at < positive.started_at]
    later = [at for at in negatives if at > positive.started_at]
    ends = out_of_service_at if policy.recall.extend_to_out_of_service or not later else min(later)
    return Window(max(earlier, default=None), ends, policy.recall.include_last_negative)


def in_window(window: Window, cycles: Iterable[Cycle], positive: Cycle) -> tuple[Cycle, ...]:
    """The cycles in doubt, in order; the positive one always."""
    held = {cycle.cycle_id: cycle for cycle in cycles if window.holds(cycle.started_at)}
    held[positive.cycle_id] = positive
    return tuple(sorted(held.values(), key=lambda cycle: (cycle.started_at, cycle.cycle_id)))


def recall_must_be_pending(decision: str) -> Finding:
    """A recall is decided once; what was decided is not edited."""
    return finding("recall_must_be_pending", decision == "pending", decision=decision)


def second_signer_must_be_another(signer: UUID, second: UUID) -> Finding:
    """Two persons decide."""
    return finding("second_signer_must_be_another", signer != second, field="second_signer_id")


def second_signer_must_be_able_to_decide(roles: Iterable[Role]) -> Finding:
    """Each of the two could have begun it: whoever may not decide adds nothing by signing."""
    return finding("second_signer_must_be_able_to_decide", may_any(roles, "decide_recall") is not None, field="second_signer_id")


def root_cause_must_be_in_the_policy(policy: Policy, cause: str) -> Finding:
    return finding("root_cause_must_be_in_the_policy", cause in policy.recall.root_causes, field="root_cause", cause=cause)


def repeats_must_be_negative(policy: Policy, decision: str, indicators_since: Sequence[str]) -> Finding:
    """A recall is released only after repeated indicators, none of them positive (CDC, table 12)."""
    negative = sum(1 for result in indicators_since if result == "negative")
    wanted = policy.recall.repeat_cycles
    met = decision != "released" or (negative >= wanted and "positive" not in indicators_since)
    return finding("repeats_must_be_negative", met, negative=negative, wanted=wanted)
