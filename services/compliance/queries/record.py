"""The ledger as people and programs read it: pages, head, export."""

import base64
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.chain import FORMAT, genesis, header, instant, linked
from events.envelope import Entry, Event
from events.epochs import epochs_of, read_line
from events.ledger import LedgerClinic, LedgerEntry
from events.transaction import View
from schemas.compliance import ExactEntry, LedgerHead, LedgerPage, RecordEntry
from schemas.vocabulary import Actor, Role
from services.compliance.queries.among import among

EXPORT_PAGE = 1000

UNREADABLE = "unreadable"
"""Stands alone in the data of an entry that cannot be read."""


async def ledger_head(view: View) -> LedgerHead:
    """Where the ledger ends now."""
    at = await ledger.head(view.rows, view.clinic_id)
    if at is None:
        message = f"no ledger for {view.clinic_id}"
        raise LookupError(message)
    return LedgerHead(clinic_id=view.clinic_id, epoch=at.epoch, size=at.size, chain=at.chain.hex())


async def head_of_epoch(view: View, epoch: int | None) -> LedgerHead | None:
    """Where an epoch ends, or the ledger if none is named. None: the clinic has no such epoch."""
    newest = await ledger_head(view)
    if epoch is None or epoch == newest.epoch:
        return newest
    for one, next_one in pairwise(await epochs_of(view.rows, view.clinic_id)):
        if one.number == epoch:
            chain = await ledger.chain_at(view.rows, view.clinic_id, epoch, next_one.first)
            return LedgerHead(clinic_id=view.clinic_id, epoch=epoch, size=next_one.first, chain=(chain or b"").hex())
    return None


def entry_of(entry: Entry[Event]) -> RecordEntry:
    """An entry for reading, data as it was written."""
    return RecordEntry(
        epoch=entry.epoch,
        index=entry.index,
        recorded_at=entry.recorded_at,
        event_id=entry.event_id,
        type=entry.type,
        actor=entry.actor,
        policy=entry.policy,
        chain=bytes(entry.chain).hex(),
        data=entry.parts["data"],
    )


def legible(entry: Entry[Event]) -> RecordEntry:
    """The same of an entry whose bytes somebody may have spoiled: then it says that, and nobody knows who made it."""
    try:
        return entry_of(entry)
    except (ValueError, KeyError, TypeError):
        return RecordEntry(
            epoch=entry.epoch,
            index=entry.index,
            recorded_at=entry.recorded_at,
            event_id=entry.event_id,
            type=entry.type,
            actor=Actor(identity_id=UUID(int=0), role=Role.SERVICE),
            policy=None,
            chain=bytes(entry.chain).hex(),
            data={UNREADABLE: True},
        )


def understood(entry: Entry[Event]) -> Event | None:
    """What an entry says; None where somebody has spoiled it."""
    try:
        return entry.event
    except (ValueError, KeyError, TypeError):
        return None


async def ledger_page(view: View, cursor: int, limit: int) -> LedgerPage:
    """Up to `limit` entries from index `cursor` on."""
    head = await ledger_head(view)
    entries = await read_line(view.rows, view.clinic_id, cursor, limit)
    onward = str(entries[-1].size) if entries and entries[-1].size < head.size else None
    return LedgerPage(head=head, entries=tuple(entry_of(entry) for entry in entries), cursor=onward)


async def entries_at(rows: AsyncSession, clinic_id: UUID, indexes: Collection[int]) -> dict[int, Entry[Event]]:
    """The entries at these indexes, whatever epoch they stand in."""
    epochs = select(LedgerClinic.epoch).where(LedgerClinic.clinic_id == clinic_id)
    query = select(
        LedgerEntry.epoch,
        LedgerEntry.index,
        LedgerEntry.recorded_at,
        LedgerEntry.event_id,
        LedgerEntry.type,
        LedgerEntry.body,
        LedgerEntry.chain,
    ).where(LedgerEntry.clinic_id == clinic_id, LedgerEntry.epoch.in_(epochs), among(LedgerEntry.index, indexes))
    entries = [Entry[Event](clinic_id, *row) for row in (await rows.execute(query)).all()]
    return {entry.index: entry for entry in entries}


async def exact_entry(view: View, index: int) -> ExactEntry | None:
    """The entry at this index with the lines and bytes that its hash is made of; None where there is none."""
    around = await entries_at(view.rows, view.clinic_id, (index - 1, index))
    entry, former = around.get(index), around.get(index - 1)
    if entry is None:
        return None
    same = former is not None and former.epoch == entry.epoch
    before = bytes(former.chain) if former is not None and same else genesis(view.clinic_id, entry.epoch)
    parts = {name: getattr(entry, name) for name in ("index", "recorded_at", "event_id", "type", "body")}
    return ExactEntry(
        entry=legible(entry),
        header=header(clinic_id=view.clinic_id, **parts).decode(),
        body=entry.body.decode(errors="backslashreplace"),
        chain_before=before.hex(),
        sound=linked(before, view.clinic_id, entry) == bytes(entry.chain),
    )


async def export(head: LedgerHead, look: Callable[[], AbstractAsyncContextManager[View]]) -> AsyncIterator[bytes]:
    """The ledger up to `head` as lines of JSON for `offline.py`: one about the whole, then one per entry with its exact bytes.

    Each page is a look of its own: however slowly somebody reads, nothing of the database waits for them.
    """
    async with look() as view:
        size = next(epoch.first for epoch in await epochs_of(view.rows, view.clinic_id) if epoch.number == head.epoch)
    about = {"format": FORMAT, "clinic_id": str(head.clinic_id), "epoch": head.epoch, "size": head.size, "chain": head.chain}
    yield json.dumps(about | ({"first": size} if head.epoch > 1 else {})).encode() + b"\n"
    while size < head.size:
        async with look() as view:
            page = await ledger.read_after(view.rows, view.clinic_id, head.epoch, size, min(EXPORT_PAGE, head.size - size))
        if not page:
            return  # the line about the whole says what is missing
        for entry in page:
            line = {
                "index": entry.index,
                "recorded_at": instant(entry.recorded_at),
                "event_id": str(entry.event_id),
                "type": entry.type,
                "body": base64.b64encode(entry.body).decode(),
                "chain": bytes(entry.chain).hex(),
            }
            yield json.dumps(line).encode() + b"\n"
        size = page[-1].size
