"""The gate."""

from typing import Any

from sqlalchemy import select

from events.catalog.treatment import Equipment, TreatmentRefused, TreatmentStarted
from events.faults import reach
from events.transaction import Answer, Transaction
from schemas.treatment import StartRequest
from schemas.vocabulary import Finding
from services.treatment.commands.load_case import Asked, load_case
from services.treatment.models import Treatment
from services.treatment.rules import Case, ask_the_gate, unmet_of
from services.treatment.rules.records import BookedVisit


async def start_treatment(tx: Transaction, request: StartRequest) -> Answer[Any]:
    """Ask every rule at this instant; started with its certificate, or refused with every finding.

    Pressed again under a new id on a started booking, it answers with the start that was.
    """
    case = await load_case(
        tx.rows,
        tx.clinic_id,
        Asked(
            at=tx.now,
            until=tx.now,
            clock_trusted=tx.clock_trusted,
            practitioner_id=tx.actor.identity_id,
            packs=request.packs,
            **request.model_dump(exclude={"packs"}),
        ),
    )
    if case.treated_in:
        started = select(Treatment.event_id).where(
            Treatment.clinic_id == tx.clinic_id, Treatment.booking_id == request.booking_id, Treatment.late.is_(False)
        )
        earlier = (await tx.rows.execute(started)).scalars().first()
        if earlier is not None:
            return await tx.repeat(earlier)
    findings = ask_the_gate(case)
    reach("treatment.judged")
    if case.visit is None or unmet_of(findings):
        return await tx.answer(_refused(case, request, findings), policy=case.version)
    return await tx.answer(_started(tx, case, case.visit, request, findings), policy=case.version)


def _equipment(request: StartRequest) -> Equipment:
    return Equipment(
        room_id=request.room_id,
        handpiece_id=request.handpiece_id,
        cartridge_unit_ids=tuple(dict.fromkeys(request.cartridge_unit_ids)),
        pack_ids=tuple(dict.fromkeys(pack.pack_id for pack in request.packs)),
    )


def _refused(case: Case, request: StartRequest, findings: tuple[Finding, ...]) -> TreatmentRefused:
    client_id = None if case.visit is None else case.visit.client_id
    return TreatmentRefused(booking_id=request.booking_id, client_id=client_id, equipment=_equipment(request), findings=findings)


def _started(tx: Transaction, case: Case, visit: BookedVisit, request: StartRequest, findings: tuple[Finding, ...]) -> TreatmentStarted:
    """Until the end comes, areas and depth are those consented: the most that may have been done."""
    consents = case.covering_consents if case.areas else ()
    areas = {area for consent in consents for area in consent.areas}
    return TreatmentStarted(
        treatment_id=tx.new_id(),
        booking_id=visit.booking_id,
        client_id=visit.client_id,
        practitioner_id=case.practitioner_id,
        equipment=_equipment(request),
        lot_ids=tuple(dict.fromkeys(cartridge.lot_id for cartridge in case.cartridges)),
        cycle_ids=tuple(dict.fromkeys(pack.cycle_id for pack in case.packs)),
        reprocessing_id=None if case.reprocessing is None else case.reprocessing.record_id,
        turnover_id=None if case.turnover is None else case.turnover.record_id,
        consent_id=consents[0].consent_id if consents else None,
        modality=case.modality,
        areas=tuple(sorted(areas | set(case.areas))),
        max_depth_um=max((consent.max_depth_um for consent in consents), default=case.depth_um),
        planned_areas=case.areas,
        planned_depth_um=case.depth_um,
        planned_end_at=tx.now + (visit.ends_at - visit.starts_at),
        findings=findings,
    )
