"""What a thing or a person touched, with the proof that the rest is accounted for."""

from datetime import timedelta
from uuid import uuid4

import pytest

from events.catalog.booking import ClientMerged
from events.catalog.hygiene import (
    CartridgeWasted,
    Exposure,
    PackQuarantined,
    RecallOpened,
)
from events.catalog.treatment import Equipment, TreatmentEnded, TreatmentRecordedLate
from events.envelope import Event
from schemas.compliance import TouchedQuestion
from schemas.vocabulary import Area, AreaDepth, Modality
from tests.conftest import House
from tests.services.compliance_story import NOON, Things, behind, cycle_recorded, furnished, touched, treat, types


@pytest.fixture
async def things(house: House) -> Things:
    return await furnished(house)


async def test_a_load_touched_the_treatments_of_its_packs_and_the_rest_is_accounted_for(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    await house.given("hygiene", PackQuarantined(pack_ids=things.packs[1:2], reason="wet", cause=uuid4()))
    answer = await touched(house, TouchedQuestion(kind="cycle", subject_id=things.cycle))
    (treatment,) = answer.treatments
    assert (treatment.treatment_id, treatment.client_id) == (did.treatment, did.client)
    assert set(treatment.by) == {things.cycle, things.packs[0]}
    assert answer.clients == (did.client,)
    (load,) = answer.loads
    assert (load.labeled, load.used, load.quarantined, load.in_stock) == (3, 1, 1, 1)
    assert answer.complete


async def test_no_treatment_used_the_load_and_that_is_proven(house: House, things: Things) -> None:
    answer = await touched(house, TouchedQuestion(kind="sterilizer", subject_id=things.sterilizer))
    assert answer.treatments == ()
    assert [(load.cycle_id, load.in_stock, load.complete) for load in answer.loads] == [(things.cycle, 3, True)]
    assert answer.complete
    assert answer.projected == answer.head.size


async def test_a_pack_used_twice_is_found_and_the_proof_fails(house: House, things: Things) -> None:
    one, other = await treat(house, things, things.packs[0]), await treat(house, things, things.packs[0])
    answer = await touched(house, TouchedQuestion(kind="pack", subject_id=things.packs[0]))
    assert {treatment.treatment_id for treatment in answer.treatments} == {one.treatment, other.treatment}
    assert answer.loads[0].twice == (things.packs[0],)
    assert not answer.complete


async def test_a_treatment_is_found_by_its_pack_though_it_named_no_load(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0], cycles=())
    answer = await touched(house, TouchedQuestion(kind="sterilizer", subject_id=things.sterilizer))
    assert [treatment.treatment_id for treatment in answer.treatments] == [did.treatment]
    record = await behind(house, did.treatment)
    assert record is not None
    assert "cycle.recorded" in types(record, "sterilization")


async def test_a_load_logged_after_its_packs_were_used_is_found_by_them(house: House, things: Things) -> None:
    pack, late = uuid4(), uuid4()
    did = await treat(house, things, pack, cycles=())
    await house.given("hygiene", cycle_recorded(late, things.sterilizer, (pack,), at=NOON - timedelta(days=1)))
    answer = await touched(house, TouchedQuestion(kind="cycle", subject_id=late))
    assert [treatment.treatment_id for treatment in answer.treatments] == [did.treatment]
    assert answer.complete


