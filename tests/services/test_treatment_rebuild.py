"""The gate's tables projected again from the ledger are the same tables."""

from typing import Any
from uuid import uuid4

import asyncpg

from events.catalog.booking import BookingCanceled, ClientMerged
from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import CartridgeWasted, LotQuarantined, RecallOpened, SterilizerRemoved
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.database import tables_of
from schemas.treatment import AddedCartridge, End, Numbing, NumbingNote, PastNote, PastTreatmentRecord
from schemas.vocabulary import Area
from services.treatment.commands import add_cartridge, apply_numbing, end_treatment, record_past_treatment
from tests.conftest import House
from tests.services.test_noes import no
from tests.services.treatment_room import a_room, minutes, running, touched


async def _rows(owner: asyncpg.Connection, clinic: str) -> dict[str, list[Any]]:
    """Every row of this clinic in every projection, in a fixed order."""
    found = {}
    for name in tables_of("treatment", "projection"):
        found[name] = sorted(str(dict(row)) for row in await owner.fetch(f"select * from {name} where clinic_id = $1::uuid", clinic))
    return found


async def _story(house: House) -> None:
    """Something of nearly everything that the gate projects."""
    room, started = await running(house)
    spare = AddedCartridge(treatment_id=started.treatment_id, unit_id=room.spare_unit_id)
    await house.doing("treatment", add_cartridge, spare, by=room.by)
    await house.given("hygiene", RecallOpened(recall_id=uuid4(), kind="lot", subject_id=room.lot_id, cause=uuid4()))
    await house.react("treatment")
    end = End(treatment_id=started.treatment_id, note=touched((Area.CHEEKS, 1000)))
    await house.doing("treatment", end_treatment, end, by=room.by)
    later = await a_room(house)
    await later.visit_ready()
    cream = NumbingNote(product="emla_4", lidocaine_permille=40, milligrams=1, areas=(Area.CHEEKS,))
    request = Numbing(booking_id=later.booking_id, numbing_id=uuid4(), note=cream)
    await house.doing("treatment", apply_numbing, request, by=later.by)
    paper = PastNote(
        client_id=later.client_id,
        room_id=room.room_id,
        needle_contact=False,
        started_at=later.now - minutes(9),
        ended_at=later.now - minutes(8),
        reason="other",
    )
    past = PastTreatmentRecord(treatment_id=uuid4(), note=paper)
    await house.doing("treatment", record_past_treatment, past, by=later.by)
    hold = uuid4()
    await house.given(
        "recovery",
        SafetyHoldPlaced(hold_id=hold, client_id=later.client_id, reason="fever", tier="urgent", cause=uuid4()),
        SafetyHoldLifted(hold_id=hold, client_id=later.client_id, reason="healed"),
    )
    await house.given(
        "hygiene",
        CartridgeWasted(unit_id=uuid4(), lot_id=room.lot_id, reason="dropped", occurred_at=later.now),
        LotQuarantined(lot_id=room.lot_id, reason="recall"),
        SterilizerRemoved(sterilizer_id=room.sterilizer_id, reason="repair"),
    )
    withdrawn = ConsentWithdrawn(consent_id=later.consent_id, client_id=later.client_id, channel="email", occurred_at=later.now)
    await house.given("consent", withdrawn, no(later.client_id))
    await house.given(
        "booking",
        ClientMerged(client_id=later.client_id, into_client_id=room.client_id),
        BookingCanceled(booking_id=later.booking_id, client_id=later.client_id, reason="held"),
    )
    await house.caught_up("treatment")


async def test_a_rebuild_gives_the_same_rows(house: House, owner: asyncpg.Connection) -> None:
    await _story(house)
    clinic = str(house.clinic_id)
    before = await _rows(owner, clinic)
    assert [name for name, rows in before.items() if not rows] in (
        ["treatment.overrides", "treatment.clearances"],
        ["treatment.clearances", "treatment.overrides"],
    )
    for name in before:
        await owner.execute(f"delete from {name}")
    await owner.execute(
        "delete from ledger.bookmarks where clinic_id = $1 and service = 'treatment' and stage = 'projected'", house.clinic_id
    )
    await house.caught_up("treatment")
    assert await _rows(owner, clinic) == before
