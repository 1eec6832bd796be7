"""Whether the packs of a load may be used (domain.md 2.3)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from schemas.policy import Policy, local_date
from schemas.vocabulary import Finding, Verdict
from services.hygiene.rules.cycles import chemical_indicators_must_have_changed
from services.hygiene.rules.finding import finding

IndicatorState = Literal["none", "pending", "negative", "positive", "invalid"]
Basis = Literal["parametric", "bi_pending", "bi_negative"]


@dataclass(frozen=True, slots=True)
class Pending:
    """An indicator that ran and was not read yet."""

    cycle_id: UUID
    started_at: datetime
    product: str


@dataclass(frozen=True, slots=True)
class Runs:
    """A sterilizer's biological indicators as far as a release asks.

    `last_run_on`: local date of the last cycle with an indicator that was not invalid, or of the commissioning.
    `idle`: no cycle ran between that one and the load.
    """

    last_run_on: date
    idle: bool = False
    pending: tuple[Pending, ...] = ()


@dataclass(frozen=True, slots=True)
class Load:
    """A load that asks for its release."""

    cycle_id: UUID
    purpose: str
    mechanical: str
    external: str
    internal: str
    indicator: IndicatorState
    in_service: bool
    recall_ids: tuple[UUID, ...]
    air_removal: str
    air_removal_tested: bool


def cycle_must_have_passed(load: Load) -> Finding:
    return finding("cycle_must_have_passed", load.mechanical == "passed", evidence=[load.cycle_id])


def cycle_must_be_a_load(load: Load) -> Finding:
    """Test and qualification cycles hold nothing to release."""
    return finding("cycle_must_be_a_load", load.purpose == "load", purpose=load.purpose)


def sterilizer_must_be_in_service(load: Load) -> Finding:
    return finding("sterilizer_must_be_in_service", load.in_service)


def load_may_not_be_recalled(load: Load) -> Finding:
    """Nothing leaves the window of a positive indicator."""
    recalled = load.recall_ids or load.indicator == "positive"
    return finding("load_may_not_be_recalled", not recalled, evidence=load.recall_ids)


def indicator_should_be_valid(load: Load) -> Finding:
    """An invalid indicator says nothing about its load, and does not count as one."""
    verdict = Verdict.WARNING if load.indicator == "invalid" else Verdict.MET
    return finding("indicator_should_be_valid", verdict, evidence=[load.cycle_id])


def air_removal_should_be_tested_daily(policy: Policy, load: Load) -> Finding:
    """A Bowie-Dick or helix test before the first load of the day, where air is pumped out."""
    asked = policy.sterilization.air_removal_test_daily and load.air_removal == "prevac"
    verdict = Verdict.WARNING if asked and not load.air_removal_tested else Verdict.MET
    return finding("air_removal_should_be_tested_daily", verdict)


def indicator_may_not_be_overdue(policy: Policy, runs: Runs, today: date) -> Finding:
    """Local dates since the last indicator: warn and block from the days that the policy names."""
    rules = policy.sterilization
    days = (today - runs.last_run_on).days
    if runs.idle and not rules.bi_after_idle:
        verdict = Verdict.WARNING if days >= rules.bi_block_from_day else Verdict.MET
    elif days >= rules.bi_block_from_day:
        verdict = Verdict.UNMET
    else:
        verdict = Verdict.WARNING if days >= rules.bi_warn_from_day else Verdict.MET
    return finding("indicator_may_not_be_overdue", verdict, days=days, block_from_day=rules.bi_block_from_day)


def results_must_come_in_time(policy: Policy, runs: Runs, now: datetime) -> Finding:
    """A result that is not in after its product's turnaround is as good as none."""
    products = policy.sterilization.bi_products

    def due_at(pending: Pending) -> datetime:
        product = products.get(pending.product)
        minutes = product.turnaround_minutes if product else max((p.turnaround_minutes for p in products.values()), default=0)
        return pending.started_at + timedelta(minutes=minutes)

    late = [pending.cycle_id for pending in runs.pending if due_at(pending) < now]
    return finding("results_must_come_in_time", not late, evidence=late, late=len(late))


def release_findings(policy: Policy, load: Load, runs: Runs, now: datetime) -> tuple[Finding, ...]:
    """Every rule of a release, in the order a technician would ask."""
    return (
        cycle_must_be_a_load(load),
        cycle_must_have_passed(load),
        chemical_indicators_must_have_changed(load.external, load.internal),
        sterilizer_must_be_in_service(load),
        load_may_not_be_recalled(load),
        indicator_may_not_be_overdue(policy, runs, local_date(policy, now)),
        results_must_come_in_time(policy, runs, now),
        indicator_should_be_valid(load),
        air_removal_should_be_tested_daily(policy, load),
    )


def basis_of(indicator: IndicatorState) -> Basis:
    """What a release rests on: a pending indicator makes it conditional."""
    match indicator:
        case "negative":
            return "bi_negative"
        case "pending":
            return "bi_pending"
        case _:
            return "parametric"
