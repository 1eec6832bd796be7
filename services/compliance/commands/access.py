"""Clinics, roles and tokens."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from events.access import AccessToken, holders, roles_of
from events.catalog.compliance import (
    AccessGranted,
    AccessRevoked,
    ClinicOpened,
    ComplianceRefused,
    TokenCreated,
    TokenRevoked,
)
from events.faults import reach
from events.transaction import Answer, Transaction
from schemas.compliance import CreateToken, GrantAccess, OpenClinic, RevokeAccess, RevokeToken
from schemas.vocabulary import Role
from services.compliance.commands.findings import unmet
from services.compliance.commands.tablets import forget_pin
from services.compliance.models import IdentityRow
from services.compliance.rules.access import (
    an_admin_must_remain,
    clinic_must_be_new,
    end_must_lie_ahead,
    grant_must_exist,
    identity_must_have_a_role,
    role_must_be_a_persons_or_a_systems,
    token_must_be_in_force,
    token_must_be_new,
)


async def open_clinic(tx: Transaction, request: OpenClinic) -> Answer[Any]:
    """Record entry 0. The ledger itself was opened before (`events.ledger.open_clinic`)."""
    if findings := unmet(clinic_must_be_new(tx.size)):
        return await tx.answer(ComplianceRefused(command="open_clinic", subject_id=tx.clinic_id, findings=findings))
    return await tx.answer(ClinicOpened(timezone=request.timezone))


async def grant_access(tx: Transaction, request: GrantAccess) -> Answer[Any]:
    findings = unmet(role_must_be_a_persons_or_a_systems(request.role), end_must_lie_ahead(request.until, tx.now))
    if findings:
        return await tx.answer(ComplianceRefused(command="grant_access", subject_id=request.identity_id, findings=findings))
    if request.display_name is not None:
        await _call(tx, request.identity_id, request.display_name)
        reach("compliance.named")
    return await tx.answer(AccessGranted(identity_id=request.identity_id, role=request.role, until=request.until))


async def _call(tx: Transaction, identity_id: UUID, display_name: str) -> None:
    """A name is for people to read and private: the ledger knows the id alone."""
    new = insert(IdentityRow).values(clinic_id=tx.clinic_id, identity_id=identity_id, display_name=display_name)
    key = [IdentityRow.clinic_id, IdentityRow.identity_id]
    await tx.rows.execute(new.on_conflict_do_update(index_elements=key, set_={"display_name": display_name}))


async def revoke_access(tx: Transaction, request: RevokeAccess) -> Answer[Any]:
    held = await roles_of(tx.rows, tx.clinic_id, request.identity_id, tx.now)
    admins = await holders(tx.rows, tx.clinic_id, Role.ADMIN, tx.now)
    findings = unmet(grant_must_exist(request.role, held), an_admin_must_remain(request.role, request.identity_id, admins))
    if findings:
        return await tx.answer(ComplianceRefused(command="revoke_access", subject_id=request.identity_id, findings=findings))
    if held == {request.role}:
        await forget_pin(tx, request.identity_id)
    return await tx.answer(AccessRevoked(identity_id=request.identity_id, role=request.role))


async def create_token(tx: Transaction, request: CreateToken) -> Answer[Any]:
    """Keep a secret's hash for an identity; grant it the role that was asked for, if that is new to it."""
    token_hash = bytes.fromhex(request.token_hash)
    known = select(AccessToken.token_id).where(AccessToken.clinic_id == tx.clinic_id, AccessToken.token_hash == token_hash)
    held = await roles_of(tx.rows, tx.clinic_id, request.identity_id, tx.now)
    asked = frozenset() if request.role is None else frozenset({request.role})
    findings = unmet(
        *(role_must_be_a_persons_or_a_systems(role) for role in asked),
        identity_must_have_a_role(held | asked),
        end_must_lie_ahead(request.expires_at, tx.now),
        token_must_be_new(known=(await tx.rows.execute(known)).first() is not None),
    )
    if findings:
        return await tx.answer(ComplianceRefused(command="create_token", subject_id=request.identity_id, findings=findings))
    for role in asked - held:
        await tx.record(AccessGranted(identity_id=request.identity_id, role=role))
    token_id = tx.new_id("token")
    tx.rows.add(
        AccessToken(
            clinic_id=tx.clinic_id,
            token_hash=token_hash,
            token_id=token_id,
            identity_id=request.identity_id,
            label=request.label,
            created_at=tx.now,
            expires_at=request.expires_at,
            revoked_at=None,
            tablet_id=None,
        )
    )
    return await tx.answer(TokenCreated(token_id=token_id, identity_id=request.identity_id, expires_at=request.expires_at))


async def revoke_token(tx: Transaction, request: RevokeToken) -> Answer[Any]:
    this = (AccessToken.clinic_id == tx.clinic_id, AccessToken.token_id == request.token_id)
    found = (await tx.rows.execute(select(AccessToken.identity_id, AccessToken.revoked_at).where(*this))).one_or_none()
    findings = unmet(token_must_be_in_force(known=found is not None, revoked=found is not None and found.revoked_at is not None))
    if found is None or findings:
        return await tx.answer(ComplianceRefused(command="revoke_token", subject_id=request.token_id, findings=findings))
    await tx.rows.execute(update(AccessToken).where(*this).values(revoked_at=tx.now))
    return await tx.answer(TokenRevoked(token_id=request.token_id, identity_id=found.identity_id))
