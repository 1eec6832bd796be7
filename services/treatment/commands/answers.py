"""What several commands of this service share: refusing with every reason, and looking up what is there."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from events.catalog.treatment import TreatmentRequestRefused
from events.policy import InForce, policy_in_force
from events.transaction import Answer, Transaction
from schemas.vocabulary import Finding, Verdict
from services.treatment.models import Policies, Treatment, Visit
from services.treatment.rules import records


async def policy_of(tx: Transaction) -> InForce | None:
    return await policy_in_force(tx.rows, Policies, tx.clinic_id, at=tx.now)


async def visit_of(tx: Transaction, booking_id: UUID) -> records.BookedVisit | None:
    names = records.BookedVisit.model_fields
    query = select(*(getattr(Visit, name) for name in names)).where(Visit.clinic_id == tx.clinic_id, Visit.booking_id == booking_id)
    found = (await tx.rows.execute(query)).one_or_none()
    return None if found is None else records.BookedVisit.model_validate(found._asdict())


async def treatment_of(tx: Transaction, treatment_id: UUID) -> Treatment | None:
    query = select(Treatment).where(Treatment.clinic_id == tx.clinic_id, Treatment.treatment_id == treatment_id)
    return (await tx.rows.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()


def said_at(tx: Transaction, claimed: datetime | None) -> datetime:
    """When it happened: as claimed, or now; a clock that is a little ahead does not reach into the future."""
    return tx.now if claimed is None else min(claimed, tx.now)


def all_met(findings: Iterable[Finding]) -> bool:
    return all(finding.verdict is not Verdict.UNMET for finding in findings)


async def refuse(tx: Transaction, command: str, subject_id: UUID, findings: Iterable[Finding], version: int | None) -> Answer[Any]:
    """Record the refusal, with what failed only: the rest was never in question."""
    failed = tuple(finding for finding in findings if finding.verdict is Verdict.UNMET)
    return await tx.answer(TreatmentRequestRefused(command=command, subject_id=subject_id, findings=failed), policy=version)
