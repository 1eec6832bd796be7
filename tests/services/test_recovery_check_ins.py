"""Check-ins from the plan to the answer, on the real PostgreSQL."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from events.catalog.booking import ClientMerged
from events.catalog.hygiene import Exposure, RecallOpened
from events.catalog.recovery import (
    CheckinAnswered,
    CheckinDue,
    CheckinMissed,
    CheckinReminded,
    IncidentOpened,
)
from events.catalog.treatment import TreatmentEndMissing, TreatmentRecordedLate
from events.outbox import OutboxMessage
from schemas.policy import default_policy, local_date
from schemas.vocabulary import Area, AreaDepth, Modality
from services.recovery import queries
from services.recovery.models import CheckIn
from tests.conftest import House
from tests.services.recovery_care import Care, equipment, open_care, run

POLICY = default_policy()


@pytest.fixture
async def care(house: House) -> Care:
    return await open_care(house)


async def test_check_ins_are_planned_when_a_treatment_with_needles_ended(care: Care) -> None:
    treatment_id = await care.start()
    assert await care.steps() == {}
    await care.end(treatment_id)
    assert list(await care.steps()) == ["h24", "h72", "d7", "d28"]
    await care.end(treatment_id)
    assert len(await care.steps()) == 4


async def test_no_needle_contact_nothing_to_ask(care: Care) -> None:
    await care.end(await care.start(), needle_contact=False)
    assert await care.steps() == {}


async def test_a_forgotten_end_is_planned_from_the_planned_one_as_deep_as_consented_and_anew_when_it_comes(care: Care) -> None:
    treatment_id = await care.start(depth_um=2000)
    missing = TreatmentEndMissing(treatment_id=treatment_id, booking_id=care.booking_id, planned_end_at=await care.house.now())
    await care.house.given("treatment", missing)
    await care.house.caught_up("recovery")
    assert list(await care.steps()) == ["h24", "h48", "h72", "d7", "d28"]
    await care.end(treatment_id, depth_um=500)
    assert list(await care.steps()) == ["h24", "h72", "d7", "d28"]
    await care.end(treatment_id, needle_contact=False)
    assert await care.steps() == {}


async def paper(care: Care, hours_ago: float) -> TreatmentRecordedLate:
    ended_at = await care.house.now() - timedelta(hours=hours_ago)
    return TreatmentRecordedLate(
        treatment_id=uuid4(),
        client_id=care.client_id,
        practitioner_id=uuid4(),
        equipment=equipment(),
        lot_ids=(care.lot_id,),
        needle_contact=True,
        modality=Modality.MICRONEEDLING,
        depths=(AreaDepth(area=Area.NECK, depth_um=500),),
        started_at=ended_at - timedelta(hours=1),
        ended_at=ended_at,
        reason="tablet_dead",
        findings=(),
    )


async def test_a_treatment_on_paper_opens_an_incident_and_is_asked_about_from_its_real_end(care: Care) -> None:
    done = await paper(care, hours_ago=72)
    await care.house.given("treatment", done)
    await care.house.react("recovery")
    assert list(await care.steps()) == ["h72", "d7", "d28"], "nobody asks on day 3 about day 1"
    (incident,) = await care.house.said(IncidentOpened)
    assert (incident.kind, incident.subject_id) == ("recorded_late", done.treatment_id)
    await care.house.react("recovery")
    assert len(await care.house.said(IncidentOpened)) == 1
    assert await care.messages() == [("staff", "incident_opened")]


async def test_the_exposed_of_a_recall_are_asked_once_each_outside_the_schedule(care: Care) -> None:
    treatment_id = await care.treated(hours_ago=0)
    exposures = tuple(Exposure(treatment_id=treatment_id, client_id=care.client_id, item_id=uuid4()) for _ in range(2))
    recall = RecallOpened(recall_id=uuid4(), kind="sterilizer", subject_id=uuid4(), cause=uuid4(), exposures=exposures)
    await care.house.given("hygiene", recall)
    await care.house.react("recovery")
    assert list(await care.steps()) == ["recall", "h24", "h72", "d7", "d28"]
    (incident,) = await care.house.said(IncidentOpened)
    assert (incident.kind, incident.subject_id) == ("recall", recall.recall_id)


async def test_the_question_and_its_message_are_one_commit_and_come_once(care: Care) -> None:
    checkin = await care.asked()
    (due,) = await care.house.said(CheckinDue)
    assert (due.checkin_id, due.step) == (checkin, "h24")
    assert await run("ask_due_clients", care.house) == 0
    assert await care.messages() == [("client", "checkin_due")]
    assert (await care.steps())["h24"] == "asked"
    async with care.house.look("recovery") as view:
        query = select(OutboxMessage.parameters, OutboxMessage.recipient_id).where(OutboxMessage.clinic_id == view.clinic_id)
        parameters, recipient_id = (await view.rows.execute(query)).one()
    assert recipient_id == care.client_id
    target = queries.link_target(care.house.database.secret, parameters["link"].removeprefix("/check-ins/"))
    assert target is not None
    assert (target.clinic_id, target.checkin_id) == (care.house.clinic_id, checkin)


async def impatient(house: House, **check_in: int) -> Care:
    """A clinic that reminds and gives up at once."""
    changes = "\n".join(f"{name} = {value}" for name, value in check_in.items())
    return await open_care(house, f"[check_ins.plan.h24]\n{changes}")


async def test_a_silent_client_is_reminded_once(house: House) -> None:
    care = await impatient(house, after_seconds=3600, remind_after_seconds=1, missed_after_seconds=86400)
    await care.treated(hours_ago=1)
    await run("ask_due_clients", care.house)
    await _wait_for(care, "remind_silent_clients")
    assert await run("remind_silent_clients", care.house) == 0
    assert len(await care.house.said(CheckinReminded)) == 1
    assert await care.messages() == [("client", "checkin_due"), ("client", "checkin_reminder")]


async def test_a_client_who_never_answers_is_called_and_can_still_answer(house: House) -> None:
    care = await impatient(house, after_seconds=3600, remind_after_seconds=0, missed_after_seconds=1)
    await care.treated(hours_ago=1)
    await run("ask_due_clients", care.house)
    await _wait_for(care, "give_up_on_silent_clients")
    (missed,) = await care.house.said(CheckinMissed)
    assert (await care.steps())["h24"] == "missed"
    assert ("staff", "checkin_missed") in await care.messages()
    assert isinstance((await care.answer(missed.checkin_id, "pus")).event, CheckinAnswered)
    assert (await care.steps())["h24"] == "answered"


async def _wait_for(care: Care, name: str) -> None:
    """Until the database's clock has passed what is due within a second or two."""
    async with care.house.look("recovery") as view:
        for _ in range(40):
            await view.rows.execute(text("select pg_sleep(0.1)"))
            if await run(name, care.house):
                return
    raise AssertionError(f"{name} found nothing to do")


async def test_the_days_list_is_of_the_clinics_day(care: Care) -> None:
    treatment_id = await care.treated(hours_ago=0)
    async with care.house.look("recovery") as view:
        due_at = (await view.rows.execute(select(CheckIn.due_at).where(CheckIn.step == "h24"))).scalar_one()
        on = local_date(POLICY, due_at)
        lines = await queries.check_ins_on(view, on)
        others = await queries.check_ins_on(view, on + timedelta(days=1))
    assert [(line.treatment_id, line.step, line.state) for line in lines] == [(treatment_id, "h24", "planned")]
    assert others == []


async def test_a_merged_client_is_asked_under_the_record_that_stands(care: Care) -> None:
    await care.treated()
    into = uuid4()
    await care.house.given("booking", ClientMerged(client_id=care.client_id, into_client_id=into))
    await care.house.caught_up("recovery")
    await run("ask_due_clients", care.house)
    (due,) = await care.house.said(CheckinDue)
    assert due.client_id == into
