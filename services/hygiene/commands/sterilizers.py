"""Sterilizers come into service, leave it, and come back when their cycles say so."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from events.catalog.hygiene import SterilizerCommissioned, SterilizerRemoved, SterilizerReturned
from events.transaction import Answer, Transaction
from schemas.hygiene import Removal, Return, Said, SterilizerReport
from services.hygiene.commands.answers import policy_now, refuse, row_of, tells_the_same
from services.hygiene.commands.doubt import hold_packs
from services.hygiene.models import Pack, SterilizationCycle, Sterilizer
from services.hygiene.rules.claims import (
    id_must_be_new,
    occurred_at_may_not_lie_ahead,
    programs_must_be_in_the_policy,
    subject_must_be_known,
)
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.indicators import (
    Qualification,
    cycles_to_return,
    last_cycles_must_be_good,
    sterilizer_must_be_in_service_to_leave,
    sterilizer_must_be_out_of_service,
)


async def commission_sterilizer(tx: Transaction, request: Said[SterilizerReport]) -> Answer[Any]:
    """Enter a sterilizer with the programs it was qualified for."""
    rule, report = await policy_now(tx), request.report
    earlier = await row_of(tx, Sterilizer, request.subject_id)
    if earlier and tells_the_same(
        earlier,
        serial=report.serial,
        air_removal=report.air_removal,
        programs=list(report.programs),
        commissioned_at=report.occurred_at,
    ):
        return await tx.repeat(earlier.event_id)
    findings = (
        id_must_be_new(request.subject_id, known=earlier is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        programs_must_be_in_the_policy(rule.policy, report.air_removal, report.programs),
    )
    if any_unmet(findings):
        return await refuse(tx, "commission_sterilizer", request.subject_id, findings, rule)
    commissioned = SterilizerCommissioned(
        sterilizer_id=request.subject_id,
        serial=report.serial,
        air_removal=report.air_removal,
        programs=report.programs,
        occurred_at=report.occurred_at,
        device=report.device,
    )
    stopped = await _stopped_before(tx, report.serial)
    answer = await tx.answer(commissioned, policy=rule.version)
    if stopped is not None:
        reason = stopped.removal_reason or "stopped_before"
        await tx.record(
            SterilizerRemoved(sterilizer_id=request.subject_id, reason=reason, occurred_at=report.occurred_at), policy=rule.version
        )
    return answer


async def _stopped_before(tx: Transaction, serial: str) -> Sterilizer | None:
    """The same machine as it was commissioned last, if it is out of service: a new id does not bring it back."""
    newest = (
        select(Sterilizer)
        .where(Sterilizer.clinic_id == tx.clinic_id, Sterilizer.serial == serial)
        .order_by(Sterilizer.commissioned_at.desc(), Sterilizer.sterilizer_id)
        .limit(1)
    )
    found = (await tx.rows.scalars(newest.execution_options(populate_existing=True))).first()
    return None if found is None or found.in_service else found


async def remove_sterilizer(tx: Transaction, request: Said[Removal]) -> Answer[Any]:
    """Take a sterilizer out of service: for repair, or because somebody saw what no indicator says yet."""
    rule, report = await policy_now(tx), request.report
    sterilizer = await row_of(tx, Sterilizer, request.subject_id)
    findings = (
        subject_must_be_known("sterilizer", request.subject_id, known=sterilizer is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        sterilizer_must_be_in_service_to_leave(in_service=sterilizer is None or sterilizer.in_service),
    )
    if any_unmet(findings):
        return await refuse(tx, "remove_sterilizer", request.subject_id, findings, rule)
    removed = SterilizerRemoved(
        sterilizer_id=request.subject_id, reason=report.reason, occurred_at=report.occurred_at, device=report.device
    )
    answer = await tx.answer(removed, policy=rule.version)
    await hold_packs(tx, rule, await _packs_since(tx, request.subject_id, report.occurred_at), "out_of_service", tx.event_id)
    return answer


async def _packs_since(tx: Transaction, sterilizer_id: UUID, seen_at: datetime) -> list[UUID]:
    """Unused packs of loads that ended after the machine was seen to be bad, released or not."""
    query = (
        select(Pack.pack_id)
        .join(SterilizationCycle, (SterilizationCycle.clinic_id == Pack.clinic_id) & (SterilizationCycle.cycle_id == Pack.cycle_id))
        .where(
            SterilizationCycle.clinic_id == tx.clinic_id,
            SterilizationCycle.sterilizer_id == sterilizer_id,
            SterilizationCycle.ended_at > seen_at,
            Pack.used.is_(False),
            Pack.quarantined.is_(None),
        )
    )
    return list(await tx.rows.scalars(query.order_by(Pack.pack_id)))


async def return_sterilizer(tx: Transaction, request: Said[Return]) -> Answer[Any]:
    """Back into service after enough good cycles in a row since it left."""
    rule, report = await policy_now(tx), request.report
    sterilizer = await row_of(tx, Sterilizer, request.subject_id)
    findings = [
        subject_must_be_known("sterilizer", request.subject_id, known=sterilizer is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
    ]
    if sterilizer is not None:
        wanted = cycles_to_return(rule.policy, sterilizer.removal_reason or "")
        good = last_cycles_must_be_good(await _cycles_since_removal(tx, sterilizer, wanted), wanted)
        findings += [sterilizer_must_be_out_of_service(in_service=sterilizer.in_service), good]
    if any_unmet(findings):
        return await refuse(tx, "return_sterilizer", request.subject_id, findings, rule)
    returned = SterilizerReturned(
        sterilizer_id=request.subject_id, evidence=findings[-1].evidence, occurred_at=report.occurred_at, device=report.device
    )
    return await tx.answer(returned, policy=rule.version)


async def _cycles_since_removal(tx: Transaction, sterilizer: Sterilizer, wanted: int) -> list[Qualification]:
    """The latest first, no more than are asked for. Air removal tests carry no biological indicator, so they do not count."""
    if sterilizer.removed_at is None:
        return []
    query = (
        select(SterilizationCycle)
        .where(
            SterilizationCycle.clinic_id == tx.clinic_id,
            SterilizationCycle.sterilizer_id == sterilizer.sterilizer_id,
            SterilizationCycle.started_at > sterilizer.removed_at,
            SterilizationCycle.purpose != "air_removal_test",
        )
        .order_by(SterilizationCycle.started_at.desc())
        .limit(wanted)
    )
    return [
        Qualification(cycle.cycle_id, cycle.mechanical, cycle.external_indicator, cycle.internal_indicator, cycle.indicator)
        for cycle in await tx.rows.scalars(query)
    ]
