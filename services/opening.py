"""Opens a clinic: its ledger, its first administrator, its first policy. What a new installation begins with."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from pydantic import BaseModel

from events import ledger
from events.access import new_token
from events.database import Database
from events.transaction import Answer, Transaction, aside, reading, transaction
from schemas.compliance import CreateToken, GrantAccess, OpenClinic, PolicyRequest
from schemas.sentences import say
from schemas.vocabulary import Actor, Role, Shape
from services.compliance.commands import create_token, grant_access, open_clinic, publish_policy

SERVICE = "compliance"


class RefusedError(Exception):
    """What was asked is not granted; the message has every reason."""


class Opened(Shape):
    """A clinic that can be worked in, and the token to begin with."""

    clinic_id: UUID
    administrator_id: UUID
    clinician_id: UUID
    token: str


async def decide(
    database: Database,
    clinic_id: UUID,
    actor: Actor,
    command: Callable[[Transaction, Any], Awaitable[Answer[Any]]],
    request: BaseModel,
    command_id: str,
) -> Answer[Any]:
    """Give one of compliance's commands. Raises `RefusedError` with every reason."""
    async with transaction(database, clinic_id, SERVICE, actor, command_id) as tx:
        answer = await tx.once(command, request)
    must_be_granted(answer)
    return answer


def must_be_granted(answer: Answer[Any]) -> None:
    """Raises `RefusedError` with every reason."""
    if answer.event.refusal:
        raise RefusedError(" ".join(say(finding).reason for finding in answer.event.findings))


async def open_new_clinic(
    database: Database, actor: Actor, *, timezone: str, administrator: str, clinician: str, policy: str, days: int
) -> Opened:
    """Open the ledger, grant an administrator and the clinician who approves, publish the first policy.

    `policy` is TOML: the clinic's changes over the defaults; the time zone is put in. `days` is how long the administrator's
    first token is good for. Raises `RefusedError`, and pydantic's `ValidationError` for a zone or policy that is none.
    """
    opening = OpenClinic(timezone=timezone)
    clinic_id, administrator_id, clinician_id, secret = uuid4(), uuid4(), uuid4(), new_token()
    text = policy if "timezone" in policy else f'clinic.timezone = "{timezone}"\n{policy}'
    published = PolicyRequest(text=text, approver_id=clinician_id)
    async with aside(database, None, SERVICE) as rows:
        await ledger.open_clinic(rows, clinic_id)
    await decide(database, clinic_id, actor, open_clinic, opening, "open")
    for identity_id, role, name in ((administrator_id, Role.ADMIN, administrator), (clinician_id, Role.CLINICIAN, clinician)):
        grant = GrantAccess(identity_id=identity_id, role=role, display_name=name)
        await decide(database, clinic_id, actor, grant_access, grant, f"grant.{role.value}")
    await decide(database, clinic_id, actor, publish_policy, published, "policy")
    async with reading(database, clinic_id, SERVICE) as view:
        until = view.now + timedelta(days=days)
    hashed = hashlib.sha256(secret.encode()).hexdigest()
    token = CreateToken(identity_id=administrator_id, label=administrator, expires_at=until, token_hash=hashed)
    await decide(database, clinic_id, actor, create_token, token, "token")
    return Opened(clinic_id=clinic_id, administrator_id=administrator_id, clinician_id=clinician_id, token=secret)
