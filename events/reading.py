"""A consistent look at what a service has projected. Nothing is locked, nothing is committed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.database import Database
from events.ledger import Bookmark


class UnknownClinicError(Exception):
    """There is no ledger for this clinic."""


@dataclass(frozen=True, slots=True)
class View:
    """What a service has projected, for reading."""

    rows: AsyncSession
    clinic_id: UUID
    size: int
    now: datetime


@asynccontextmanager
async def reading(database: Database, clinic_id: UUID, service: str) -> AsyncIterator[View]:
    """A consistent look at what the service has projected. Raises `UnknownClinicError`."""
    async with database.session() as rows:
        await database.enter(rows, clinic_id, service, snapshot=True)
        at = await ledger.head(rows, clinic_id)
        if at is None:
            raise UnknownClinicError(clinic_id)
        query = select(Bookmark.size).where(Bookmark.clinic_id == clinic_id, Bookmark.service == service, Bookmark.stage == "projected")
        size = (await rows.execute(query)).scalar_one_or_none() or 0
        yield View(rows, clinic_id, size, at.now)
        await rows.rollback()
