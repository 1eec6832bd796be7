"""Preparation, overrides, cartridges, pauses, and the advice to stop."""

from datetime import timedelta
from uuid import uuid4

import pytest

from events.catalog.booking import BookingRescheduled
from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import LotQuarantined, PackQuarantined, RecallOpened
from events.catalog.recovery import SafetyHoldPlaced
from events.catalog.treatment import (
    CartridgeAdded,
    NumbingApplied,
    NumbingRemoved,
    RuleOverridden,
    TreatmentPaused,
    TreatmentRequestRefused,
    TreatmentResumed,
    TreatmentStarted,
    TreatmentStopAdvised,
)
from schemas.treatment import (
    AddedCartridge,
    Cleansing,
    CleansingNote,
    End,
    Numbing,
    NumbingNote,
    NumbingRemoval,
    Override,
    OverrideNote,
    Pause,
    PauseNote,
    RemovalNote,
    ResumeNote,
    Resumption,
)
from schemas.vocabulary import AgeBand, Area, Role, Verdict
from services.treatment import queries
from services.treatment.commands import (
    add_cartridge,
    apply_numbing,
    cleanse_skin,
    end_treatment,
    override_rule,
    pause_treatment,
    remove_numbing,
    resume_treatment,
)
from services.treatment.rules import GATE
from tests.conftest import House, actor
from tests.services.treatment_room import a_room, minutes, running, touched, unmet

# Before


async def test_cream_that_is_on_and_comes_off_needs_the_skin_cleansed_again(house: House) -> None:
    room = await (await a_room(house)).ready()
    numbing_id = uuid4()
    note = NumbingNote(
        product="emla_4",
        lidocaine_permille=40,
        milligrams=2000,
        areas=(Area.CHEEKS,),
        occurred_at=room.now - minutes(30),
    )
    request = Numbing(booking_id=room.booking_id, numbing_id=numbing_id, note=note)
    applied = await house.doing("treatment", apply_numbing, request, by=room.by)
    assert isinstance(applied.event, NumbingApplied)
    assert unmet((await room.start()).event.findings) == {"numbing_must_be_off", "skin_must_be_cleansed"}
    removal = NumbingRemoval(booking_id=room.booking_id, numbing_id=numbing_id, note=RemovalNote())
    removed = await house.doing("treatment", remove_numbing, removal, by=room.by)
    assert isinstance(removed.event, NumbingRemoved)
    again = await house.doing("treatment", remove_numbing, removal, by=actor(Role.CLINICIAN))
    assert again.entry.event_id == removed.entry.event_id
    assert unmet((await room.start()).event.findings) == {"skin_must_be_cleansed"}
    cleansing = Cleansing(booking_id=room.booking_id, cleansing_id=uuid4(), note=CleansingNote(product="chlorhexidine"))
    await house.doing("treatment", cleanse_skin, cleansing, by=room.by)
    assert isinstance((await room.start()).event, TreatmentStarted)
    async with house.look("treatment") as view:
        prepared = await queries.preparation(view, room.booking_id)
        assert prepared is not None
        assert [cream.numbing_id for cream in prepared.numbings] == [numbing_id]
        assert len(prepared.cleansings) == 2
        assert await queries.preparation(view, uuid4()) is None


async def test_a_note_for_a_booking_nobody_knows_or_a_time_to_come_is_refused_with_every_reason(house: House) -> None:
    note = CleansingNote(product="chlorhexidine", occurred_at=await house.now() + minutes(5))
    request = Cleansing(booking_id=uuid4(), cleansing_id=uuid4(), note=note)
    refused = (await house.doing("treatment", cleanse_skin, request, by=actor(Role.PRACTITIONER))).event
    assert isinstance(refused, TreatmentRequestRefused)
    assert unmet(refused.findings) == {"booking_must_be_known", "time_must_not_lie_ahead"}


