"""The end: what was really done. And the end that nobody reported."""

from typing import Any
from uuid import UUID

from events.catalog.treatment import TreatmentEnded, TreatmentEndMissing
from events.transaction import Answer, Transaction
from schemas.treatment import End
from schemas.vocabulary import Area, Modality
from services.treatment.commands.answers import all_met, policy_of, refuse, said_at, treatment_of
from services.treatment.rules import requests


async def end_treatment(tx: Transaction, end: End) -> Answer[Any]:
    """Refused while something is left undone. What went beyond the consent is recorded as it was, with the finding."""
    rule, treatment, note = await policy_of(tx), await treatment_of(tx, end.treatment_id), end.note
    policy, version = (None, None) if rule is None else (rule.policy, rule.version)
    if treatment is not None and treatment.end_event_id is not None:
        return await tx.repeat(treatment.end_event_id)
    claimed = note.ended_at or tx.now
    findings = [
        requests.treatment_must_be_known(known=treatment is not None),
        *requests.of_a_clean_end(note, needled=treatment is None or treatment.handpiece_id is not None),
        requests.time_must_not_lie_ahead(claimed, tx.now, policy, "ended_at"),
        requests.time_must_not_lie_before(claimed, claimed if treatment is None else treatment.started_at, "ended_at"),
    ]
    if treatment is None or treatment.booking_id is None or not all_met(findings):
        return await refuse(tx, "end_treatment", end.treatment_id, findings, version)
    consented = tuple(Area(area) for area in treatment.areas)
    ended = TreatmentEnded(
        treatment_id=end.treatment_id,
        booking_id=treatment.booking_id,
        client_id=treatment.client_id,
        modality=Modality(treatment.modality),
        ended_at=said_at(tx, note.ended_at),
        findings=(
            requests.depth_must_stay_within_consent(note.depths, treatment.max_depth_um),
            requests.areas_must_stay_within_consent(note.depths, consented),
        ),
        **note.model_dump(exclude={"ended_at"}),
    )
    return await tx.answer(ended, policy=version)


async def report_missing_end(tx: Transaction, treatment_id: UUID) -> None:
    """Look again under the lock: an end may have come since it was listed."""
    rule, treatment = await policy_of(tx), await treatment_of(tx, treatment_id)
    if treatment is None or treatment.booking_id is None or treatment.ended_at is not None or treatment.end_missing:
        return
    missing = TreatmentEndMissing(treatment_id=treatment_id, booking_id=treatment.booking_id, planned_end_at=treatment.planned_end_at)
    await tx.record(missing, policy=None if rule is None else rule.version)
