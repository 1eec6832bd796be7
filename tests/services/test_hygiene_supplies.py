"""Lots, units, handpieces, rooms and what hygiene hears, on the real PostgreSQL: state and facts."""

from datetime import date, timedelta
from uuid import uuid4

import pytest

from events.catalog.hygiene import (
    CartridgeOpened,
    CartridgeWasted,
    ExposureFound,
    HandpieceReprocessed,
    HygieneRefused,
    LotQuarantined,
    LotReceived,
    RecallOpened,
    RoomTurnedOver,
    UnitsLabeled,
)
from events.catalog.recovery import ReactionReported
from schemas.hygiene import (
    HandpieceReport,
    LabelOrder,
    LotQuarantine,
    LotReport,
    ManualLabel,
    ReprocessingReport,
    TurnoverReport,
    TurnoverStep,
    Waste,
)
from services.hygiene import commands
from services.hygiene.queries import hygiene_day, lot_matches, lot_sheet, recalls, unit_labels, unit_sheet
from tests.conftest import House, actor
from tests.services.hygiene_words import GTIN, SCAN, Bench, unmet


@pytest.fixture
async def bench(house: House) -> Bench:
    return Bench(house, await house.now())


async def test_a_lot_is_received_labeled_and_counted(bench: Bench) -> None:
    lot = await bench.lot(20)
    [received] = await bench.house.said(LotReceived)
    assert (received.gtin, received.lot, received.expires_on, received.source) == (GTIN, "SP4471", date(2029, 12, 31), "scan")
    units = await bench.units(lot, 5)
    assert len(set(units)) == 5
    await bench.treated(units=units[:2])
    await bench.do(commands.waste_cartridge, units[2], Waste(reason="dropped", occurred_at=bench.now))
    async with bench.house.look("hygiene") as view:
        sheet = await lot_sheet(view, lot)
        states = [(await unit_sheet(view, unit)).state for unit in units]  # type: ignore[union-attr]
        page = await unit_labels(view, lot, None, 3)
        assert page is not None
        rest = await unit_labels(view, lot, page.next_after, 3)
    assert sheet is not None
    assert (sheet.received, sheet.labeled, sheet.used, sheet.wasted, sheet.on_hand) == (20, 5, 2, 1, 17)
    assert states == ["used", "used", "wasted", "unused", "unused"]
    assert rest is not None
    assert sorted(label.unit_id for label in (*page.labels, *rest.labels)) == sorted(units)
    assert rest.next_after is None
    assert page.labels[0].code_svg.startswith("<svg")
    assert "LOT SP4471" in page.labels[0].text


async def test_no_more_labels_than_units(bench: Bench) -> None:
    lot = await bench.lot(20)
    await bench.units(lot, 15)
    assert unmet(await bench.do(commands.label_units, lot, LabelOrder(units=6, occurred_at=bench.now))) == {"units_must_fit_the_lot"}
    assert len(await bench.house.said(UnitsLabeled)) == 1


async def test_labels_asked_for_twice_under_one_id_are_made_once(bench: Bench) -> None:
    lot, me = await bench.lot(20), actor()
    order = LabelOrder(units=5, occurred_at=bench.now)
    first = await bench.do(commands.label_units, lot, order, by=me, command_id="l-1")
    second = await bench.do(commands.label_units, lot, order, by=me, command_id="l-1")
    assert second.event.unit_ids == first.event.unit_ids
    assert len(await bench.house.said(UnitsLabeled)) == 1


async def test_a_unit_with_a_serial_comes_in_once(bench: Bench) -> None:
    scan = f"{SCAN}\x1d21A-7"
    await bench.lot(1, scan)
    [known] = await bench.house.said(UnitsLabeled)
    assert len(known.unit_ids) == 1
    again = await bench.do(commands.receive_lot, uuid4(), LotReport(scan=scan, quantity=1, occurred_at=bench.now))
    assert unmet(again) == {"serial_must_be_new"}


async def test_an_unreadable_label_records_nothing(bench: Bench) -> None:
    size = len(await bench.house.entries())
    with pytest.raises(commands.LabelUnreadableError):
        await bench.do(commands.receive_lot, uuid4(), LotReport(scan=f"01{GTIN}10SP4471", quantity=1, occurred_at=bench.now))
    assert len(await bench.house.entries()) == size


