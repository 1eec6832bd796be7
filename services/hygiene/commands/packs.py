"""A pack that was found unfit where it was to be used."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from events.catalog.hygiene import PackQuarantined
from events.transaction import Answer, Transaction
from schemas.hygiene import PackRejection, Said
from services.hygiene.commands.answers import pages, policy_now, refuse, row_of
from services.hygiene.commands.doubt import HELD_AN_ENTRY, hold_packs
from services.hygiene.models import Pack
from services.hygiene.rules.claims import occurred_at_may_not_lie_ahead, subject_must_be_known
from services.hygiene.rules.finding import any_unmet
from services.hygiene.rules.lots import pack_must_be_unused


async def reject_pack(tx: Transaction, request: Said[PackRejection]) -> Answer[Any]:
    """Hold a pack; where its indicator did not change, hold the rest of its load too, for no steam may have reached it."""
    rule, report = await policy_now(tx), request.report
    pack = await row_of(tx, Pack, request.subject_id)
    findings = (
        subject_must_be_known("pack", request.subject_id, known=pack is not None),
        occurred_at_may_not_lie_ahead(rule.policy, report.occurred_at, tx.now),
        pack_must_be_unused(request.subject_id, used=pack is not None and pack.used),
    )
    if pack is None or any_unmet(findings):
        return await refuse(tx, "reject_pack", request.subject_id, findings, rule)
    if pack.quarantine_id is not None:
        return await tx.repeat(pack.quarantine_id)
    others = await _rest_of_load(tx, pack) if report.reason == "indicator_unchanged" else []
    held = next(pages([pack.pack_id, *others], HELD_AN_ENTRY))
    answer = await tx.answer(PackQuarantined(pack_ids=held, reason=report.reason, cause=pack.cycle_id), policy=rule.version)
    await hold_packs(tx, rule, others[len(held) - 1 :], report.reason, pack.cycle_id)
    return answer


async def _rest_of_load(tx: Transaction, pack: Pack) -> list[UUID]:
    query = select(Pack.pack_id).where(
        Pack.clinic_id == tx.clinic_id,
        Pack.cycle_id == pack.cycle_id,
        Pack.pack_id != pack.pack_id,
        Pack.used.is_(False),
        Pack.quarantined.is_(None),
    )
    return list(await tx.rows.scalars(query.order_by(Pack.pack_id)))
