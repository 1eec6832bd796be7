"""Whether the packs of a load may be used."""

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import select

from events.catalog.hygiene import LoadReleased
from events.transaction import Answer, Transaction
from schemas.hygiene import Release, Said
from schemas.policy import Policy, local_date
from services.hygiene.commands.answers import policy_now, refuse, row_of
from services.hygiene.models import Outage, SterilizationCycle, Sterilizer
from services.hygiene.rules.claims import occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.release import IndicatorState, Load, Pending, Runs, basis_of, release_findings


async def release_load(tx: Transaction, request: Said[Release]) -> Answer[Any]:
    """Release a load, with everything that was asked; a load that was released already keeps its answer."""
    rule, report = await policy_now(tx), request.report
    cycle = await row_of(tx, SterilizationCycle, request.subject_id)
    sterilizer = await row_of(tx, Sterilizer, cycle.sterilizer_id) if cycle else None
    if cycle is None or sterilizer is None:
        unknown = subject_must_be_known("cycle", request.subject_id, known=False)
        return await refuse(tx, "release_load", request.subject_id, [unknown], rule)
    if cycle.release_id is not None:
        return await tx.repeat(cycle.release_id)
    load = await _load(tx, rule.policy, cycle, sterilizer)
    runs = await _runs(tx, rule.policy, cycle, sterilizer)
    claimed = occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now)
    findings = (claimed, *release_findings(rule.policy, load, runs, tx.now))
    if any_unmet(findings):
        return await refuse(tx, "release_load", request.subject_id, findings, rule)
    released = LoadReleased(
        cycle_id=cycle.cycle_id,
        sterilizer_id=cycle.sterilizer_id,
        basis=basis_of(load.indicator),
        findings=findings,
        occurred_at=report.occurred_at,
        device=report.device,
    )
    return await tx.answer(released, policy=rule.version)


async def _load(tx: Transaction, policy: Policy, cycle: SterilizationCycle, sterilizer: Sterilizer) -> Load:
    """The load as the rules see it. An air removal test counts on the clinic's day of the load, before it."""
    tests = select(SterilizationCycle.started_at).where(
        SterilizationCycle.clinic_id == tx.clinic_id,
        SterilizationCycle.sterilizer_id == cycle.sterilizer_id,
        SterilizationCycle.started_at.between(cycle.started_at - timedelta(days=1), cycle.started_at),
        SterilizationCycle.purpose == "air_removal_test",
        SterilizationCycle.mechanical == "passed",
        SterilizationCycle.internal_indicator == "changed",
    )
    # Its return shows that it works since then; it says nothing of what ran while it was known to be bad.
    outage = select(Outage.event_id).where(
        Outage.clinic_id == tx.clinic_id,
        Outage.sterilizer_id == cycle.sterilizer_id,
        Outage.removed_at < cycle.ended_at,
        Outage.returned_at.is_(None) | (Outage.returned_at > cycle.started_at),
    )
    day = local_date(policy, cycle.started_at)
    return Load(
        cycle_id=cycle.cycle_id,
        purpose=cycle.purpose,
        mechanical=cycle.mechanical,
        external=cycle.external_indicator,
        internal=cycle.internal_indicator,
        indicator=cast("IndicatorState", cycle.indicator),
        in_service=sterilizer.in_service and await tx.rows.scalar(outage.limit(1)) is None,
        recall_ids=tuple(cycle.recall_ids),
        air_removal=sterilizer.air_removal,
        air_removal_tested=any(local_date(policy, at) == day for at in await tx.rows.scalars(tests)),
    )


async def _runs(tx: Transaction, policy: Policy, cycle: SterilizationCycle, sterilizer: Sterilizer) -> Runs:
    """The sterilizer's indicators: when the last one ran, whether it stood idle since, which are not read yet."""
    here = (SterilizationCycle.clinic_id == tx.clinic_id, SterilizationCycle.sterilizer_id == cycle.sterilizer_id)
    last_run_at = sterilizer.last_run_at or sterilizer.commissioned_at
    between = select(SterilizationCycle.cycle_id).where(
        *here, SterilizationCycle.started_at > last_run_at, SterilizationCycle.started_at < cycle.started_at
    )
    unread = select(SterilizationCycle).where(*here, SterilizationCycle.indicator == "pending")
    return Runs(
        last_run_on=local_date(policy, last_run_at),
        idle=await tx.rows.scalar(between.limit(1)) is None,
        pending=tuple(
            Pending(pending.cycle_id, pending.started_at, pending.indicator_product or "") for pending in await tx.rows.scalars(unread)
        ),
    )
