"""The record about the record: who looked, and what was passed over."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from events.access import roles_of
from events.catalog.compliance import ComplianceRefused, EntrySkipped, RecordViewed
from events.transaction import Answer, Transaction, View
from schemas.compliance import RecordView, SkipEntry
from schemas.vocabulary import Role
from services.compliance.commands.findings import unmet
from services.compliance.rules.access import (
    approver_must_answer_for_the_clinic,
    approvers_must_be_two_persons,
    skipped_entry_must_exist,
)

Roles = Mapping[UUID, Collection[Role]]


async def record_viewed(tx: Transaction, request: RecordView) -> Answer[Any]:
    """Looking is itself recorded; nobody is refused here, for the door asked before."""
    return await tx.answer(RecordViewed(question=request.question, subject_id=request.subject_id, answers=request.answers))


async def roles_of_approvers(view: Transaction | View, request: SkipEntry) -> Roles:
    """What the two persons are in this clinic."""
    return {approver: await roles_of(view.rows, view.clinic_id, approver, view.now) for approver in request.approvers}


async def skip_entry(tx: Transaction, request: SkipEntry) -> Answer[Any]:
    """Two persons answer for it. Whoever asked moves the bookmark after this was recorded."""
    return await skip_approved(tx, request, await roles_of_approvers(tx, request))


async def skip_approved(tx: Transaction, request: SkipEntry, roles: Roles) -> Answer[Any]:
    """The same where the roles were looked up before: `tx` may be another service's, if it is compliance that stands still."""
    findings = unmet(
        approvers_must_be_two_persons(request.approvers),
        *[approver_must_answer_for_the_clinic(approver, roles[approver]) for approver in request.approvers],
        skipped_entry_must_exist(request.index, tx.size, same_epoch=request.epoch == tx.head.epoch),
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="skip_entry", subject_id=tx.clinic_id, findings=findings))
    return await tx.answer(
        EntrySkipped(
            service=request.service,
            stage=request.stage,
            skipped_epoch=request.epoch,
            skipped_index=request.index,
            approvers=request.approvers,
            reason=request.reason,
        )
    )
