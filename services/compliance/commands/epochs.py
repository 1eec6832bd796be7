"""The record goes on behind a restore."""

from typing import Any

from events import epochs
from events.access import roles_of
from events.catalog.compliance import ComplianceRefused, EpochOpened
from events.envelope import Context, body_of, versioned_type
from events.transaction import Answer, Transaction
from schemas.compliance import OpenEpoch
from services.compliance.commands.findings import unmet
from services.compliance.rules.access import approver_must_answer_for_the_clinic, approvers_must_be_two_persons


class NotLevelError(Exception):
    """A service has not worked the epoch to its end; somebody recorded something meanwhile."""


async def open_epoch(tx: Transaction, request: OpenEpoch) -> Answer[Any]:
    """End the clinic's epoch where it stands and open the next. Refused by an entry of the former epoch, granted by the new one's first.

    Raises `NotLevelError` while a service is behind: what it has not worked would be nobody's any more.
    """
    findings = unmet(
        approvers_must_be_two_persons(request.approvers),
        *[
            approver_must_answer_for_the_clinic(approver, await roles_of(tx.rows, tx.clinic_id, approver, tx.now))
            for approver in request.approvers
        ],
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="open_epoch", subject_id=tx.clinic_id, findings=findings))
    behind = await epochs.bookmarks_behind(tx.rows, tx.clinic_id, tx.head)
    if behind:
        raise NotLevelError(", ".join(f"{found.service} ({found.stage})" for found in behind))
    opened = EpochOpened(
        former_epoch=tx.head.epoch,
        former_size=tx.head.size,
        former_chain=tx.head.chain.hex(),
        published_size=await epochs.published_size(tx.rows, tx.clinic_id, tx.head),
        approvers=request.approvers,
        reason=request.reason,
    )
    body = body_of(opened, Context(tx.actor, tx.context.causation, tx.context.correlation))
    entry = await epochs.open_epoch(tx.rows, tx.clinic_id, tx.head, tx.now, tx.event_id, versioned_type(opened), body)
    return Answer(entry)
