"""Something was learned that touches a running treatment: ask the gate again, and say so in the room."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from events.catalog.treatment import TreatmentStopAdvised
from events.transaction import Transaction, View
from schemas.vocabulary import Finding
from services.treatment.commands.load_case import load_case, persons_of
from services.treatment.commands.running import asked_of
from services.treatment.models import Treatment
from services.treatment.rules import ask_the_gate, unmet_of


async def advise_stop(tx: Transaction, cause: UUID, *, items: Collection[UUID] = (), client_id: UUID | None = None) -> None:
    """For every open treatment that uses one of these lots, cycles, packs or handpieces, or is this client's.

    Nothing is said where the gate would still let it start: another consent covers it, or another rule never applied.
    """
    persons = () if client_id is None else await persons_of(tx.rows, tx.clinic_id, client_id)
    running = select(Treatment).where(Treatment.clinic_id == tx.clinic_id, Treatment.ended_at.is_(None))
    for treatment in (await tx.rows.execute(running)).scalars().all():
        used = {*treatment.lot_ids, *treatment.cycle_ids, *treatment.pack_ids, *treatment.unit_ids, treatment.handpiece_id}
        touched = bool(used & set(items)) or treatment.client_id in persons
        if not touched or treatment.booking_id is None or cause in treatment.stop_causes:
            continue
        case = await load_case(tx.rows, tx.clinic_id, asked_of(treatment, at=treatment.started_at, until=tx.now))
        findings = ask_the_gate(case)
        if unmet_of(findings):
            advice = TreatmentStopAdvised(
                treatment_id=treatment.treatment_id,
                booking_id=treatment.booking_id,
                client_id=treatment.client_id,
                cause=cause,
                findings=findings,
            )
            await tx.record(advice, policy=case.version)


async def stop_reasons(view: View, treatment_id: UUID) -> tuple[Finding, ...]:
    """What the gate would say against it by now, where a stop was advised and the treatment goes on. Nothing is recorded."""
    query = select(Treatment).where(Treatment.clinic_id == view.clinic_id, Treatment.treatment_id == treatment_id)
    treatment = (await view.rows.execute(query)).scalar_one_or_none()
    if treatment is None or treatment.ended_at is not None or not treatment.stop_causes:
        return ()
    return unmet_of(ask_the_gate(await load_case(view.rows, view.clinic_id, asked_of(treatment, at=treatment.started_at, until=view.now))))
