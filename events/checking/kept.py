"""What checks have found, for whoever asks later: `asepsis status`, `/metrics`, `/health/ready`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from events.checking.check import Checked
from events.database import Base, table


class KeptCheck(Base):
    """machinery: what the newest check of a clinic found. `part` names the services that the checking process runs."""

    __tablename__ = "checks"
    __table_args__ = table("machinery", "machinery")
    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[str] = mapped_column(primary_key=True)
    checked_at: Mapped[datetime]
    whole: Mapped[bool]
    epoch: Mapped[int]
    size: Mapped[int]
    found: Mapped[int]
    findings: Mapped[list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Known:
    """One clinic's newest check, without its sentences."""

    clinic_id: UUID
    part: str
    checked_at: datetime
    age_seconds: int
    whole: bool
    size: int
    found: int


async def keep(rows: AsyncSession, part: str, checked: Checked) -> None:
    """Keep a check in place of the one before."""
    report = checked.report
    values = {
        "whole": checked.whole,
        "epoch": checked.epoch,
        "size": checked.size,
        "found": report.found,
        "findings": [{"checker": wrong.checker, "sentence": wrong.sentence} for wrong in report.wrongs],
        "checked_at": text("clock_timestamp()"),
    }
    new = insert(KeptCheck).values(clinic_id=report.clinic_id, part=part, **values)
    await rows.execute(new.on_conflict_do_update(index_elements=[KeptCheck.clinic_id, KeptCheck.part], set_=values))


async def kept_checks(rows: AsyncSession) -> list[Known]:
    """Every clinic's newest checks. Ids and counts, across clinics."""
    found = await rows.execute(text("select * from machinery.all_checks()"))
    return [Known(*row) for row in found.all()]