async def test_cream_cannot_come_off_before_it_went_on(house: House) -> None:
    room = await a_room(house)
    await room.book()
    numbing_id = uuid4()
    note = NumbingNote(product="emla_4", lidocaine_permille=40, milligrams=1, areas=(Area.CHEEKS,), occurred_at=room.now)
    request = Numbing(booking_id=room.booking_id, numbing_id=numbing_id, note=note)
    await house.doing("treatment", apply_numbing, request, by=room.by)
    early = RemovalNote(occurred_at=room.now - minutes(1))
    removal = NumbingRemoval(booking_id=room.booking_id, numbing_id=numbing_id, note=early)
    refused = (await house.doing("treatment", remove_numbing, removal, by=room.by)).event
    assert unmet(refused.findings) == {"time_must_not_lie_before"}


# Overrides


async def test_a_clinician_acknowledges_an_age_outside_the_label(house: House) -> None:
    room = await (await a_room(house)).ready()
    await room.arrive(age_band=AgeBand.FROM_18_TO_21)
    await room.cleanse()
    assert unmet((await room.start()).event.findings) == {"age_must_be_allowed"}
    note = OverrideNote(
        booking_id=room.booking_id,
        rule="age_must_be_allowed",
        reason="clinical_judgment",
        valid_until=room.now + timedelta(days=1),
    )
    request = Override(override_id=uuid4(), note=note)
    granted = await house.doing("treatment", override_rule, request, by=actor(Role.CLINICIAN))
    assert isinstance(granted.event, RuleOverridden)
    started = (await room.start()).event
    assert isinstance(started, TreatmentStarted)
    found = next(finding for finding in started.findings if finding.rule == "age_must_be_allowed")
    assert (found.verdict, found.evidence[-1]) == (Verdict.WARNING, granted.entry.event_id)


async def test_an_override_does_not_move_with_the_booking(house: House) -> None:
    room = await (await a_room(house)).ready()
    await room.arrive(age_band=AgeBand.FROM_18_TO_21)
    await room.cleanse()
    note = OverrideNote(
        booking_id=room.booking_id,
        rule="age_must_be_allowed",
        reason="clinical_judgment",
        valid_until=room.now + timedelta(days=1),
    )
    await house.doing("treatment", override_rule, Override(override_id=uuid4(), note=note), by=actor(Role.CLINICIAN))
    await house.given("booking", BookingRescheduled(visit=room.visit(starts_at=room.now - minutes(1))))
    assert unmet((await room.start()).event.findings) == {"age_must_be_allowed"}


@pytest.mark.parametrize(
    "rule",
    [
        "consent_must_cover_areas_and_depth",
        "no_safety_hold_may_stand",
        "cartridges_must_be_sterile_and_unused",
        "packs_must_be_sterile_and_unused",
        "sterilizers_must_not_be_in_doubt",
        "handpiece_must_be_reprocessed",
        "clock_must_be_trusted",
        "some_other_rule",
    ],
)
async def test_sterility_consent_recall_and_holds_are_overridden_by_nobody(house: House, rule: str) -> None:
    room = await a_room(house)
    await room.book()
    note = OverrideNote(booking_id=room.booking_id, rule=rule, reason="because", valid_until=room.now + timedelta(days=400))
    request = Override(override_id=uuid4(), note=note)
    refused = (await house.doing("treatment", override_rule, request, by=actor(Role.CLINICIAN))).event
    assert isinstance(refused, TreatmentRequestRefused)
    expected = {"rule_must_be_overridable_by_role", "reason_must_be_of_policy", "override_must_end_in_time"}
    assert unmet(refused.findings) - {"rule_must_be_of_the_gate"} == expected


# While it runs


async def test_pause_and_resume(house: House) -> None:
    _, started = await running(house)
    pause = Pause(treatment_id=started.treatment_id, note=PauseNote(reason="bleeding"))
    resume = Resumption(treatment_id=started.treatment_id, note=ResumeNote())
    by = actor(Role.PRACTITIONER)
    assert isinstance((await house.doing("treatment", pause_treatment, pause, by=by)).event, TreatmentPaused)
    twice = (await house.doing("treatment", pause_treatment, pause, by=by)).event
    assert unmet(twice.findings) == {"treatment_must_be_running"}
    assert isinstance((await house.doing("treatment", resume_treatment, resume, by=by)).event, TreatmentResumed)
    twice = (await house.doing("treatment", resume_treatment, resume, by=by)).event
    assert unmet(twice.findings) == {"treatment_must_be_paused"}


