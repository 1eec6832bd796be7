"""Front-desk systems: who has an inbox."""

from typing import Any

from sqlalchemy import select

from events.access import roles_of
from events.catalog.compliance import AccessGranted, AccessRevoked, ComplianceRefused, SystemConnected, SystemDisconnected
from events.transaction import Answer, Transaction
from schemas.compliance import ConnectSystem, DisconnectSystem
from schemas.vocabulary import Role
from services.compliance.commands.findings import unmet
from services.compliance.models import SystemRow
from services.compliance.rules.access import system_must_be_connected


async def connect_system(tx: Transaction, request: ConnectSystem) -> Answer[Any]:
    """Give a system an inbox, and its identity the role that goes with it."""
    if Role.SYSTEM not in await roles_of(tx.rows, tx.clinic_id, request.identity_id, tx.now):
        await tx.record(AccessGranted(identity_id=request.identity_id, role=Role.SYSTEM))
    return await tx.answer(SystemConnected(system=request.system, identity_id=request.identity_id))


async def disconnect_system(tx: Transaction, request: DisconnectSystem) -> Answer[Any]:
    """Read the inbox no more, and let its identity act no more."""
    query = select(SystemRow.identity_id).where(
        SystemRow.clinic_id == tx.clinic_id, SystemRow.system == request.system, SystemRow.connected
    )
    identity_id = (await tx.rows.execute(query)).scalar_one_or_none()
    findings = unmet(system_must_be_connected(connected=identity_id is not None))
    if identity_id is None:
        return await tx.answer(ComplianceRefused(command="disconnect_system", subject_id=tx.clinic_id, findings=findings))
    if Role.SYSTEM in await roles_of(tx.rows, tx.clinic_id, identity_id, tx.now):
        await tx.record(AccessRevoked(identity_id=identity_id, role=Role.SYSTEM))
    return await tx.answer(SystemDisconnected(system=request.system, identity_id=identity_id))
