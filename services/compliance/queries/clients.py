"""Clients as the ledger knows them: which records are one person, and what was last said of them."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from events.ledger import LedgerEntry
from services.compliance.models import Mention, MergeRow, TreatmentRow
from services.compliance.queries.among import among

Kept = Literal["treatment", "consent", "screening"]
"""Kinds of a client's records that retention laws know, by their names in the policy."""

_SAID: dict[str, Kept] = {"consent.signed": "consent", "consent.withdrawn": "consent", "screening.answered": "screening"}


async def persons(rows: AsyncSession, clinic_id: UUID, clients: Collection[UUID]) -> tuple[UUID, ...]:
    """The persons behind these records, each once."""
    query = select(MergeRow.client_id, MergeRow.into_client_id).where(MergeRow.clinic_id == clinic_id, among(MergeRow.client_id, clients))
    into = {row.client_id: row.into_client_id for row in await rows.execute(query)}
    return tuple(sorted({into.get(client, client) for client in clients}))


async def records_of(rows: AsyncSession, clinic_id: UUID, client_id: UUID) -> tuple[UUID, ...]:
    """All records that are this person: the one others were merged into first."""
    (person,) = await persons(rows, clinic_id, {client_id})
    query = select(MergeRow.client_id).where(MergeRow.clinic_id == clinic_id, MergeRow.into_client_id == person)
    return (person, *sorted((await rows.execute(query)).scalars()))


async def types_about(rows: AsyncSession, clinic_id: UUID, clients: Collection[UUID]) -> frozenset[str]:
    """The types of events that speak of any of these records, without version."""
    query = select(Mention.type).distinct().where(Mention.clinic_id == clinic_id, Mention.subject_id.in_(clients))
    return frozenset(versioned.rpartition(".v")[0] for versioned in (await rows.execute(query)).scalars())


async def last_of_each_kind(rows: AsyncSession, clinic_id: UUID, clients: Collection[UUID]) -> dict[Kept, datetime]:
    """When each kind of record was last added to; kinds that were never are not there."""
    said = (
        select(LedgerEntry.type, func.max(LedgerEntry.recorded_at))
        .join(
            Mention,
            (Mention.clinic_id == LedgerEntry.clinic_id) & (Mention.epoch == LedgerEntry.epoch) & (Mention.index == LedgerEntry.index),
        )
        .where(LedgerEntry.clinic_id == clinic_id, Mention.subject_id.in_(clients))
        .group_by(LedgerEntry.type)
    )
    last: dict[Kept, datetime] = {}
    for versioned, at in (await rows.execute(said)).all():
        kind = _SAID.get(versioned.rpartition(".v")[0])
        if kind is not None:
            last[kind] = max(at, last.get(kind, at))
    treated = select(func.max(TreatmentRow.started_at)).where(TreatmentRow.clinic_id == clinic_id, TreatmentRow.client_id.in_(clients))
    newest: datetime | None = (await rows.execute(treated)).scalar_one()
    return last if newest is None else last | {"treatment": newest}
