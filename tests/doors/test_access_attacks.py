"""Attacks on who may act: what was taken away is gone for everything that is recorded after it."""

import asyncio
from uuid import uuid4

import pytest

from events.catalog.recovery import SafetyHoldPlaced
from events.transaction import transaction
from schemas.compliance import RevokeAccess, RevokeToken
from schemas.vocabulary import Role
from services.compliance.commands import revoke_access, revoke_token
from tests.conftest import actor
from tests.doors.conftest import Door, token_for

NOTE = {"client_id": str(uuid4()), "reason": "seen_at_the_desk", "tier": "urgent"}


@pytest.mark.parametrize("what", ["role", "token"])
async def test_who_waits_at_the_door_while_access_is_revoked_does_not_get_in(door: Door, what: str) -> None:
    """Known when the request came, revoked before it was decided: the ledger must not show the act behind the revocation."""
    house, identity = door.house, uuid4()
    secret = await token_for(house, Role.TECHNICIAN, identity)
    created = next(entry.event for entry in reversed(await house.entries()) if entry.event.type == "token.created")
    hold_id = uuid4()
    async with transaction(house.database, house.clinic_id, "compliance", actor(Role.ADMIN), str(uuid4())) as tx:
        path = f"/clinics/{house.clinic_id}/safety-holds/{hold_id}"
        waiting = asyncio.create_task(door.ask("PUT", path, None, headers={"Authorization": f"Bearer {secret}"}, json=NOTE))
        await asyncio.sleep(0.5)
        if what == "role":
            await tx.once(revoke_access, RevokeAccess(identity_id=identity, role=Role.TECHNICIAN))
        else:
            await tx.once(revoke_token, RevokeToken(token_id=created.token_id))  # type: ignore[attr-defined]
    reply = await waiting
    assert reply.status_code == (404 if what == "role" else 401), reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert hold_id not in {placed.hold_id for placed in await house.said(SafetyHoldPlaced)}
