"""Tables that are projected again from the ledger are the same tables, and nobody is asked twice."""

from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from events.catalog.booking import ClientMerged
from events.catalog.hygiene import Exposure, RecallOpened
from events.catalog.recovery import CheckinDue, SafetyHoldPlaced
from events.database import tables_of
from schemas.recovery import HoldLifting, LiftNote
from schemas.vocabulary import Role
from services.recovery.commands import lift_safety_hold
from tests.conftest import House
from tests.services.recovery_care import Care, open_care, run
from tests.services.test_consent_screening import Tablet, yes


async def _rows(owner: asyncpg.Connection, service: str) -> dict[str, list[Any]]:
    """Every row of every projection of a service, in the order of its key."""
    return {name: sorted(str(dict(row)) for row in await owner.fetch(f"select * from {name}")) for name in tables_of(service, "projection")}


async def _story(care: Care) -> None:
    """Something of everything that consent and recovery project."""
    tablet = Tablet(care.house)
    tablet.client_id = care.client_id
    (restriction,) = (await tablet.answer(yes("anticoagulant"))).restrictions
    await tablet.clear(restriction.restriction_id)
    await tablet.answer(yes("pregnancy"), extent="volatile", role=Role.CLINICIAN)
    checkin = await care.asked()
    answered = await care.answer(checkin, "pus")
    (hold,) = await care.house.said(SafetyHoldPlaced)
    await care.house.doing("recovery", lift_safety_hold, HoldLifting(hold_id=hold.hold_id, note=LiftNote(reason="healed")))
    exposures = (Exposure(treatment_id=answered.event.treatment_id, client_id=care.client_id, item_id=uuid4()),)
    recall = RecallOpened(recall_id=uuid4(), kind="lot", subject_id=care.lot_id, cause=uuid4(), exposures=exposures)
    await care.house.given("hygiene", recall)
    await care.house.given("booking", ClientMerged(client_id=care.client_id, into_client_id=uuid4()))
    await care.house.react("recovery")
    await care.house.caught_up("consent")


@pytest.mark.parametrize("service", ["consent", "recovery"])
async def test_a_rebuild_gives_the_same_rows(house: House, owner: asyncpg.Connection, service: str) -> None:
    care = await open_care(house)
    await _story(care)
    before = await _rows(owner, service)
    filled = {name for name, rows in before.items() if rows}
    assert len(filled) >= 5
    for name in tables_of(service, "projection"):
        await owner.execute(f"delete from {name}")
    bookmarks = "delete from ledger.bookmarks where clinic_id = $1 and service = $2 and stage = 'projected'"
    await owner.execute(bookmarks, care.house.clinic_id, service)
    await care.house.caught_up(service)
    after = await _rows(owner, service)
    clinic = str(care.house.clinic_id)
    assert {name: [row for row in rows if clinic in row] for name, rows in before.items()} == after
    asked = len(await care.house.said(CheckinDue))
    await run("ask_due_clients", care.house)
    assert len(await care.house.said(CheckinDue)) == asked + 1, "the recall's question; the first was asked before"
