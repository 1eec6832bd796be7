"""Cycles are recorded whatever they show: a failed one is a fact like any other."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from events.catalog.hygiene import CycleRecorded, LabeledPack
from events.policy import InForce
from events.transaction import Answer, Transaction
from schemas.hygiene import CycleReport, Said
from schemas.vocabulary import Finding
from services.hygiene.commands.answers import policy_now, refuse, row_of
from services.hygiene.commands.recalls import add_to_open_recalls
from services.hygiene.models import CycleSamples, Pack, SterilizationCycle, Sterilizer
from services.hygiene.rules.claims import id_must_be_new, occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.cycles import (
    chemical_indicators_must_have_changed,
    cycle_number_must_be_new,
    mechanical_findings,
    mechanical_result,
    pack_ids_must_be_new,
    plateau_of,
    set_right,
    sterile_until,
    sterilizer_clock_should_be_right,
)
from services.hygiene.rules.finding import any_unmet


async def record_cycle(tx: Transaction, request: Said[CycleReport]) -> Answer[Any]:
    """Record a cycle with what the chamber did; one that came late joins the recall that its time falls into."""
    rule = await policy_now(tx)
    earlier = await row_of(tx, SterilizationCycle, request.subject_id)
    if earlier and await _was_told(tx, request):
        return await tx.repeat(earlier.event_id)
    sterilizer = await row_of(tx, Sterilizer, request.report.sterilizer_id)
    objections = await _objections(tx, rule, request, known=earlier is not None, sterilizer=sterilizer)
    if sterilizer is None or any_unmet(objections):
        return await refuse(tx, "record_cycle", request.subject_id, objections, rule)
    salt, digest = tx.commitment(_content(request.report))
    tx.rows.add(CycleSamples(clinic_id=tx.clinic_id, cycle_id=request.subject_id, salt=salt, report=_content(request.report)))
    answer = await tx.answer(_fact(rule, request, sterilizer, digest), policy=rule.version)
    await add_to_open_recalls(tx, rule, answer.event)
    return answer


def _content(report: CycleReport) -> bytes:
    """The report without its device: the same cycle may be sent again from another tablet."""
    return report.model_dump_json(exclude={"device"}).encode()


async def _was_told(tx: Transaction, request: Said[CycleReport]) -> bool:
    told = await row_of(tx, CycleSamples, request.subject_id)
    return told is not None and told.report == _content(request.report)


async def _objections(
    tx: Transaction, rule: InForce, request: Said[CycleReport], *, known: bool, sterilizer: Sterilizer | None
) -> Sequence[Finding]:
    """What makes the report itself unusable, not the cycle bad."""
    report = request.report
    same_number = select(SterilizationCycle.cycle_id).where(
        SterilizationCycle.clinic_id == tx.clinic_id,
        SterilizationCycle.sterilizer_id == report.sterilizer_id,
        SterilizationCycle.cycle_number == report.cycle_number,
    )
    packs = [pack.pack_id for pack in report.packs]
    known_packs = select(func.count()).select_from(Pack).where(Pack.clinic_id == tx.clinic_id, Pack.pack_id.in_(packs))
    ended_at = set_right(report.ended_at, report.clock_ahead_seconds)
    return (
        id_must_be_new(request.subject_id, known=known),
        subject_must_be_known("sterilizer", report.sterilizer_id, known=sterilizer is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        occurred_at_may_not_lie_ahead(rule.policy, ended_at, tx.now, field="ended_at"),
        cycle_number_must_be_new(report.cycle_number, known=await tx.rows.scalar(same_number.limit(1)) is not None),
        pack_ids_must_be_new(await tx.rows.scalar(known_packs) or 0 if packs else 0),
    )


def _fact(rule: InForce, request: Said[CycleReport], sterilizer: Sterilizer, digest: str) -> CycleRecorded:
    report, plateau = request.report, plateau_of(request.report.samples)
    ended_at = set_right(report.ended_at, report.clock_ahead_seconds)
    mechanical = mechanical_findings(rule.policy, report, sterilizer.air_removal, sterilizer.programs)
    until = sterile_until(rule.policy, report.program, ended_at)
    return CycleRecorded(
        cycle_id=request.subject_id,
        sterilizer_id=report.sterilizer_id,
        cycle_number=report.cycle_number,
        program=report.program,
        purpose=report.purpose,
        started_at=set_right(report.started_at, report.clock_ahead_seconds),
        ended_at=ended_at,
        plateau_seconds=plateau.seconds,
        lowest_mc=plateau.lowest_mc,
        highest_mc=plateau.highest_mc,
        sample_count=len(report.samples),
        samples_digest=digest,
        external_indicator=report.external_indicator,
        internal_indicator=report.internal_indicator,
        mechanical=mechanical_result(mechanical),
        findings=(
            *mechanical,
            chemical_indicators_must_have_changed(report.external_indicator, report.internal_indicator),
            sterilizer_clock_should_be_right(report.clock_ahead_seconds),
        ),
        packs=tuple(LabeledPack(pack_id=pack.pack_id, contents=pack.contents, sterile_until=until) for pack in report.packs),
        indicator_product=report.indicator.product if report.indicator else None,
        indicator_lot=report.indicator.lot if report.indicator else None,
        occurred_at=report.occurred_at,
        device=report.device,
    )