async def test_a_typed_lot_is_checked_by_a_second_person_and_flagged(bench: Bench) -> None:
    label = ManualLabel(gtin=GTIN, lot="SP4471", expires_on=date(2029, 12, 31))
    report = LotReport(manual=label, quantity=5, occurred_at=bench.now)
    assert unmet(await bench.do(commands.receive_lot, uuid4(), report)) == {"typed_label_must_be_checked_by_another"}
    checked = report.model_copy(update={"manual": label.model_copy(update={"checked_by": uuid4()})})
    assert (await bench.do(commands.receive_lot, uuid4(), checked)).event.source == "manual"


async def test_the_same_delivery_from_another_person_is_recorded_once(bench: Bench) -> None:
    lot_id = uuid4()
    report = LotReport(scan=SCAN, quantity=5, occurred_at=bench.now)
    await bench.do(commands.receive_lot, lot_id, report, by=actor())
    assert (await bench.do(commands.receive_lot, lot_id, report, by=actor())).repeated
    more = report.model_copy(update={"quantity": 6})
    assert unmet(await bench.do(commands.receive_lot, lot_id, more, by=actor())) == {"id_must_be_new"}
    assert len(await bench.house.said(LotReceived)) == 1


async def test_a_recalled_lot_is_held_in_every_delivery_and_lists_whom_it_touched(bench: Bench) -> None:
    one, other = await bench.lot(20), await bench.lot(10, SCAN.replace("SP4471", "00sp4471"))
    similar = await bench.lot(5, SCAN.replace("SP4471", "SP4472"))
    odd = await bench.lot(5, SCAN.replace("SP4471", "0SP4471"))
    units = await bench.units(one, 3)
    started = await bench.treated(units=units[:1])
    quarantine = LotQuarantine(reason="manufacturer_recall", occurred_at=bench.now)
    answer = await bench.do(commands.quarantine_lot, one, quarantine)
    assert {held.lot_id for held in await bench.house.said(LotQuarantined)} == {one, other, odd}
    [recall] = await bench.house.said(RecallOpened)
    assert (recall.kind, recall.subject_id, recall.cause) == ("lot", one, answer.entry.event_id)
    assert [(e.client_id, e.item_id) for e in recall.exposures] == [(started.client_id, units[0])]
    async with bench.house.look("hygiene") as view:
        matches = await lot_matches(view, GTIN, "sp4471")
        day = await hygiene_day(view)
    assert {lot.lot_id for lot in matches.exact} == {one, other, odd}
    assert {lot.lot_id for lot in matches.near} == {similar}
    assert [lot.lot_id for lot in day.lots] == [similar]
    assert (await bench.do(commands.quarantine_lot, other, quarantine)).repeated
    assert unmet(await bench.do(commands.label_units, one, LabelOrder(units=1, occurred_at=bench.now))) == {"lot_may_not_be_quarantined"}


async def test_a_delivery_of_a_recalled_lot_is_held_on_arrival(bench: Bench) -> None:
    first = await bench.lot()
    await bench.do(commands.quarantine_lot, first, LotQuarantine(reason="manufacturer_recall", occurred_at=bench.now))
    second = await bench.lot()
    async with bench.house.look("hygiene") as view:
        sheet = await lot_sheet(view, second)
    assert sheet is not None
    assert sheet.quarantined == "recall"


async def test_starts_open_cartridges_and_late_treatments_join_the_recall(bench: Bench) -> None:
    lot = await bench.lot(5)
    units = await bench.units(lot, 3)
    started = await bench.treated(units=units[:1])
    await bench.do(commands.quarantine_lot, lot, LotQuarantine(reason="manufacturer_recall", occurred_at=bench.now))
    late = await bench.treated_on_paper(units=units[1:2])
    await bench.house.react("hygiene")
    opened = await bench.house.said(CartridgeOpened)
    assert [(o.unit_id, o.lot_id, o.client_id) for o in opened] == [
        (units[0], lot, started.client_id),
        (units[1], lot, late.client_id),
    ]
    [found] = await bench.house.said(ExposureFound)
    assert [e.client_id for e in found.exposures] == [late.client_id]
    async with bench.house.look("hygiene") as view:
        [sheet] = await recalls(view)
    assert set(sheet.client_ids) == {started.client_id, late.client_id}


