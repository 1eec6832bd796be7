"""The end of a treatment, the end that never came, and treatments on paper."""

from datetime import timedelta
from uuid import uuid4

from sqlalchemy import select

from events.catalog.treatment import (
    Equipment,
    TreatmentEnded,
    TreatmentEndMissing,
    TreatmentRecordedLate,
    TreatmentRefused,
    TreatmentRequestRefused,
    TreatmentStarted,
)
from events.clock import jobs_of, run_job
from schemas.treatment import (
    End,
    PastNote,
    PastTreatmentRecord,
)
from schemas.vocabulary import Area, AreaDepth, Modality, Role
from services.treatment import queries
from services.treatment.commands import (
    end_treatment,
    record_past_treatment,
)
from services.treatment.models import Treatment
from services.treatment.rules import GATE
from tests.conftest import House, actor
from tests.services.treatment_room import Room, a_room, minutes, running, touched, unmet


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
