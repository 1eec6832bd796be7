"""Cartridges that were thrown away."""

from typing import Any

from events.catalog.hygiene import CartridgeWasted
from events.transaction import Answer, Transaction
from schemas.hygiene import Said, Waste
from services.hygiene.commands.answers import policy_now, refuse, row_of, tells_the_same
from services.hygiene.models import Unit
from services.hygiene.rules.claims import occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.lots import unit_may_be_wasted_once


async def waste_cartridge(tx: Transaction, request: Said[Waste]) -> Answer[Any]:
    """Record that a cartridge was dropped, contaminated or opened for nothing; it serves nobody any more."""
    rule, report = await policy_now(tx), request.report
    unit = await row_of(tx, Unit, request.subject_id)
    if unit and unit.waste_id and tells_the_same(unit, waste_reason=report.reason, wasted_at=report.occurred_at):
        return await tx.repeat(unit.waste_id)
    findings = (
        subject_must_be_known("unit", request.subject_id, known=unit is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        unit_may_be_wasted_once(request.subject_id, wasted=unit is not None and unit.waste_id is not None),
    )
    if unit is None or any_unmet(findings):
        return await refuse(tx, "waste_cartridge", request.subject_id, findings, rule)
    wasted = CartridgeWasted(
        unit_id=unit.unit_id, lot_id=unit.lot_id, reason=report.reason, occurred_at=report.occurred_at, device=report.device
    )
    return await tx.answer(wasted, policy=rule.version)
