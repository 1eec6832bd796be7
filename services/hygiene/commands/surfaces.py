"""Handpieces and rooms are made clean again between two clients."""

from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select

from events.catalog.hygiene import (
    Exposure,
    HandpieceCommissioned,
    HandpieceReprocessed,
    RecallOpened,
    RoomTurnedOver,
)
from events.policy import InForce
from events.transaction import Answer, Transaction
from schemas.hygiene import HandpieceReport, ReprocessingReport, Said, TurnoverReport
from schemas.vocabulary import Finding
from services.hygiene.commands.answers import policy_now, refuse, row_of, tells_the_same
from services.hygiene.commands.doubt import say_recall
from services.hygiene.models import Disinfection, Handpiece, PlaceUse, Recall
from services.hygiene.rules.claims import id_must_be_new, occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.surfaces import (
    contact_time_must_reach_the_label,
    every_step_must_be_done,
    handpiece_must_be_dry_inside,
    label_seconds,
    what_was_found_inside_stands,
)


async def commission_handpiece(tx: Transaction, request: Said[HandpieceReport]) -> Answer[Any]:
    """Enter a handpiece with its serial and the cartridges that fit it."""
    rule, report = await policy_now(tx), request.report
    earlier = await row_of(tx, Handpiece, request.subject_id)
    fits, modality = list(report.fits_gtins), report.modality.value
    claims = {"serial": report.serial, "modality": modality, "fits_gtins": fits, "max_depth_um": report.max_depth_um}
    if earlier and tells_the_same(earlier, **claims):
        return await tx.repeat(earlier.event_id)
    findings = (
        id_must_be_new(request.subject_id, known=earlier is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
    )
    if any_unmet(findings):
        return await refuse(tx, "commission_handpiece", request.subject_id, findings, rule)
    commissioned = HandpieceCommissioned(handpiece_id=request.subject_id, **report.model_dump())
    return await tx.answer(commissioned, policy=rule.version)


async def reprocess_handpiece(tx: Transaction, request: Said[ReprocessingReport]) -> Answer[Any]:
    """Record a reprocessing. Fluid seen inside refuses it and lists whoever was treated since the last good one."""
    rule, report = await policy_now(tx), request.report
    earlier = await row_of(tx, Disinfection, request.subject_id)
    if earlier and _is_told(rule, earlier, "handpiece", report.handpiece_id, report) and not report.ingress_seen:
        return await tx.repeat(earlier.event_id)
    handpiece = await row_of(tx, Handpiece, report.handpiece_id)
    # One finding inside one handpiece is one recall, whoever tells it again and in whatever words.
    recall_id = uuid5(request.subject_id, f"recall\x1f{report.handpiece_id}")
    found_before = await row_of(tx, Recall, recall_id) is not None
    looks_back = report.ingress_seen and handpiece is not None and earlier is None
    findings = (
        *_findings(tx, rule, request.subject_id, report, known=earlier is not None),
        subject_must_be_known("handpiece", report.handpiece_id, known=handpiece is not None),
        handpiece_must_be_dry_inside(ingress_seen=report.ingress_seen, recall_id=recall_id if looks_back else None),
        what_was_found_inside_stands(ingress_seen=report.ingress_seen, recall_id=recall_id if found_before else None),
    )
    if any_unmet(findings):
        answer = await refuse(tx, "reprocess_handpiece", request.subject_id, findings, rule)
        if looks_back and not found_before:
            await _look_back(tx, rule, report.handpiece_id, recall_id)
        return answer
    reprocessed = HandpieceReprocessed(
        reprocessing_id=request.subject_id,
        handpiece_id=report.handpiece_id,
        product=report.product,
        wet_seconds=report.wet_seconds,
        label_seconds=label_seconds(rule.policy, report.label_seconds),
        occurred_at=report.occurred_at,
        device=report.device,
    )
    return await tx.answer(reprocessed, policy=rule.version)


async def turn_over_room(tx: Transaction, request: Said[TurnoverReport]) -> Answer[Any]:
    """Record that a room was made ready: every step, and wet for as long as the label asks."""
    rule, report = await policy_now(tx), request.report
    earlier = await row_of(tx, Disinfection, request.subject_id)
    if earlier and _is_told(rule, earlier, "room", report.room_id, report):
        return await tx.repeat(earlier.event_id)
    findings = (
        *_findings(tx, rule, request.subject_id, report, known=earlier is not None),
        every_step_must_be_done(report.steps),
    )
    if any_unmet(findings):
        return await refuse(tx, "turn_over_room", request.subject_id, findings, rule)
    turned_over = RoomTurnedOver(
        turnover_id=request.subject_id,
        room_id=report.room_id,
        product=report.product,
        wet_seconds=report.wet_seconds,
        label_seconds=label_seconds(rule.policy, report.label_seconds),
        occurred_at=report.occurred_at,
        device=report.device,
    )
    return await tx.answer(turned_over, policy=rule.version)


def _is_told(rule: InForce, earlier: Disinfection, kind: str, subject_id: UUID, report: ReprocessingReport | TurnoverReport) -> bool:
    return tells_the_same(
        earlier,
        kind=kind,
        subject_id=subject_id,
        product=report.product,
        wet_seconds=report.wet_seconds,
        label_seconds=label_seconds(rule.policy, report.label_seconds),
        occurred_at=report.occurred_at,
    )


def _findings(
    tx: Transaction, rule: InForce, record_id: UUID, report: ReprocessingReport | TurnoverReport, *, known: bool
) -> tuple[Finding, ...]:
    """What both ask: its own id, not ahead of time, wet long enough."""
    label = label_seconds(rule.policy, report.label_seconds)
    return (
        id_must_be_new(record_id, known=known),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        contact_time_must_reach_the_label(rule.policy, report.wet_seconds, label),
    )


async def _look_back(tx: Transaction, rule: InForce, handpiece_id: UUID, recall_id: UUID) -> None:
    """Fluid got in since somebody last looked inside and found it dry: everybody treated since is exposed."""
    here = (Disinfection.clinic_id == tx.clinic_id, Disinfection.kind == "handpiece")
    last_good = (
        select(Disinfection.occurred_at)
        .where(*here, Disinfection.subject_id == handpiece_id)
        .order_by(Disinfection.occurred_at.desc())
        .limit(1)
    )
    since = await tx.rows.scalar(last_good)
    query = select(PlaceUse).where(
        PlaceUse.clinic_id == tx.clinic_id,
        PlaceUse.kind == "handpiece",
        PlaceUse.subject_id == handpiece_id,
        *([PlaceUse.started_at > since] if since else []),
    )
    exposures = [
        Exposure(treatment_id=use.treatment_id, client_id=use.client_id, item_id=handpiece_id)
        for use in await tx.rows.scalars(query.order_by(PlaceUse.started_at))
    ]
    recall = RecallOpened(
        recall_id=recall_id,
        kind="handpiece",
        subject_id=handpiece_id,
        cause=tx.event_id,
        window_from=since,
        window_until=tx.now,
    )
    await say_recall(tx, rule, recall, exposures=exposures)
