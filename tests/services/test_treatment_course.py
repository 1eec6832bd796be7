"""Before, during and after: preparation, cartridges, pauses, ends, paper, overrides, advice to stop."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from events.catalog.booking import BookingRescheduled
from events.catalog.consent import ConsentWithdrawn
from events.catalog.hygiene import LotQuarantined, PackQuarantined, RecallOpened
from events.catalog.recovery import SafetyHoldPlaced
from events.catalog.treatment import (
    CartridgeAdded,
    Equipment,
    NumbingApplied,
    NumbingRemoved,
    RuleOverridden,
    TreatmentEnded,
    TreatmentEndMissing,
    TreatmentPaused,
    TreatmentRecordedLate,
    TreatmentRefused,
    TreatmentRequestRefused,
    TreatmentResumed,
    TreatmentStarted,
    TreatmentStopAdvised,
)
from events.clock import jobs_of, run_job
from schemas.treatment import (
    AddedCartridge,
    Cleansing,
    CleansingNote,
    End,
    EndNote,
    Numbing,
    NumbingNote,
    NumbingRemoval,
    Override,
    OverrideNote,
    PastNote,
    PastTreatmentRecord,
    Pause,
    PauseNote,
    RemovalNote,
    ResumeNote,
    Resumption,
)
from schemas.vocabulary import AgeBand, Area, AreaDepth, Modality, Role, Verdict
from services.treatment import queries
from services.treatment.commands import (
    add_cartridge,
    apply_numbing,
    cleanse_skin,
    end_treatment,
    override_rule,
    pause_treatment,
    record_past_treatment,
    remove_numbing,
    resume_treatment,
)
from services.treatment.models import Treatment
from services.treatment.rules import GATE
from tests.conftest import House, actor
from tests.services.treatment_room import Room, a_room, minutes, unmet

CLEAN = {"skin_cleansed": True, "sharps_disposed": True, "aftercare_given": True}


async def running(house: House) -> tuple[Room, TreatmentStarted]:
    room = await (await a_room(house)).ready()
    started = (await room.start()).event
    assert isinstance(started, TreatmentStarted), unmet(started.findings)
    return room, started


def touched(*depths: tuple[Area, int], **changes: bool) -> EndNote:
    charted = tuple(AreaDepth(area=area, depth_um=um) for area, um in depths)
    return EndNote.model_validate({"needle_contact": bool(depths), "depths": charted} | CLEAN | changes)


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
    withdrawn = ConsentWithdrawn(
        consent_id=room.consent_id, client_id=room.client_id, channel="in_person", occurred_at=await house.now()
    )
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


# The end


async def test_an_end_records_what_was_really_done(house: House) -> None:
    room, started = await running(house)
    end = End(treatment_id=started.treatment_id, note=touched((Area.CHEEKS, 1250), (Area.FOREHEAD, 500)))
    answer = await house.doing("treatment", end_treatment, end, by=room.by)
    ended = answer.event
    assert isinstance(ended, TreatmentEnded)
    assert unmet(ended.findings) == set()
    assert (ended.booking_id, ended.client_id, ended.needle_contact) == (room.booking_id, room.client_id, True)
    repeated = await house.doing("treatment", end_treatment, end, by=actor(Role.CLINICIAN))
    assert repeated.entry.event_id == answer.entry.event_id
    async with house.look("treatment") as view:
        kept = (await view.rows.execute(select(Treatment.ended_at, Treatment.depths))).one()
        found = await queries.certificate(view, started.treatment_id)
        assert found is not None
        assert (found.treatment.state, len(found.findings), found.end_findings) == ("ended", len(GATE), ended.findings)
    assert kept.ended_at == ended.ended_at
    assert {depth["area"]: depth["depth_um"] for depth in kept.depths} == {"cheeks": 1250, "forehead": 500}


async def test_an_end_with_something_left_undone_is_refused_with_every_reason(house: House) -> None:
    room, started = await running(house)
    note = touched((Area.CHEEKS, 1000), skin_cleansed=False, sharps_disposed=False, aftercare_given=False)
    refused = (await house.doing("treatment", end_treatment, End(treatment_id=started.treatment_id, note=note), by=room.by)).event
    assert isinstance(refused, TreatmentRequestRefused)
    assert unmet(refused.findings) == {"skin_must_be_cleansed_again", "sharps_must_be_disposed_of", "aftercare_must_be_given"}
    assert await house.said(TreatmentEnded) == []


async def test_an_end_beyond_the_consent_is_recorded_as_it_was(house: House) -> None:
    room, started = await running(house)
    note = touched((Area.CHEEKS, 2000), (Area.NECK, 500))
    ended = (await house.doing("treatment", end_treatment, End(treatment_id=started.treatment_id, note=note), by=room.by)).event
    assert isinstance(ended, TreatmentEnded)
    assert unmet(ended.findings) == {"depth_must_stay_within_consent", "areas_must_stay_within_consent"}


async def test_an_end_without_needle_contact_starts_no_spacing(house: House) -> None:
    room, started = await running(house)
    await house.doing("treatment", end_treatment, End(treatment_id=started.treatment_id, note=touched()), by=room.by)
    later = await a_room(house, client_id=room.client_id)
    await later.ready()
    assert isinstance((await later.start()).event, TreatmentStarted)


async def test_actual_depth_and_areas_set_the_next_date(house: House) -> None:
    room, started = await running(house)
    note = touched((Area.CHEEKS, 1500))
    await house.doing("treatment", end_treatment, End(treatment_id=started.treatment_id, note=note), by=room.by)
    later = await a_room(house, client_id=room.client_id)
    await later.ready()
    refused = (await later.start()).event
    assert unmet(refused.findings) == {"spacing_must_have_passed"}
    found = next(finding for finding in refused.findings if finding.rule == "spacing_must_have_passed")
    assert found.evidence == (started.treatment_id,)
    assert found.earliest_ok is not None
    assert timedelta(days=27) <= found.earliest_ok - later.now <= timedelta(days=28)


async def test_an_unended_treatment_counts_in_full(house: House) -> None:
    room, _ = await running(house)
    later = await a_room(house, client_id=room.client_id)
    await later.ready()
    assert unmet((await later.start(areas=(Area.FOREHEAD,))).event.findings) == {
        "spacing_must_have_passed",
        "nothing_named_may_be_taken",
    }


async def test_an_end_that_never_came_is_reported_once(house: House) -> None:
    room = await (await a_room(house)).ready()
    overdue = TreatmentStarted(
        treatment_id=uuid4(),
        booking_id=room.booking_id,
        client_id=room.client_id,
        practitioner_id=room.practitioner_id,
        equipment=Equipment(room_id=room.room_id),
        lot_ids=(),
        cycle_ids=(),
        modality=Modality.MICRONEEDLING,
        areas=(),
        max_depth_um=0,
        planned_end_at=room.now - minutes(31),
        findings=(),
    )
    punctual = overdue.model_copy(update={"treatment_id": uuid4(), "planned_end_at": room.now - minutes(29)})
    await house.given("treatment", overdue, punctual)
    (job,) = jobs_of("treatment")
    assert await run_job(house.database, job) == 1
    assert await run_job(house.database, job) == 0
    missing = await house.said(TreatmentEndMissing)
    assert [found.treatment_id for found in missing] == [overdue.treatment_id]


# Paper


def paper(room: Room, **changes: object) -> PastNote:
    note = PastNote(
        booking_id=room.booking_id,
        client_id=room.client_id,
        room_id=room.room_id,
        handpiece_id=room.handpiece_id,
        cartridge_unit_ids=(room.unit_id,),
        packs=room.request().packs,
        needle_contact=True,
        depths=(AreaDepth(area=Area.CHEEKS, depth_um=1000),),
        started_at=room.now - minutes(20),
        ended_at=room.now - minutes(1),
        reason="tablet_dead",
    )
    return note.model_copy(update=changes)


async def test_a_treatment_on_paper_is_never_refused_and_says_what_would_have_failed(house: House) -> None:
    room = await a_room(house)
    await room.book()
    record = PastTreatmentRecord(treatment_id=uuid4(), note=paper(room))
    answer = await house.doing("treatment", record_past_treatment, record, by=room.by)
    late = answer.event
    assert isinstance(late, TreatmentRecordedLate)
    assert unmet(late.findings) >= {
        "identity_must_be_confirmed",
        "consent_must_cover_areas_and_depth",
        "room_must_be_turned_over",
        "cartridges_must_be_sterile_and_unused",
    }
    again = await house.doing("treatment", record_past_treatment, record, by=actor(Role.CLINICIAN))
    assert (again.repeated, again.entry.event_id) == (True, answer.entry.event_id)
    assert await house.said(TreatmentRefused) == []


async def test_a_treatment_on_paper_has_full_weight_for_spacing_and_its_items(house: House) -> None:
    room = await (await a_room(house)).ready()
    record = PastTreatmentRecord(treatment_id=uuid4(), note=paper(room))
    late = (await house.doing("treatment", record_past_treatment, record, by=room.by)).event
    assert (late.lot_ids, late.cycle_ids) == ((room.lot_id,), (room.cycle_id,))
    assert unmet((await room.start()).event.findings) == {
        "booking_must_hold_its_slot",
        "spacing_must_have_passed",
        "room_must_be_turned_over",
        "handpiece_must_be_reprocessed",
        "cartridges_must_be_sterile_and_unused",
        "packs_must_be_sterile_and_unused",
    }


async def test_a_past_that_has_not_come_yet_is_no_past(house: House) -> None:
    room = await a_room(house)
    record = PastTreatmentRecord(treatment_id=uuid4(), note=paper(room, ended_at=room.now + minutes(5)))
    refused = (await house.doing("treatment", record_past_treatment, record, by=room.by)).event
    assert isinstance(refused, TreatmentRequestRefused)
    assert unmet(refused.findings) == {"time_must_not_lie_ahead"}