async def test_a_lot_is_received_used_wasted_or_in_stock(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    await house.given("hygiene", CartridgeWasted(unit_id=uuid4(), lot_id=things.lot, reason="dropped", occurred_at=NOON))
    answer = await touched(house, TouchedQuestion(kind="lot", subject_id=things.lot))
    (lot,) = answer.lots
    assert (lot.received, lot.used, lot.wasted, lot.in_stock, lot.complete) == (20, 1, 1, 18, True)
    assert set(answer.treatments[0].by) == {things.lot, did.unit}


@pytest.mark.parametrize("kind", ["handpiece", "room", "practitioner"])
async def test_things_and_persons_touch_treatments(house: House, things: Things, kind: str) -> None:
    did = [await treat(house, things, pack) for pack in things.packs[:2]]
    question = TouchedQuestion.model_validate({"kind": kind, "subject_id": getattr(things, kind)})
    answer = await touched(house, question)
    assert {treatment.treatment_id for treatment in answer.treatments} == {one.treatment for one in did}
    assert answer.loads == ()


async def test_the_window_is_half_open_on_the_start(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    answer = await touched(house, TouchedQuestion(kind="room", subject_id=things.room))
    started = answer.treatments[0].started_at
    hit = TouchedQuestion(kind="room", subject_id=things.room, begins_at=started, until=started + timedelta(microseconds=1))
    assert [treatment.treatment_id for treatment in (await touched(house, hit)).treatments] == [did.treatment]
    miss = TouchedQuestion(kind="room", subject_id=things.room, begins_at=started - timedelta(hours=1), until=started)
    assert (await touched(house, miss)).treatments == ()


async def test_recalls_stand_beside_the_treatments_they_reach(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    recall = uuid4()
    exposed = Exposure(treatment_id=did.treatment, client_id=did.client, item_id=things.lot)
    await house.given("hygiene", RecallOpened(recall_id=recall, kind="lot", subject_id=things.lot, cause=uuid4(), exposures=(exposed,)))
    answer = await touched(house, TouchedQuestion(kind="handpiece", subject_id=things.handpiece))
    assert answer.treatments[0].recall_ids == (recall,)


async def test_merged_records_are_one_person_with_all_their_treatments(house: House, things: Things) -> None:
    maiden, married, latest = uuid4(), uuid4(), uuid4()
    first = await treat(house, things, things.packs[0], client=maiden)
    second = await treat(house, things, things.packs[1], client=married)
    await house.given("booking", ClientMerged(client_id=maiden, into_client_id=married))
    await house.given("booking", ClientMerged(client_id=married, into_client_id=latest))
    by_room = await touched(house, TouchedQuestion(kind="room", subject_id=things.room))
    assert by_room.clients == (latest,)
    for record in (maiden, married, latest):
        answer = await touched(house, TouchedQuestion(kind="client", subject_id=record))
        assert {treatment.treatment_id for treatment in answer.treatments} == {first.treatment, second.treatment}


async def test_a_treatment_recorded_late_counts_from_when_it_was_done(house: House, things: Things) -> None:
    treatment, client = uuid4(), uuid4()
    late = TreatmentRecordedLate(
        treatment_id=treatment,
        client_id=client,
        practitioner_id=things.practitioner,
        equipment=Equipment(room_id=things.room, handpiece_id=things.handpiece, pack_ids=things.packs[:1]),
        needle_contact=True,
        modality=Modality.MICRONEEDLING,
        depths=(AreaDepth(area=Area.CHEEKS, depth_um=1000),),
        started_at=NOON - timedelta(days=3),
        ended_at=NOON - timedelta(days=3, hours=-1),
        reason="tablet_dead",
        findings=(),
    )
    await house.given("treatment", late)
    answer = await touched(house, TouchedQuestion(kind="cycle", subject_id=things.cycle))
    (found,) = answer.treatments
    assert (found.started_at, found.recorded_late, found.needle_contact) == (NOON - timedelta(days=3), True, True)
    record = await behind(house, treatment)
    assert record is not None
    assert record.recorded_late
    assert types(record, "certificate") == ["treatment.recorded_late"]


async def test_the_end_says_whether_needles_touched(house: House, things: Things) -> None:
    did = await treat(house, things, things.packs[0])
    ended: Event = TreatmentEnded(
        treatment_id=did.treatment,
        booking_id=did.booking,
        client_id=did.client,
        needle_contact=False,
        modality=Modality.MICRONEEDLING,
        depths=(),
        skin_cleansed=True,
        sharps_disposed=True,
        aftercare_given=True,
        ended_at=NOON,
    )
    await house.given("treatment", ended)
    answer = await touched(house, TouchedQuestion(kind="room", subject_id=things.room))
    assert answer.treatments[0].needle_contact is False
