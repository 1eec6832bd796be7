"""The verdict on a clinic's whole record, through all its epochs, as `asepsis verify` finds it."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from events import verification
from events.chain import Break, Checkpoint, EarlyCheckpointError, Reason
from events.database import Database
from events.transaction import reading
from schemas.compliance import KeptCheckpoint, LedgerBreak, LedgerHead, LedgerVerdict
from schemas.vocabulary import Finding, Verdict
from services.compliance.offline import checkpoint_of, sentence_of
from services.compliance.queries.record import ledger_head

COMPARED = frozenset({Reason.TRUNCATED, Reason.REWRITTEN, Reason.EPOCH})
"""Found by comparison: what differs may have been written anew from the first entry on, former epochs and all."""

STATEMENT_SECONDS = 30
"""A share of the ledger takes a quarter of a second. A server that says nothing for so long is away."""

_turns: WeakKeyDictionary[Database, asyncio.Lock] = WeakKeyDictionary()
"""Verifying takes every core: one at a time."""


class NoHeadOfItsEpochError(Exception):
    """The kept checkpoint is of before its epoch's first entry: there is nothing to compare. `finding` says it in words."""

    def __init__(self, early: EarlyCheckpointError) -> None:
        super().__init__(str(early))
        self.finding = Finding(
            rule="kept_head_must_be_of_its_epoch",
            verdict=Verdict.UNMET,
            field="kept",
            parameters={"epoch": early.kept.epoch, "low": early.begins, "high": early.kept.size},
        )


async def verify_ledger(database: Database, clinic_id: UUID, kept: KeptCheckpoint | None = None) -> LedgerVerdict:
    """Compute every hash anew, of every epoch and with the seams between them, and compare with a checkpoint that was kept outside.

    It works in a thread and processes of its own, on connections of its own: nobody else waits for it. Raises
    `UnknownClinicError` and `NoHeadOfItsEpochError`.
    """
    async with reading(database, clinic_id, "compliance") as view:
        head = await ledger_head(view)
    where, expect = verification.Where(_connect(database), database.role("compliance")), None if kept is None else checkpoint_of(kept)
    async with _turns.setdefault(database, asyncio.Lock()):
        try:
            found = await asyncio.to_thread(lambda: asyncio.run(_verdicts(where, clinic_id, expect)))
        except EarlyCheckpointError as early:
            raise NoHeadOfItsEpochError(early) from early
    sizes = [one.head.size - (one.ledger.begin.size if one.ledger.begin else 0) for one in found]
    for number, one in enumerate(found, start=1):
        if one.broken is not None:
            return LedgerVerdict(head=head, verified=sum(sizes[:number]), epochs=number, sound=False, broken=_broken(one.broken))
    end = found[-1].head
    proven = LedgerHead(clinic_id=clinic_id, epoch=end.epoch, size=end.size, chain=end.chain.hex())
    return LedgerVerdict(head=proven, verified=sum(sizes), epochs=len(found), sound=True)


def _connect(database: Database) -> dict[str, Any]:
    """What the driver is told; options of SQLAlchemy's own are none of its business."""
    _, told = database.engine.dialect.create_connect_args(database.engine.url)
    plain = {name: value for name, value in told.items() if not name.startswith(("prepared_statement_", "async_"))}
    return plain | {"timeout": 5, "command_timeout": STATEMENT_SECONDS}


async def _verdicts(where: verification.Where, clinic_id: UUID, kept: Checkpoint | None) -> list[verification.Verdict]:
    return [verdict async for verdict in verification.verdicts(where, [clinic_id], kept, lambda _done, _total: None)]


def _broken(found: Break) -> LedgerBreak:
    if found.reason in COMPARED:
        found = replace(found, sound=0)
    return LedgerBreak(index=found.index, sound=found.sound, reason=found.reason.value, sentence=sentence_of(found))
