"""What stands behind a treatment: as the ledger knew it at the start, and what it learned since."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import (
    CartridgeOpened,
    CartridgeWasted,
    Exposure,
    IndicatorRead,
    LotQuarantined,
    LotReceived,
    RecallDecided,
    RecallOpened,
)
from events.catalog.recovery import SafetyHoldPlaced
from tests.conftest import House
from tests.services.compliance_story import NOON, Things, behind, furnished, screened, since, treat, types


@pytest.fixture
async def things(house: House) -> Things:
    return await furnished(house)


async def test_behind_a_start_stands_everything_the_ledger_knew_of_it(house: House, things: Things) -> None:
    await treat(house, things, things.packs[1])
    did = await treat(house, things, things.packs[0])
    record = await behind(house, did.treatment)
    assert record is not None
    assert types(record, "certificate") == ["treatment.started"]
    assert types(record, "booking") == ["booking.confirmed"]
    assert types(record, "arrival") == ["client.arrived"]
    assert types(record, "consent") == ["form.published", "consent.signed"]
    assert types(record, "screening") == ["screening.answered"], "the later of the two"
    assert types(record, "sterilization") == ["sterilizer.commissioned", "cycle.recorded", "load.released"]
    assert types(record, "lot") == ["lot.received"]
    assert types(record, "handpiece") == ["handpiece.commissioned", "handpiece.reprocessed"], "not the other client's reprocessing"
    assert types(record, "room") == ["room.turned_over"]
    assert types(record, "practitioner") == ["practitioner.credentialed"]
    assert types(record, "skin") == ["skin.cleansed"]
    assert types(record, "policy") == ["policy.published"]
    assert record.policy is not None
    assert (record.policy.policy_version, record.policy.index) == (1, 1)
    assert since(record) == ["cartridge.opened"]


async def test_every_entry_behind_a_start_is_the_ledgers_own(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    record = await behind(house, did.treatment)
    assert record is not None
    ledger = {entry.index: entry for entry in await house.entries()}
    for found in (*record.known_at_start, *record.learned_since):
        entry = ledger[found.entry.index]
        assert (found.entry.event_id, found.entry.chain, found.entry.recorded_at) == (entry.event_id, entry.chain.hex(), entry.recorded_at)
        assert found.entry.data == entry.parts["data"]
        assert found.entry.actor == entry.actor
    assert record.head.size == record.projected == len(ledger)
    assert record.head.chain == ledger[len(ledger) - 1].chain.hex()


async def test_what_is_learned_after_a_start_stands_apart(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    indicator, recall = uuid4(), uuid4()
    await house.given(
        "hygiene",
        IndicatorRead(
            indicator_id=indicator,
            sterilizer_id=things.sterilizer,
            cycle_id=things.cycle,
            indicator_lot="BI-1",
            result="positive",
            control_grew=True,
            incubated_seconds=86_400,
            occurred_at=NOON + timedelta(days=1),
        ),
        RecallOpened(
            recall_id=recall,
            kind="sterilizer",
            subject_id=things.sterilizer,
            cause=indicator,
            cycle_ids=(things.cycle,),
            pack_ids=things.packs,
            exposures=(Exposure(treatment_id=did.treatment, client_id=did.client, item_id=things.packs[0]),),
        ),
        RecallDecided(recall_id=recall, decision="confirmed", root_cause="overload", second_signer_id=uuid4(), occurred_at=NOON),
    )
    await house.given("consent", ConsentWithdrawn(consent_id=did.consent, client_id=did.client, channel="phone", occurred_at=NOON))
    await house.given("recovery", SafetyHoldPlaced(hold_id=uuid4(), client_id=did.client, reason="exposed", tier="review", cause=recall))
    await house.given("consent", screened(did.client))
    record = await behind(house, did.treatment)
    assert record is not None
    assert since(record) == [
        "cartridge.opened",
        "indicator.read",
        "recall.opened",
        "recall.decided",
        "consent.withdrawn",
        "safety_hold.placed",
    ], "a later screening is not about this treatment"
    assert "indicator.read" not in types(record, "sterilization")


async def test_a_further_cartridge_stands_behind_with_its_lot(house: House, things: Things) -> None:
    """A lot that nobody named at the start, for its cartridge came later."""
    lot, unit = uuid4(), uuid4()
    received = LotReceived(
        lot_id=lot, gtin="09506000134352", lot="L2", expires_on=date(2028, 1, 1), quantity=20, source="scan", occurred_at=NOON
    )
    await house.given("hygiene", received)
    other = await treat(house, things, things.packs[1])
    did = await treat(house, things, things.packs[0])
    await house.given(
        "hygiene",
        CartridgeOpened(unit_id=unit, lot_id=lot, treatment_id=did.treatment, client_id=did.client),
        CartridgeWasted(unit_id=unit, lot_id=lot, reason="dropped", occurred_at=NOON),
        LotQuarantined(lot_id=lot, reason="broken_seal"),
    )
    record = await behind(house, did.treatment)
    assert record is not None
    assert [found.entry.data["lot_id"] for found in record.known_at_start if found.part == "lot"] == [str(things.lot), str(lot)]
    assert since(record) == ["cartridge.opened", "cartridge.opened", "cartridge.wasted", "lot.quarantined"]
    untouched = await behind(house, other.treatment)
    assert untouched is not None
    assert types(untouched, "lot") == ["lot.received"]
    assert since(untouched) == ["cartridge.opened"]


async def test_nothing_stands_behind_a_treatment_nobody_knows(house: House) -> None:
    assert await behind(house, uuid4()) is None
