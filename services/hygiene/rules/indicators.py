"""What a biological indicator says, and when a sterilizer may come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from schemas.hygiene import IndicatorReport
from schemas.policy import IndicatorProduct, Policy
from schemas.vocabulary import Finding
from services.hygiene.rules.finding import finding

Result = Literal["negative", "positive", "invalid"]


def incubated_seconds(report: IndicatorReport) -> int:
    """From the start of incubation to the reading."""
    return int((report.occurred_at - report.incubation_started_at).total_seconds())


def indicator_result(*, grew: bool, control_grew: bool) -> Result:
    """A control that did not grow proves nothing: the reading is invalid, never passed."""
    if not control_grew:
        return "invalid"
    return "positive" if grew else "negative"


def product_must_be_in_the_policy(policy: Policy, product: str) -> Finding:
    """Only a product of the policy has a known incubation time."""
    return finding("product_must_be_in_the_policy", product in policy.sterilization.bi_products, field="product", product=product)


def incubation_must_be_complete(product: IndicatorProduct | None, seconds: int) -> Finding:
    """Read before the product's minimum, it is not a result."""
    minimum = product.incubation_minutes * 60 if product else 0
    return finding("incubation_must_be_complete", seconds >= minimum, field="occurred_at", seconds=seconds, minimum_seconds=minimum)


def control_must_be_of_the_same_lot(policy: Policy, lot: str, control_lot: str | None) -> Finding:
    """The control tells whether the spores of this very lot were alive."""
    met = control_lot == lot or (control_lot is None and not policy.sterilization.bi_control_required)
    return finding("control_must_be_of_the_same_lot", met, field="control_lot")


def indicator_may_not_be_read_before_its_cycle(*, after_cycle: bool) -> Finding:
    """Incubation starts after the cycle ended."""
    return finding("indicator_may_not_be_read_before_its_cycle", after_cycle, field="incubation_started_at")


def indicator_findings(policy: Policy, report: IndicatorReport, *, after_cycle: bool) -> tuple[Finding, ...]:
    """Whether the reading is a result at all."""
    product = policy.sterilization.bi_products.get(report.product)
    return (
        product_must_be_in_the_policy(policy, report.product),
        incubation_must_be_complete(product, incubated_seconds(report)),
        control_must_be_of_the_same_lot(policy, report.lot, report.control_lot),
        indicator_may_not_be_read_before_its_cycle(after_cycle=after_cycle),
    )


@dataclass(frozen=True, slots=True)
class Qualification:
    """A cycle after the removal, as far as a return asks."""

    cycle_id: UUID
    mechanical: str
    external: str
    internal: str
    indicator: str

    @property
    def good(self) -> bool:
        """Chamber, chemical and biological indicator all as they should be."""
        return self.mechanical == "passed" and self.external == self.internal == "changed" and self.indicator == "negative"


def sterilizer_must_be_out_of_service(*, in_service: bool) -> Finding:
    return finding("sterilizer_must_be_out_of_service", not in_service)


def sterilizer_must_be_in_service_to_leave(*, in_service: bool) -> Finding:
    return finding("sterilizer_must_be_in_service_to_leave", in_service)


def last_cycles_must_be_good(latest_first: Sequence[Qualification], wanted: int) -> Finding:
    """So many cycles in a row since the removal, up to the last one, all good."""
    row: list[UUID] = []
    for cycle in latest_first:
        if not cycle.good:
            break
        row.append(cycle.cycle_id)
    return finding("last_cycles_must_be_good", len(row) >= wanted, evidence=row[:wanted], good=len(row), wanted=wanted)


def cycles_to_return(policy: Policy, reason: str) -> int:
    """After a positive indicator the recall's number, else the number after install, move and repair."""
    return policy.recall.return_cycles if reason == "positive_indicator" else policy.sterilization.qualification_cycles
