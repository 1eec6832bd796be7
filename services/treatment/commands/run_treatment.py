"""While it runs: pause, resume, a further cartridge."""

from typing import Any

from events.catalog.treatment import CartridgeAdded, TreatmentPaused, TreatmentResumed
from events.transaction import Answer, Transaction
from schemas.treatment import AddedCartridge, Pause, Resumption
from services.treatment.commands.answers import all_met, policy_of, refuse, said_at, treatment_of
from services.treatment.commands.load_case import load_case
from services.treatment.commands.running import asked_of
from services.treatment.rules import cartridges_must_be_sterile_and_unused, requests


async def pause_treatment(tx: Transaction, pause: Pause) -> Answer[Any]:
    rule, treatment = await policy_of(tx), await treatment_of(tx, pause.treatment_id)
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    findings = [
        requests.treatment_must_be_known(known=treatment is not None),
        requests.treatment_must_not_be_over(over=treatment is not None and treatment.ended_at is not None),
        requests.treatment_must_be_running(paused=treatment is not None and treatment.paused),
        requests.time_must_not_lie_ahead(pause.note.occurred_at or tx.now, tx.now, policy),
    ]
    if not all_met(findings):
        return await refuse(tx, "pause_treatment", pause.treatment_id, findings, version)
    occurred_at = said_at(tx, pause.note.occurred_at)
    paused = TreatmentPaused(treatment_id=pause.treatment_id, reason=pause.note.reason, occurred_at=occurred_at)
    return await tx.answer(paused, policy=version)


async def resume_treatment(tx: Transaction, resumption: Resumption) -> Answer[Any]:
    rule, treatment = await policy_of(tx), await treatment_of(tx, resumption.treatment_id)
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    findings = [
        requests.treatment_must_be_known(known=treatment is not None),
        requests.treatment_must_not_be_over(over=treatment is not None and treatment.ended_at is not None),
        requests.treatment_must_be_paused(paused=treatment is None or treatment.paused),
        requests.time_must_not_lie_ahead(resumption.note.occurred_at or tx.now, tx.now, policy),
    ]
    if not all_met(findings):
        return await refuse(tx, "resume_treatment", resumption.treatment_id, findings, version)
    occurred_at = said_at(tx, resumption.note.occurred_at)
    return await tx.answer(TreatmentResumed(treatment_id=resumption.treatment_id, occurred_at=occurred_at), policy=version)


async def add_cartridge(tx: Transaction, added: AddedCartridge) -> Answer[Any]:
    """The gate's own rule about cartridges is asked of the new one, as of now."""
    rule, treatment = await policy_of(tx), await treatment_of(tx, added.treatment_id)
    version = None if rule is None else rule.version
    findings = [
        requests.treatment_must_be_known(known=treatment is not None),
        requests.treatment_must_not_be_over(over=treatment is not None and treatment.ended_at is not None),
    ]
    if treatment is None or treatment.booking_id is None or not all_met(findings):
        return await refuse(tx, "add_cartridge", added.treatment_id, findings, version)
    asked = asked_of(treatment, at=tx.now, until=tx.now, units=(added.unit_id,), clock_trusted=tx.clock_trusted)
    case = await load_case(tx.rows, tx.clinic_id, asked)
    here = any(added.treatment_id in cartridge.used_in for cartridge in case.cartridges)
    of_the_gate = cartridges_must_be_sterile_and_unused(case)
    findings = [of_the_gate, requests.cartridge_must_not_be_in_this_treatment(here=here)]
    if not all_met(findings):
        return await refuse(tx, "add_cartridge", added.treatment_id, findings, version)
    event = CartridgeAdded(
        treatment_id=added.treatment_id,
        booking_id=treatment.booking_id,
        client_id=treatment.client_id,
        unit_id=added.unit_id,
        lot_id=case.cartridges[0].lot_id,
        findings=(of_the_gate,),
    )
    return await tx.answer(event, policy=version)