async def test_one_unit_more_than_came_holds_the_lot(bench: Bench) -> None:
    lot = await bench.lot(2)
    units = await bench.units(lot, 2)
    await bench.treated(units=units)
    await bench.house.react("hygiene")
    assert await bench.house.said(LotQuarantined) == []
    await bench.treated_on_paper(units=units[:1])
    await bench.house.react("hygiene")
    [held] = await bench.house.said(LotQuarantined)
    assert (held.lot_id, held.reason) == (lot, "count_exceeds_received")


@pytest.mark.parametrize(("tier", "holds"), [("review", False), ("urgent", True), ("emergency", True)])
async def test_a_bad_reaction_holds_the_lot_that_was_used(bench: Bench, tier: str, holds: bool) -> None:
    lot = await bench.lot(2)
    started = await bench.treated(units=await bench.units(lot, 1))
    reaction = ReactionReported(
        reaction_id=uuid4(),
        treatment_id=started.treatment_id,
        client_id=started.client_id,
        tier=tier,  # type: ignore[arg-type]
    )
    await bench.house.given("recovery", reaction)
    await bench.house.react("hygiene")
    assert [held.reason for held in await bench.house.said(LotQuarantined)] == (["reaction_reported"] if holds else [])


async def test_a_cartridge_is_wasted_once_and_a_used_one_counts_as_used(bench: Bench) -> None:
    lot = await bench.lot(5)
    [unit] = await bench.units(lot, 1)
    await bench.treated(units=[unit])
    waste = Waste(reason="dropped", occurred_at=bench.now)
    await bench.do(commands.waste_cartridge, unit, waste)
    assert (await bench.do(commands.waste_cartridge, unit, waste)).repeated
    other = waste.model_copy(update={"reason": "blunt"})
    assert unmet(await bench.do(commands.waste_cartridge, unit, other)) == {"unit_may_be_wasted_once"}
    assert unmet(await bench.do(commands.waste_cartridge, uuid4(), waste)) == {"subject_must_be_known"}
    assert len(await bench.house.said(CartridgeWasted)) == 1
    async with bench.house.look("hygiene") as view:
        sheet = await lot_sheet(view, lot)
    assert sheet is not None
    assert (sheet.used, sheet.wasted, sheet.on_hand) == (1, 0, 4)


async def test_a_handpiece_wiped_too_briefly_is_not_reprocessed(bench: Bench) -> None:
    handpiece = uuid4()
    pen = HandpieceReport(serial="PEN-1", fits_gtins=(GTIN,), max_depth_um=2500, occurred_at=bench.now)
    await bench.do(commands.commission_handpiece, handpiece, pen)
    assert (await bench.do(commands.commission_handpiece, handpiece, pen)).repeated
    brief = ReprocessingReport(handpiece_id=handpiece, product="quat_wipes", wet_seconds=40, label_seconds=120, occurred_at=bench.now)
    answer = await bench.do(commands.reprocess_handpiece, uuid4(), brief)
    assert isinstance(answer.event, HygieneRefused)
    assert unmet(answer) == {"contact_time_must_reach_the_label"}
    async with bench.house.look("hygiene") as view:
        assert not (await hygiene_day(view)).handpieces[0].ready
    long_enough, record_id = brief.model_copy(update={"wet_seconds": 130}), uuid4()
    await bench.do(commands.reprocess_handpiece, record_id, long_enough)
    assert (await bench.do(commands.reprocess_handpiece, record_id, long_enough)).repeated
    assert len(await bench.house.said(HandpieceReprocessed)) == 1
    async with bench.house.look("hygiene") as view:
        assert (await hygiene_day(view)).handpieces[0].ready
    await bench.treated(handpiece_id=handpiece)
    await bench.house.caught_up("hygiene")
    async with bench.house.look("hygiene") as view:
        assert not (await hygiene_day(view)).handpieces[0].ready


