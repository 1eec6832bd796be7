"""Policy versions."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from events.access import roles_of
from events.catalog.compliance import ComplianceRefused, PolicyPublished
from events.transaction import Answer, Transaction
from schemas.compliance import PolicyRequest
from schemas.policy import digest_of
from services.compliance.commands.findings import unmet
from services.compliance.models import Policies, PolicyTextRow
from services.compliance.rules.access import approver_must_be_a_clinician
from services.compliance.rules.policy import inconsistencies, policy_must_fit_the_record, policy_must_not_begin_in_the_past


async def publish_policy(tx: Transaction, request: PolicyRequest) -> Answer[Any]:
    """The next version: the newest version that is effective holds, so an urgent change overtakes a planned one."""
    policy, effective_at = request.policy, request.effective_at or tx.now
    newest = select(func.max(Policies.policy_version)).where(Policies.clinic_id == tx.clinic_id)
    version = ((await tx.rows.execute(newest)).scalar_one() or 0) + 1
    findings = unmet(
        approver_must_be_a_clinician(request.approver_id, await roles_of(tx.rows, tx.clinic_id, request.approver_id, tx.now)),
        policy_must_not_begin_in_the_past(effective_at, tx.now, first=version == 1),
        policy_must_fit_the_record(policy),
        *inconsistencies(policy),
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="publish_policy", subject_id=request.approver_id, findings=findings))
    await tx.rows.execute(insert(PolicyTextRow).values(clinic_id=tx.clinic_id, policy_version=version, text=request.text))
    return await tx.answer(
        PolicyPublished(
            policy_version=version,
            effective_at=effective_at,
            approver_id=request.approver_id,
            digest=digest_of(policy),
            document=policy,
        )
    )
