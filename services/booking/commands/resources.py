"""Rooms, devices and practitioners."""

from typing import Any

from events.catalog.booking import PractitionerCredentialed, RequestRefused, ResourceAdded
from events.transaction import Answer, Transaction
from schemas.booking import Credential, ResourceAddition
from schemas.policy import local_date, turnover_of
from services.booking.models import Resource
from services.booking.queries import load_policy
from services.booking.rules import allows, credential_must_hold_today, policy_must_be_in_force, resource_must_keep_its_kind


async def add_resource(tx: Transaction, request: ResourceAddition) -> Answer[Any]:
    """Add a room or device, or change its turnover. Without one of its own it takes the policy's of today."""
    known = await tx.rows.get(Resource, (tx.clinic_id, request.resource_id), populate_existing=True)
    rule = await load_policy(tx.rows, tx.clinic_id, tx.now)
    findings = (
        policy_must_be_in_force(known=rule is not None),
        resource_must_keep_its_kind(request.resource_id, request.kind, known.kind if known else None),
    )
    if rule is None or not allows(findings):
        return await tx.answer(RequestRefused(command="add_resource", subject_id=request.resource_id, findings=findings))
    minutes = request.turnover_minutes
    if minutes is None:
        minutes = int(turnover_of(rule.policy, request.kind).total_seconds() // 60)
    return await tx.answer(ResourceAdded(resource_id=request.resource_id, kind=request.kind, turnover_minutes=minutes), policy=rule.version)


async def credential_practitioner(tx: Transaction, request: Credential) -> Answer[Any]:
    """Say what a practitioner may do, and until when; the newest credential holds."""
    rule = await load_policy(tx.rows, tx.clinic_id, tx.now)
    findings = (
        (policy_must_be_in_force(known=False),)
        if rule is None
        else (credential_must_hold_today(request.valid_until, local_date(rule.policy, tx.now)),)
    )
    if rule is None or not allows(findings):
        refused = RequestRefused(command="credential_practitioner", subject_id=request.practitioner_id, findings=findings)
        return await tx.answer(refused)
    credentialed = PractitionerCredentialed(
        practitioner_id=request.practitioner_id,
        role=request.role,
        modalities=request.modalities,
        max_depth_um=request.max_depth_um,
        valid_until=request.valid_until,
    )
    return await tx.answer(credentialed, policy=rule.version)