async def test_fluid_inside_a_handpiece_lists_whoever_was_treated_since_it_was_dry(bench: Bench) -> None:
    handpiece = uuid4()
    pen = HandpieceReport(serial="PEN-1", fits_gtins=(GTIN,), max_depth_um=2500, occurred_at=bench.now)
    await bench.do(commands.commission_handpiece, handpiece, pen)
    await bench.treated_on_paper(started_at=bench.now - timedelta(days=1), ended_at=bench.now - timedelta(hours=23))
    dry = ReprocessingReport(handpiece_id=handpiece, product="quat_wipes", wet_seconds=700, occurred_at=bench.now - timedelta(hours=1))
    await bench.do(commands.reprocess_handpiece, uuid4(), dry)
    started = await bench.treated(handpiece_id=handpiece)
    wet = dry.model_copy(update={"ingress_seen": True, "occurred_at": bench.now})
    answer = await bench.do(commands.reprocess_handpiece, uuid4(), wet)
    assert unmet(answer) == {"handpiece_must_be_dry_inside"}
    [recall] = await bench.house.said(RecallOpened)
    assert (recall.kind, recall.subject_id) == ("handpiece", handpiece)
    assert [e.client_id for e in recall.exposures] == [started.client_id]


async def test_fluid_found_in_one_reprocessing_opens_one_recall_however_often_it_is_told(bench: Bench) -> None:
    """Corrected, or sent by somebody else after the answer was lost; what was found cannot be corrected to dry."""
    handpiece, other, record_id = uuid4(), uuid4(), uuid4()
    for serial, piece in (("PEN-1", handpiece), ("PEN-2", other)):
        pen = HandpieceReport(serial=serial, fits_gtins=(GTIN,), max_depth_um=2500, occurred_at=bench.now)
        await bench.do(commands.commission_handpiece, piece, pen)
        await bench.treated(handpiece_id=piece)
    wet = ReprocessingReport(handpiece_id=handpiece, product="quat_wipes", wet_seconds=20, ingress_seen=True, occurred_at=bench.now)
    for told in (wet, wet.model_copy(update={"wet_seconds": 700}), wet):
        answer = await bench.do(commands.reprocess_handpiece, record_id, told, by=actor())
        [recall] = await bench.house.said(RecallOpened)
        [inside] = [found for found in answer.event.findings if found.rule == "handpiece_must_be_dry_inside"]
        assert (inside.verdict, inside.evidence) == ("unmet", (recall.recall_id,))
    dry = wet.model_copy(update={"ingress_seen": False, "wet_seconds": 700})
    assert unmet(await bench.do(commands.reprocess_handpiece, record_id, dry)) == {"what_was_found_inside_stands"}
    assert not await bench.house.said(HandpieceReprocessed)
    # The report was about another handpiece: whoever was treated with that one is exposed, too.
    await bench.do(commands.reprocess_handpiece, record_id, wet.model_copy(update={"handpiece_id": other}))
    assert [opened.subject_id for opened in await bench.house.said(RecallOpened)] == [handpiece, other]
    assert len({opened.recall_id for opened in await bench.house.said(RecallOpened)}) == 2
    await bench.do(commands.reprocess_handpiece, uuid4(), dry)  # looked at, and told under a new id
    assert [done.handpiece_id for done in await bench.house.said(HandpieceReprocessed)] == [handpiece]


async def test_a_room_is_ready_after_every_step_and_until_the_next_start(bench: Bench) -> None:
    room, record_id = uuid4(), uuid4()
    half = TurnoverReport(
        room_id=room, product="quat_wipes", wet_seconds=700, steps=(TurnoverStep.SURFACES_CLEANED,), occurred_at=bench.now
    )
    assert unmet(await bench.do(commands.turn_over_room, uuid4(), half)) == {"every_step_must_be_done"}
    whole = half.model_copy(update={"steps": tuple(TurnoverStep)})
    await bench.do(commands.turn_over_room, record_id, whole)
    assert (await bench.do(commands.turn_over_room, record_id, whole)).repeated
    other = whole.model_copy(update={"wet_seconds": 800})
    assert unmet(await bench.do(commands.turn_over_room, record_id, other)) == {"id_must_be_new"}
    assert len(await bench.house.said(RoomTurnedOver)) == 1
    async with bench.house.look("hygiene") as view:
        assert (await hygiene_day(view)).rooms[0].ready
    await bench.treated(room_id=room)
    await bench.house.caught_up("hygiene")
    async with bench.house.look("hygiene") as view:
        assert not (await hygiene_day(view)).rooms[0].ready
