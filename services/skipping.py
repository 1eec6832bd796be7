"""Lets a halted service pass an entry that it cannot work, which two persons answer for: first recorded, then passed."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from events.attempts import Pair, pass_entry
from events.database import SERVICES, Database
from events.transaction import Answer, RecordUnreadableError, Transaction, reading, transaction
from schemas.compliance import SkipEntry
from schemas.vocabulary import Actor
from services.app import load
from services.compliance.commands import roles_of_approvers, skip_approved, skip_entry
from services.opening import SERVICE, decide, must_be_granted


async def skip_halted(database: Database, pair: Pair, index: int, reason: str, approvers: Sequence[UUID], actor: Actor) -> None:
    """Record it and move the bookmark. Raises `NotHaltedError`, `RefusedError`, and `RecordUnreadableError` if nobody can decide."""
    epoch = await pass_entry(database, pair, index, try_only=True)
    asked = {"service": pair.service, "stage": pair.stage, "epoch": epoch, "index": index, "reason": reason}
    request = SkipEntry.model_validate(asked | {"approvers": tuple(approvers)})
    if (pair.service, pair.stage) == (SERVICE, "projected"):
        await _decide_elsewhere(database, pair, request, actor)
    else:
        await decide(database, pair.clinic_id, actor, skip_entry, request, f"cli.{uuid4()}")
    await pass_entry(database, pair, index)


async def _decide_elsewhere(database: Database, pair: Pair, request: SkipEntry, actor: Actor) -> None:
    """Compliance, standing still, decides nothing: another service records what two persons say.

    Their roles are read from compliance's tables as they are. They are complete: only compliance grants and revokes, and
    it has recorded nothing since it stands still.
    """
    async with reading(database, pair.clinic_id, SERVICE) as view:
        roles = await roles_of_approvers(view, request)

    async def skip_entry(tx: Transaction, request: SkipEntry) -> Answer[Any]:
        return await skip_approved(tx, request, roles)

    for service in SERVICES:
        load(service)
    for service in (found for found in SERVICES if found != SERVICE):
        try:
            async with transaction(database, pair.clinic_id, service, actor, f"cli.{uuid4()}") as tx:
                answer = await tx.once(skip_entry, request)
        except RecordUnreadableError:
            continue
        must_be_granted(answer)
        return
    message = "no service can read the whole record: it takes a program that can"
    raise RecordUnreadableError(message)
