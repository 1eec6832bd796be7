"""A biological indicator was read. A positive one stops the sterilizer and opens the recall, in the same commit."""

from typing import Any

from events.catalog.hygiene import IndicatorRead
from events.transaction import Answer, Transaction
from schemas.hygiene import IndicatorReport, Said
from services.hygiene.commands.answers import policy_now, refuse, row_of, tells_the_same
from services.hygiene.commands.recalls import open_sterilizer_recall
from services.hygiene.models import Indicator, SterilizationCycle
from services.hygiene.rules.claims import id_must_be_new, occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.indicators import incubated_seconds, indicator_findings, indicator_result


async def read_indicator(tx: Transaction, request: Said[IndicatorReport]) -> Answer[Any]:
    """Record a reading: negative, positive, or invalid where the control did not grow. A reading is never edited."""
    rule, report = await policy_now(tx), request.report
    result = indicator_result(grew=report.grew, control_grew=report.control_grew)
    earlier = await row_of(tx, Indicator, request.subject_id)
    if earlier and tells_the_same(
        earlier,
        cycle_id=report.cycle_id,
        product=report.product,
        lot=report.lot,
        result=result,
        control_grew=report.control_grew,
        incubated_seconds=incubated_seconds(report),
        occurred_at=report.occurred_at,
    ):
        return await tx.repeat(earlier.event_id)
    cycle = await row_of(tx, SterilizationCycle, report.cycle_id)
    findings = (
        id_must_be_new(request.subject_id, known=earlier is not None),
        subject_must_be_known("cycle", report.cycle_id, known=cycle is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        *indicator_findings(rule.policy, report, after_cycle=cycle is None or report.incubation_started_at >= cycle.ended_at),
    )
    if cycle is None or any_unmet(findings):
        return await refuse(tx, "read_indicator", request.subject_id, findings, rule)
    first_positive = result == "positive" and cycle.indicator != "positive"
    answer = await tx.answer(
        IndicatorRead(
            indicator_id=request.subject_id,
            sterilizer_id=cycle.sterilizer_id,
            cycle_id=cycle.cycle_id,
            indicator_lot=report.lot,
            product=report.product,
            result=result,
            control_grew=report.control_grew,
            incubated_seconds=incubated_seconds(report),
            occurred_at=report.occurred_at,
            device=report.device,
        ),
        policy=rule.version,
    )
    if first_positive:
        await open_sterilizer_recall(tx, rule, cycle, report.occurred_at)
    return answer
