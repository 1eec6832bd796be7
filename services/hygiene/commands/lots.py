"""Lots come in, get labels for their units, and are held."""

from typing import Any
from uuid import UUID

from events.catalog.hygiene import LotQuarantined, LotReceived, RecallOpened, UnitsLabeled
from events.policy import InForce
from events.transaction import Answer, Transaction
from schemas.hygiene import LabelOrder, LotQuarantine, LotReport, ReadLabel, Said, lot_key
from schemas.hygiene.supplies import unit_of_serial
from schemas.vocabulary import Finding
from services.hygiene.commands.answers import policy_now, refuse, row_of, tells_the_same
from services.hygiene.commands.doubt import deliveries_of, exposures_of, hold_lots, say_recall
from services.hygiene.commands.lookback import COUNT_EXCEEDS, recall_of_lots
from services.hygiene.models import ItemUse, Lot, Unit
from services.hygiene.rules.claims import id_must_be_new, occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.labels import read_label
from services.hygiene.rules.lots import (
    Count,
    lot_may_not_be_quarantined,
    serial_must_be_new,
    typed_label_must_be_checked_by_another,
    units_must_fit_the_lot,
)


async def receive_lot(tx: Transaction, request: Said[LotReport]) -> Answer[Any]:
    """Record a delivery. Raises `LabelUnreadableError` before anything is recorded.

    A delivery of a lot that is held is held at once, but not for a count: a delivery that nobody entered settles that.
    """
    rule, report, label = await policy_now(tx), request.report, read_label(request.report)
    earlier = await row_of(tx, Lot, request.subject_id)
    source = "manual" if report.manual else "scan"
    claims = {"quantity": report.quantity, "source": source, "occurred_at": report.occurred_at}
    if earlier and tells_the_same(earlier, **label.model_dump(), **claims):
        return await tx.repeat(earlier.event_id)
    unit_id = unit_of_serial(tx.clinic_id, label.gtin, label.serial) if label.serial else None
    findings = (
        id_must_be_new(request.subject_id, known=earlier is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        typed_label_must_be_checked_by_another(rule.policy, report.manual, tx.actor.identity_id),
        serial_must_be_new(unit_id, known=unit_id is not None and await row_of(tx, Unit, unit_id) is not None),
    )
    if any_unmet(findings):
        return await refuse(tx, "receive_lot", request.subject_id, findings, rule)
    answer = await tx.answer(
        LotReceived(
            lot_id=request.subject_id,
            gtin=label.gtin,
            lot=label.lot,
            expires_on=label.expires_on,
            serial=label.serial,
            quantity=report.quantity,
            source="manual" if report.manual else "scan",
            occurred_at=report.occurred_at,
            device=report.device,
        ),
        policy=rule.version,
    )
    await _tell_apart_and_hold(tx, rule, request, label, unit_id)
    return answer


async def _tell_apart_and_hold(tx: Transaction, rule: InForce, request: Said[LotReport], label: ReadLabel, unit_id: UUID | None) -> None:
    if unit_id is not None:
        known = UnitsLabeled(lot_id=request.subject_id, unit_ids=(unit_id,), occurred_at=request.report.occurred_at)
        await tx.record(known, policy=rule.version)
    deliveries = await deliveries_of(tx, label.gtin, lot_key(label.lot))
    recall = await recall_of_lots(tx, [delivery.lot_id for delivery in deliveries])
    if recall is not None:
        await hold_lots(tx, rule, deliveries, "recall", recall.recall_id)
    elif held := next((known for known in deliveries if known.quarantined not in {None, COUNT_EXCEEDS}), None):
        await hold_lots(tx, rule, deliveries, str(held.quarantined), held.lot_id)


async def label_units(tx: Transaction, request: Said[LabelOrder]) -> Answer[Any]:
    """Make unit ids for a lot without serials; the labels are printed from them."""
    rule, report = await policy_now(tx), request.report
    lot = await row_of(tx, Lot, request.subject_id)
    findings: list[Finding] = [
        subject_must_be_known("lot", request.subject_id, known=lot is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
    ]
    if lot is not None:
        count = Count(lot.quantity, lot.labeled, lot.used, lot.wasted)
        findings += [lot_may_not_be_quarantined(lot.lot_id, lot.quarantined), units_must_fit_the_lot(count, report.units)]
    if any_unmet(findings):
        return await refuse(tx, "label_units", request.subject_id, findings, rule)
    labeled = UnitsLabeled(
        lot_id=request.subject_id,
        unit_ids=tuple(tx.new_id(n) for n in range(report.units)),
        occurred_at=report.occurred_at,
        device=report.device,
    )
    return await tx.answer(labeled, policy=rule.version)


async def quarantine_lot(tx: Transaction, request: Said[LotQuarantine]) -> Answer[Any]:
    """Recall a lot: every delivery of it is held, and everybody it was used on is listed, in one commit."""
    rule, report = await policy_now(tx), request.report
    lot = await row_of(tx, Lot, request.subject_id)
    findings = (
        subject_must_be_known("lot", request.subject_id, known=lot is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
    )
    if lot is None or any_unmet(findings):
        return await refuse(tx, "quarantine_lot", request.subject_id, findings, rule)
    deliveries = await deliveries_of(tx, lot.gtin, lot.lot_key)
    lot_ids = [delivery.lot_id for delivery in deliveries]
    if earlier := await recall_of_lots(tx, lot_ids):
        return await tx.repeat(earlier.cause)
    quarantined = LotQuarantined(lot_id=lot.lot_id, reason=report.reason, occurred_at=report.occurred_at, device=report.device)
    answer = await tx.answer(quarantined, policy=rule.version)
    others = [delivery for delivery in deliveries if delivery.lot_id != lot.lot_id]
    await hold_lots(tx, rule, others, report.reason, tx.event_id)
    recall = RecallOpened(recall_id=tx.new_id("recall"), kind="lot", subject_id=lot.lot_id, cause=tx.event_id)
    await say_recall(tx, rule, recall, exposures=await exposures_of(tx, ItemUse.lot_id.in_(lot_ids)))
    return answer
