"""What every page of the record begins with: complete answers, the clinic's words, and that somebody looked."""

from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from events.transaction import View, project
from schemas.compliance import RecordView
from services.compliance.commands import record_viewed
from services.compliance.pages.words import Words
from services.compliance.queries import time_zone
from services.door import Asking


async def caught_up(ask: Asking) -> None:
    """An auditor's answer is complete to the ledger's last entry, whatever the streams did."""
    while await project(ask.database, ask.clinic, "compliance"):
        pass


async def seen(ask: Asking, question: str, answers: int, subject_id: UUID | None = None) -> None:
    """Who looked is recorded before the answer leaves. Every look is a look of its own."""
    view = RecordView(question=question, subject_id=subject_id, answers=answers)
    await ask.decide("compliance", record_viewed, view, command_id=f"view.{uuid4()}")


async def words_of(view: View, people: dict[UUID, str]) -> Words:
    """The clinic's clock and people."""
    return Words(ZoneInfo(await time_zone(view)), people)


def address(clinic: UUID, path: str = "", /, **asked: Any) -> str:
    """Where a page of the record is. What is empty is left out, so that the same question has one address."""
    query = urlencode({name: value for name, value in asked.items() if value not in (None, "", False)})
    return f"/clinics/{clinic}/record{path}" + (f"?{query}" if query else "")
