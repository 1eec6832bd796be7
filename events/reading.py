"""A consistent look at what a service has projected. Nothing is locked, nothing is committed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.database import Database


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
    async with database.begun(clinic_id, service, snapshot=True) as line:
        at = await ledger.head(line, clinic_id)
        if at is None:
            raise UnknownClinicError(clinic_id)
        size = await ledger.bookmark_size(line, clinic_id, service, "projected")
        yield View(line.session, clinic_id, size, at.now)
