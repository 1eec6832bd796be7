"""The gate on the real PostgreSQL: state and recorded facts."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import select

from events.catalog.booking import BookingConfirmed, ClientMerged
from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import LotQuarantined, PackQuarantined, RecallOpened
from events.catalog.recovery import SafetyHoldPlaced
from events.catalog.treatment import TreatmentRefused, TreatmentStarted
from schemas.treatment import PreviewRequest, StartRequest
from schemas.vocabulary import Area, Role, Verdict, VisitType
from services.treatment.commands import preview_start, start_treatment
from services.treatment.models import Treatment, UsedItem
from services.treatment.rules import GATE
from tests.conftest import House, actor
from tests.services.treatment_room import a_room, minutes, unmet


async def test_with_everything_in_order_it_starts_with_a_full_certificate(house: House) -> None:
    room = await (await a_room(house)).ready()
    answer = await room.start()
    started = answer.event
    assert isinstance(started, TreatmentStarted), unmet(answer.event.findings)
    assert [finding.rule for finding in started.findings] == [rule.__name__ for rule in GATE]
    assert unmet(started.findings) == set()
    assert (started.lot_ids, started.cycle_ids) == ((room.lot_id,), (room.cycle_id,))
    assert (started.reprocessing_id, started.turnover_id, started.consent_id) == (
        room.reprocessing_id,
        room.turnover_id,
        room.consent_id,
    )
    assert answer.entry.policy == 1
    async with house.look("treatment") as view:
        kept = (await view.rows.execute(select(Treatment))).scalar_one()
        used = set((await view.rows.execute(select(UsedItem.item_id))).scalars())
        assert (kept.treatment_id, kept.booking_id, kept.ended_at) == (started.treatment_id, room.booking_id, None)
    assert used == {room.unit_id, room.pack_id}


async def test_until_the_end_comes_the_client_counts_as_treated_to_the_consented_maximum(house: House) -> None:
    room = await (await a_room(house)).ready()
    started = (await room.start()).event
    assert (started.max_depth_um, set(started.areas)) == (1500, {Area.CHEEKS, Area.FOREHEAD})
    assert (started.planned_depth_um, started.planned_areas) == (1000, (Area.CHEEKS,))


async def test_of_an_unknown_booking_everything_is_refused_and_recorded(house: House) -> None:
    request = StartRequest(booking_id=uuid4(), room_id=uuid4(), handpiece_id=uuid4(), cartridge_unit_ids=(uuid4(),))
    answer = await house.doing("treatment", start_treatment, request, by=actor(Role.PRACTITIONER))
    refused = answer.event
    assert isinstance(refused, TreatmentRefused)
    assert len(refused.findings) == len(GATE)
    assert unmet(refused.findings) >= {"booking_must_hold_its_slot", "practitioner_must_be_credentialed", "skin_must_be_cleansed"}
    assert [refused] == await house.said(TreatmentRefused)


async def test_a_refusal_names_every_reason_at_once(house: House) -> None:
    room = await a_room(house)
    await room.equip()
    await room.book()
    await room.arrive(identity_confirmed=False)
    answer = await room.start()
    assert unmet(answer.event.findings) == {
        "identity_must_be_confirmed",
        "screening_must_be_fresh",
        "nothing_may_contraindicate",
        "clearances_must_be_valid",
        "consent_must_cover_areas_and_depth",
        "skin_must_be_cleansed",
    }
    assert await house.said(TreatmentStarted) == []


async def test_the_same_command_id_gives_the_same_answer(house: House) -> None:
    room = await (await a_room(house)).ready()
    first, second = await room.start("start-1"), await room.start("start-1")
    assert (second.repeated, second.entry.event_id) == (True, first.entry.event_id)
    assert len(await house.said(TreatmentStarted)) == 1


async def test_a_new_id_on_a_started_booking_gives_the_same_certificate(house: House) -> None:
    room = await (await a_room(house)).ready()
    first, second = await room.start("start-1"), await room.start("start-2")
    assert (second.repeated, second.entry.event_id) == (True, first.entry.event_id)
    assert len(await house.said(TreatmentStarted)) == 1
    assert await house.said(TreatmentRefused) == []


async def test_the_same_refused_id_stays_refused_and_a_new_id_is_asked_anew(house: House) -> None:
    room = await a_room(house)
    await room.equip()
    await room.book()
    await room.arrive()
    await room.screen()
    await room.cleanse()
    refused = await room.start("start-1")
    assert unmet(refused.event.findings) == {"consent_must_cover_areas_and_depth"}
    await room.sign()
    again = await room.start("start-1")
    assert (again.entry.event_id, again.repeated) == (refused.entry.event_id, True)
    assert isinstance((await room.start("start-2")).event, TreatmentStarted)


async def test_two_practitioners_with_one_reprocessed_handpiece_exactly_one_starts(house: House) -> None:
    one = await (await a_room(house)).ready()
    shared = {"handpiece_id": one.handpiece_id, "lot_id": one.lot_id}
    other = await a_room(house, **shared, unit_id=one.spare_unit_id)
    await house.given("hygiene", other.turned_over(), *other.load())
    await other.visit_ready(device_id=uuid4())
    answers = await asyncio.gather(one.start(handpiece_id=one.handpiece_id), other.start(handpiece_id=one.handpiece_id))
    events = [answer.event for answer in answers]
    refused = [event for event in events if isinstance(event, TreatmentRefused)]
    assert len([event for event in events if isinstance(event, TreatmentStarted)]) == 1
    assert len(refused) == 1
    assert unmet(refused[0].findings) >= {"handpiece_must_be_reprocessed", "nothing_named_may_be_taken"}


async def test_a_cartridge_or_pack_serves_one_treatment(house: House) -> None:
    one = await (await a_room(house)).ready()
    other = await a_room(house, unit_id=one.unit_id, lot_id=one.lot_id, pack_id=one.pack_id, cycle_id=one.cycle_id)
    await house.given("hygiene", other.turned_over(), other.reprocessed())
    await other.equip()
    await other.visit_ready()
    assert isinstance((await one.start()).event, TreatmentStarted)
    refused = (await other.start()).event
    assert unmet(refused.findings) == {
        "cartridges_must_be_sterile_and_unused",
        "packs_must_be_sterile_and_unused",
        "nothing_named_may_be_taken",
    }


async def test_what_is_learned_in_the_last_moment_stops_the_start(house: House) -> None:
    facts: dict[str, tuple[str, Any]] = {
        "consent_must_cover_areas_and_depth": (
            "consent",
            lambda room: ConsentWithdrawn(consent_id=room.consent_id, client_id=room.client_id, channel="in_person", occurred_at=room.now),
        ),
        "no_safety_hold_may_stand": (
            "recovery",
            lambda room: SafetyHoldPlaced(hold_id=uuid4(), client_id=room.client_id, reason="infection", tier="urgent", cause=uuid4()),
        ),
        "cartridges_must_be_sterile_and_unused": ("hygiene", lambda room: LotQuarantined(lot_id=room.lot_id, reason="recall")),
        "packs_must_be_sterile_and_unused": (
            "hygiene",
            lambda room: PackQuarantined(pack_ids=(room.pack_id,), reason="ci_unchanged", cause=uuid4()),
        ),
        "handpiece_must_be_reprocessed": (
            "hygiene",
            lambda room: RecallOpened(recall_id=uuid4(), kind="handpiece", subject_id=room.handpiece_id, cause=uuid4()),
        ),
        "sterilizers_must_not_be_in_doubt": (
            "hygiene",
            lambda room: RecallOpened(
                recall_id=uuid4(),
                kind="sterilizer",
                subject_id=room.sterilizer_id,
                cause=uuid4(),
                cycle_ids=(room.cycle_id,),
            ),
        ),
    }
    for rule, (service, fact) in facts.items():
        room = await (await a_room(house)).ready()
        await house.given(service, fact(room))
        assert unmet((await room.start()).event.findings) == {rule}


async def test_a_slot_that_another_booking_holds_now_is_not_taken(house: House) -> None:
    room = await (await a_room(house)).ready()
    other = await a_room(house, room_id=room.room_id)
    await house.given("booking", BookingConfirmed(visit=other.visit(device_id=None)))
    refused = (await room.start()).event
    assert unmet(refused.findings) == {"nothing_named_may_be_taken"}


async def test_records_that_were_merged_count_for_one_person(house: House) -> None:
    """The spacing of an open treatment under the other name holds, and so does a hold."""
    room = await (await a_room(house)).ready()
    twin = uuid4()
    placed = SafetyHoldPlaced(hold_id=uuid4(), client_id=twin, reason="infection", tier="urgent", cause=uuid4())
    await house.given("recovery", placed)
    await house.given("booking", ClientMerged(client_id=twin, into_client_id=room.client_id))
    assert unmet((await room.start()).event.findings) == {"no_safety_hold_may_stand"}


async def test_a_consultation_needs_no_needles(house: House) -> None:
    room = await a_room(house)
    await room.book(visit_type=VisitType.CONSULTATION, areas=(), depth_um=0, device_id=None)
    await room.arrive()
    request = StartRequest(booking_id=room.booking_id, room_id=room.room_id)
    started = (await house.doing("treatment", start_treatment, request, by=room.by)).event
    assert isinstance(started, TreatmentStarted), unmet(started.findings)
    assert (started.reprocessing_id, started.consent_id, started.areas) == (None, None, ())


async def test_the_preview_says_the_same_and_records_nothing(house: House) -> None:
    room = await (await a_room(house)).ready()
    before = len(await house.entries())
    async with house.look("treatment") as view:
        bare = await preview_start(view, PreviewRequest(booking_id=room.booking_id))
        request = PreviewRequest(booking_id=room.booking_id, cartridge_unit_ids=(room.unit_id,), packs=room.request().packs)
        full = await preview_start(view, request)
    assert (unmet(bare.findings), full.would_start) == ({"cartridges_must_be_sterile_and_unused"}, True)
    assert len(await house.entries()) == before
    started = (await room.start()).event
    assert [(f.rule, f.verdict) for f in started.findings] == [(f.rule, f.verdict) for f in full.findings]


async def test_what_is_changed_in_the_chair_must_be_consented_too(house: House) -> None:
    """The practitioner adds the neck and turns the dial (27, 28 of the handbook)."""
    room = await (await a_room(house)).ready()
    neck = (await room.start(areas=(Area.CHEEKS, Area.NECK))).event
    assert unmet(neck.findings) == {"consent_must_cover_areas_and_depth"}
    deep = (await room.start(depth_um=2000)).event
    assert unmet(deep.findings) == {"consent_must_cover_areas_and_depth", "practitioner_must_be_credentialed"}
    shallow = (await room.start(depth_um=500)).event
    assert isinstance(shallow, TreatmentStarted)
    assert all(finding.verdict is Verdict.MET for finding in shallow.findings)


async def test_thirty_minutes_before_the_slot_it_may_start(house: House) -> None:
    room = await (await a_room(house)).ready()
    await house.given(
        "booking",
        BookingConfirmed(visit=room.visit(starts_at=room.now + minutes(31), ends_at=room.now + minutes(91))),
    )
    early = (await room.start()).event
    assert unmet(early.findings) == {"start_must_fall_into_the_slot"}
    found = next(finding for finding in early.findings if finding.rule == "start_must_fall_into_the_slot")
    assert found.earliest_ok == room.now + timedelta(minutes=1)
