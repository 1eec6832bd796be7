"""Recalls: the window of a positive indicator, a lot, a handpiece. Everything of one recall is one commit."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import or_, select

from events.catalog.hygiene import (
    CycleRecorded,
    ExposureFound,
    RecallDecided,
    RecallOpened,
    SterilizerRemoved,
)
from events.policy import InForce
from events.transaction import Answer, Transaction
from schemas.hygiene import JointDecision, RecallDecisionReport, Said
from schemas.policy import RecallMode
from schemas.vocabulary import Finding
from services.hygiene.commands.answers import policy_now, refuse, row_of
from services.hygiene.commands.doubt import put_in_doubt
from services.hygiene.models import Indicator, Recall, SterilizationCycle, Sterilizer
from services.hygiene.queries.signers import roles_held
from services.hygiene.rules.claims import occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.recalls import (
    Cycle,
    in_window,
    recall_must_be_pending,
    recall_window,
    repeats_must_be_negative,
    root_cause_must_be_in_the_policy,
    second_signer_must_be_able_to_decide,
    second_signer_must_be_another,
)


async def open_sterilizer_recall(tx: Transaction, rule: InForce, positive: SterilizationCycle, read_at: datetime) -> None:
    """Sterilizer out of service, window in doubt, unused packs held, exposed clients listed."""
    machine = await _commissionings(tx, positive.sterilizer_id)
    for sterilizer_id in machine:
        sterilizer = await row_of(tx, Sterilizer, sterilizer_id)
        if sterilizer is not None and sterilizer.in_service:
            removed = SterilizerRemoved(sterilizer_id=sterilizer_id, reason="positive_indicator", cause=tx.event_id, occurred_at=read_at)
            await tx.record(removed, policy=rule.version)
    seen = await _cycles_around(tx, machine, positive)
    here = Cycle(positive.cycle_id, positive.started_at, "positive")
    window = recall_window(rule.policy, [cycle for cycle, _ in seen], here, tx.now)
    doubted = [cycle.cycle_id for cycle in in_window(window, [cycle for cycle, purpose in seen if purpose == "load"], here)]
    pending = rule.policy.recall.mode is RecallMode.CDC_STEAM and not await _another_awaits(tx, machine)
    opened = RecallOpened(
        recall_id=tx.new_id("recall"),
        kind="sterilizer",
        subject_id=positive.sterilizer_id,
        cause=tx.event_id,
        window_from=window.after,
        window_until=window.before,
        decision="pending" if pending else "confirmed",
        decide_by=tx.now + timedelta(hours=rule.policy.recall.decision_hours) if pending else None,
    )
    await put_in_doubt(tx, rule, opened, doubted)


async def add_to_open_recalls(tx: Transaction, rule: InForce, late: CycleRecorded) -> None:
    """A load recorded late belongs to every recall of its machine whose window holds its cycle time."""
    if late.purpose != "load":
        return
    query = select(Recall).where(
        Recall.clinic_id == tx.clinic_id,
        Recall.subject_id.in_(await _commissionings(tx, late.sterilizer_id)),
        Recall.decision != "released",
        Recall.window_until > late.started_at,
        or_(Recall.window_from.is_(None), Recall.window_from < late.started_at),
    )
    for recall in (await tx.rows.scalars(query)).all():
        await put_in_doubt(tx, rule, ExposureFound(recall_id=recall.recall_id), [late.cycle_id])


async def _commissionings(tx: Transaction, sterilizer_id: UUID) -> list[UUID]:
    """The machine under every id it was commissioned as: a new count of cycles is not a new chamber."""
    serial = select(Sterilizer.serial).where(Sterilizer.clinic_id == tx.clinic_id, Sterilizer.sterilizer_id == sterilizer_id)
    same = select(Sterilizer.sterilizer_id).where(Sterilizer.clinic_id == tx.clinic_id, Sterilizer.serial == serial.scalar_subquery())
    return list(await tx.rows.scalars(same.order_by(Sterilizer.commissioned_at, Sterilizer.sterilizer_id)))


async def _cycles_around(tx: Transaction, machine: Sequence[UUID], positive: SterilizationCycle) -> list[tuple[Cycle, str]]:
    """Cycles with their purpose, from the last negative one before the positive: older ones cannot be in doubt."""
    here = (SterilizationCycle.clinic_id == tx.clinic_id, SterilizationCycle.sterilizer_id.in_(machine))
    last_negative = (
        select(SterilizationCycle.started_at)
        .where(*here, SterilizationCycle.indicator == "negative", SterilizationCycle.started_at < positive.started_at)
        .order_by(SterilizationCycle.started_at.desc())
        .limit(1)
    )
    since = await tx.rows.scalar(last_negative)
    query = select(
        SterilizationCycle.cycle_id, SterilizationCycle.started_at, SterilizationCycle.indicator, SterilizationCycle.purpose
    ).where(*here, *([SterilizationCycle.started_at >= since] if since else []))
    return [(Cycle(row.cycle_id, row.started_at, row.indicator), row.purpose) for row in await tx.rows.execute(query)]


async def _another_awaits(tx: Transaction, machine: Sequence[UUID]) -> bool:
    """Whether this machine has a recall that awaits its repeated indicators: a second positive one decides."""
    query = select(Recall.recall_id).where(Recall.clinic_id == tx.clinic_id, Recall.subject_id.in_(machine), Recall.decision == "pending")
    return await tx.rows.scalar(query.limit(1)) is not None


async def decide_recall(tx: Transaction, request: JointDecision) -> Answer[Any]:
    """Two persons confirm or release a recall that awaits it. The list stays as it is."""
    held = await roles_held(tx.rows, tx.clinic_id, request.report.second_signer_id, tx.now)
    return await _decide(tx, request, second_signer_must_be_able_to_decide(held), showed=request.second_showed)


async def decide_recall_unshown(tx: Transaction, request: Said[RecallDecisionReport]) -> Answer[Any]:
    """As it was decided before anything was asked of the second signer: only the checker asks so, of what is on record from then."""
    return await _decide(tx, request)


async def _decide(
    tx: Transaction, request: Said[RecallDecisionReport], *of_the_second: Finding, showed: Literal["pin", "token"] | None = None
) -> Answer[Any]:
    rule, report = await policy_now(tx), request.report
    recall = await row_of(tx, Recall, request.subject_id)
    if recall is None:
        unknown = subject_must_be_known("recall", request.subject_id, known=False)
        return await refuse(tx, "decide_recall", request.subject_id, [unknown], rule)
    readings = await _readings_since(tx, recall)
    findings = (
        recall_must_be_pending(recall.decision),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        second_signer_must_be_another(tx.actor.identity_id, report.second_signer_id),
        *of_the_second,
        root_cause_must_be_in_the_policy(rule.policy, report.root_cause),
        repeats_must_be_negative(rule.policy, report.decision, [reading.result for reading in readings]),
    )
    if any_unmet(findings):
        return await refuse(tx, "decide_recall", request.subject_id, findings, rule)
    decided = RecallDecided(
        recall_id=recall.recall_id,
        decision=report.decision,
        root_cause=report.root_cause,
        second_signer_id=report.second_signer_id,
        second_showed=showed,
        evidence=tuple(reading.indicator_id for reading in readings[:100]),
        occurred_at=report.occurred_at,
        device=report.device,
    )
    return await tx.answer(decided, policy=rule.version)


async def confirm_recall(tx: Transaction, recall_id: UUID) -> None:
    """Nobody decided in time: what is in doubt counts as not sterile."""
    rule, recall = await policy_now(tx), await row_of(tx, Recall, recall_id)
    if recall is None or recall.decision != "pending" or recall.decide_by is None or recall.decide_by > tx.now:
        return
    confirmed = RecallDecided(recall_id=recall_id, decision="confirmed", root_cause="undecided", occurred_at=tx.now)
    await tx.record(confirmed, policy=rule.version)


async def _readings_since(tx: Transaction, recall: Recall) -> Sequence[Indicator]:
    """Indicators of the machine read after the one that opened the recall."""
    cause = select(Indicator.occurred_at).where(Indicator.clinic_id == tx.clinic_id, Indicator.event_id == recall.cause)
    query = select(Indicator).where(
        Indicator.clinic_id == tx.clinic_id,
        Indicator.sterilizer_id == recall.subject_id,
        Indicator.occurred_at > cause.scalar_subquery(),
    )
    return (await tx.rows.scalars(query.order_by(Indicator.occurred_at))).all()
