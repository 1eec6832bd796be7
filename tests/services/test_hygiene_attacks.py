"""Attacks on sterilization and look-back: each let something unsterile through once, or lost an exposed client."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from events.catalog.hygiene import ExposureFound, LotQuarantined, PackQuarantined, RecallOpened, SterilizerRemoved
from schemas.hygiene import HandpieceReport, LotQuarantine, Removal, ReprocessingReport, Return, SterilizerReport
from schemas.hygiene.supplies import unit_of_serial
from schemas.vocabulary import Modality
from services.hygiene import commands
from services.hygiene.queries import recalls
from tests.conftest import House
from tests.services.hygiene_words import BI, GTIN, PROGRAMS, Bench, unmet

SERIAL_SCAN = "]d201095011015300031729123110SP4471\x1d21U0001"


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, await house.now())


async def test_a_load_that_ran_while_its_sterilizer_was_out_of_service_is_never_released(bench: Bench) -> None:
    """The three good cycles show that the machine works again, not that it worked before them."""
    machine = await bench.sterilizer()
    await bench.do(commands.remove_sterilizer, machine, Removal(reason="repair", occurred_at=bench.now - timedelta(hours=20)))
    meanwhile = await bench.cycle(machine, 15, [uuid4()])
    for hours_ago in (12, 11, 10):
        cycle = await bench.cycle(machine, hours_ago, purpose="qualification", indicator=BI)
        await bench.read(cycle, hours_ago - 1)
    returned = await bench.do(commands.return_sterilizer, machine, Return(occurred_at=bench.now - timedelta(hours=8)))
    assert not returned.event.refusal, returned.event
    assert "sterilizer_must_be_in_service" in unmet(await bench.release(meanwhile))
    late = await bench.cycle(machine, 13, [uuid4()])
    assert "sterilizer_must_be_in_service" in unmet(await bench.release(late))
    after = await bench.cycle(machine, 5, [uuid4()])
    assert not (await bench.release(after)).event.refusal


async def test_a_positive_indicator_stops_the_machine_under_every_id_it_was_commissioned_as(bench: Bench) -> None:
    """New firmware, a new count of cycles, the same chamber."""
    before = await bench.sterilizer(serial="MX-7", days_ago=3)
    doubtful = await bench.cycle(before, 30, indicator=BI)
    now = await bench.sterilizer(serial="MX-7", days_ago=1)
    await bench.read(doubtful, 5, grew=True)
    assert {removed.sterilizer_id for removed in await bench.house.said(SterilizerRemoved)} == {before, now}
    load = await bench.cycle(now, 1, [uuid4()])
    assert "sterilizer_must_be_in_service" in unmet(await bench.release(load))


async def test_commissioning_a_stopped_machine_again_does_not_bring_it_back(bench: Bench) -> None:
    machine = await bench.sterilizer(serial="MX-8")
    await bench.do(commands.remove_sterilizer, machine, Removal(reason="repair", occurred_at=bench.now - timedelta(hours=20)))
    again = uuid4()
    report = SterilizerReport(serial="MX-8", air_removal="prevac", programs=PROGRAMS, occurred_at=bench.now - timedelta(hours=10))
    await bench.do(commands.commission_sterilizer, again, report)
    load = await bench.cycle(again, 5, [uuid4()])
    assert "sterilizer_must_be_in_service" in unmet(await bench.release(load))
    for hours_ago in (4, 3, 2):
        cycle = await bench.cycle(again, hours_ago, purpose="qualification", indicator=BI)
        await bench.read(cycle, hours_ago - 0.6)
    assert not (await bench.do(commands.return_sterilizer, again, Return(occurred_at=bench.now))).event.refusal


async def test_a_lot_that_is_held_for_a_reaction_does_not_come_back_as_a_new_delivery(bench: Bench) -> None:
    lot_id = await bench.lot()
    held = LotQuarantined(lot_id=lot_id, reason="reaction_reported", cause=uuid4())
    await bench.house.given("hygiene", held)
    again = await bench.lot(quantity=5)
    assert again in {quarantined.lot_id for quarantined in await bench.house.said(LotQuarantined)}


async def test_a_missing_delivery_that_settles_a_count_is_not_held_with_it(bench: Bench) -> None:
    lot_id = await bench.lot()
    await bench.house.given("hygiene", LotQuarantined(lot_id=lot_id, reason="count_exceeds_received", cause=uuid4()))
    missing = await bench.lot(quantity=5)
    assert missing not in {quarantined.lot_id for quarantined in await bench.house.said(LotQuarantined)}


async def _handpiece(bench: Bench) -> UUID:
    handpiece_id = uuid4()
    report = HandpieceReport(
        serial="HP-1",
        modality=Modality.MICRONEEDLING,
        fits_gtins=(GTIN,),
        max_depth_um=2500,
        occurred_at=bench.now - timedelta(days=3),
    )
    await bench.do(commands.commission_handpiece, handpiece_id, report)
    return handpiece_id


async def test_a_treatment_recorded_late_joins_the_recall_of_the_handpiece_it_used(bench: Bench) -> None:
    """Fluid was seen inside; whoever was treated with it on paper is exposed like everybody else."""
    handpiece_id = await _handpiece(bench)
    told = {"handpiece_id": handpiece_id, "product": "wipe", "wet_seconds": 600, "label_seconds": 120}
    dry = ReprocessingReport.model_validate(told | {"occurred_at": bench.now - timedelta(hours=8)})
    wet = ReprocessingReport.model_validate(told | {"occurred_at": bench.now - timedelta(minutes=5), "ingress_seen": True})
    await bench.do(commands.reprocess_handpiece, uuid4(), dry)
    await bench.do(commands.reprocess_handpiece, uuid4(), wet)
    [recall] = await bench.house.said(RecallOpened)
    late = await bench.treated_on_paper(equipment={"room_id": uuid4(), "handpiece_id": handpiece_id})
    before = await bench.treated_on_paper(
        equipment={"room_id": uuid4(), "handpiece_id": handpiece_id},
        started_at=bench.now - timedelta(hours=10),
        ended_at=bench.now - timedelta(hours=9),
    )
    await bench.house.react("hygiene")
    found = [exposure for event in await bench.house.said(ExposureFound) for exposure in event.exposures]
    assert [(one.treatment_id, one.client_id, one.item_id) for one in found] == [(late.treatment_id, late.client_id, handpiece_id)]
    assert before.client_id not in {one.client_id for one in found}
    async with bench.house.look("hygiene") as view:
        [sheet] = await recalls(view)
    assert (sheet.recall_id, sheet.client_ids) == (recall.recall_id, (late.client_id,))


async def test_a_cartridge_used_before_its_lot_was_entered_is_found_by_the_lots_recall(bench: Bench) -> None:
    """The delivery was opened at the chair and typed in afterwards: its recall must still name the client."""
    unit_id = unit_of_serial(bench.house.clinic_id, GTIN, "U0001")
    late = await bench.treated_on_paper(units=[unit_id])
    await bench.house.react("hygiene")
    lot_id = await bench.lot(quantity=1, scan=SERIAL_SCAN)
    await bench.do(commands.quarantine_lot, lot_id, LotQuarantine(reason="manufacturer_recall", occurred_at=bench.now))
    [recall] = await bench.house.said(RecallOpened)
    assert [exposure.client_id for exposure in recall.exposures] == [late.client_id]


async def test_packs_that_came_out_of_a_machine_known_to_be_bad_stay_held_after_its_return(bench: Bench) -> None:
    """Released before anybody typed in that the machine was stopped: the gate must not open again with its return."""
    machine = await bench.sterilizer()
    before, after = uuid4(), uuid4()
    good = await bench.cycle(machine, 30, [before])
    released = await bench.cycle(machine, 15, [after])
    for cycle in (good, released):
        assert not (await bench.release(cycle)).event.refusal
    await bench.do(commands.remove_sterilizer, machine, Removal(reason="repair", occurred_at=bench.now - timedelta(hours=20)))
    assert [held.pack_ids for held in await bench.house.said(PackQuarantined)] == [(after,)]