async def test_a_dropped_cartridge_is_replaced_in_the_same_treatment_and_only_by_an_unused_one(house: House) -> None:
    room, started = await running(house)
    spare = AddedCartridge(treatment_id=started.treatment_id, unit_id=room.spare_unit_id)
    added = (await house.doing("treatment", add_cartridge, spare, by=room.by)).event
    assert isinstance(added, CartridgeAdded)
    assert added.lot_id == room.lot_id
    for again in (room.spare_unit_id, room.unit_id):
        twice = AddedCartridge(treatment_id=started.treatment_id, unit_id=again)
        refused = (await house.doing("treatment", add_cartridge, twice, by=room.by)).event
        assert unmet(refused.findings) == {"cartridge_must_not_be_in_this_treatment"}
    assert len(await house.said(CartridgeAdded)) == 1
    strange = AddedCartridge(treatment_id=started.treatment_id, unit_id=uuid4())
    refused = (await house.doing("treatment", add_cartridge, strange, by=room.by)).event
    assert unmet(refused.findings) == {"cartridges_must_be_sterile_and_unused"}
    async with house.look("treatment") as view:
        found = await queries.certificate(view, started.treatment_id)
        assert found is not None
        assert set(found.treatment.cartridge_unit_ids) == {room.unit_id, room.spare_unit_id}
    other = await a_room(house, lot_id=room.lot_id, unit_id=room.spare_unit_id)
    await other.ready()
    assert unmet((await other.start()).event.findings) == {"cartridges_must_be_sterile_and_unused", "nothing_named_may_be_taken"}


async def test_what_touches_a_running_treatment_is_said_in_the_room_once(house: House) -> None:
    room, started = await running(house)
    await house.given(
        "hygiene",
        RecallOpened(recall_id=uuid4(), kind="lot", subject_id=room.lot_id, cause=uuid4()),
        PackQuarantined(pack_ids=(room.pack_id,), reason="ci_unchanged", cause=uuid4()),
    )
    await house.react("treatment")
    await house.react("treatment")
    advised = await house.said(TreatmentStopAdvised)
    assert [advice.treatment_id for advice in advised] == [started.treatment_id] * 2
    assert unmet(advised[0].findings) == {"cartridges_must_be_sterile_and_unused", "packs_must_be_sterile_and_unused"}
    assert len(advised[0].findings) == len(GATE)


async def test_a_withdrawn_consent_and_a_hold_stop_a_running_treatment(house: House) -> None:
    room, _ = await running(house)
    withdrawn = ConsentWithdrawn(consent_id=room.consent_id, client_id=room.client_id, channel="in_person", occurred_at=await house.now())
    await house.given("consent", withdrawn)
    await house.react("treatment")
    held = SafetyHoldPlaced(hold_id=uuid4(), client_id=room.client_id, reason="fever", tier="urgent", cause=uuid4())
    await house.given("recovery", held)
    await house.react("treatment")
    first, second = await house.said(TreatmentStopAdvised)
    assert unmet(first.findings) == {"consent_must_cover_areas_and_depth"}
    assert unmet(second.findings) == {"consent_must_cover_areas_and_depth", "no_safety_hold_may_stand"}


async def test_what_touches_nothing_that_runs_stops_nobody(house: House) -> None:
    room, started = await running(house)
    await house.given("hygiene", LotQuarantined(lot_id=uuid4(), reason="recall"))
    done = End(treatment_id=started.treatment_id, note=touched((Area.CHEEKS, 1000)))
    await house.doing("treatment", end_treatment, done, by=room.by)
    await house.given("hygiene", LotQuarantined(lot_id=room.lot_id, reason="recall"))
    await house.react("treatment")
    assert await house.said(TreatmentStopAdvised) == []
