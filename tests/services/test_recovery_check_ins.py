"""Check-ins from the plan to the answer, on the real PostgreSQL."""

import hashlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from events.catalog.booking import ClientMerged
from events.catalog.compliance import PolicyPublished
from events.catalog.hygiene import Exposure, RecallOpened
from events.catalog.recovery import (
    CheckinAnswered,
    CheckinDue,
    CheckinMissed,
    CheckinReminded,
    IncidentOpened,
    ReactionReported,
    RecoveryRefused,
    SafetyHoldPlaced,
)
from events.catalog.treatment import Equipment, TreatmentEnded, TreatmentEndMissing, TreatmentRecordedLate, TreatmentStarted
from events.clock import Job, jobs_of, run_job
from events.outbox import OutboxMessage
from schemas.policy import default_policy, local_date, policy_from_toml
from schemas.recovery import CheckInAnswer as Request
from schemas.recovery import CheckInSheet, HoldLifting, LiftNote
from schemas.vocabulary import Area, AreaDepth, Modality, Role
from services.recovery import queries
from services.recovery.commands import answer_checkin, lift_safety_hold
from services.recovery.models import CheckIn, CheckInAnswer
from services.recovery.projectors import checkin_id
from tests.conftest import House, actor, open_house

POLICY = default_policy()
CLIENT = actor(Role.CLIENT)


def equipment() -> Equipment:
    return Equipment(room_id=uuid4(), handpiece_id=uuid4(), cartridge_unit_ids=(uuid4(),))


class Care:
    """A clinic after a treatment."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client_id, self.booking_id, self.lot_id = uuid4(), uuid4(), uuid4()

    async def start(self, depth_um: int = 1500) -> UUID:
        treatment_id = uuid4()
        started = TreatmentStarted(
            treatment_id=treatment_id,
            booking_id=self.booking_id,
            client_id=self.client_id,
            practitioner_id=uuid4(),
            equipment=equipment(),
            lot_ids=(self.lot_id,),
            cycle_ids=(),
            reprocessing_id=uuid4(),
            turnover_id=uuid4(),
            consent_id=uuid4(),
            modality=Modality.MICRONEEDLING,
            areas=(Area.CHEEKS,),
            max_depth_um=depth_um,
            planned_end_at=await self.house.now(),
            findings=(),
        )
        await self.house.given("treatment", started)
        return treatment_id

    async def end(self, treatment_id: UUID, *, hours_ago: float = 0, depth_um: int = 1000, needle_contact: bool = True) -> None:
        ended = TreatmentEnded(
            treatment_id=treatment_id,
            booking_id=self.booking_id,
            client_id=self.client_id,
            needle_contact=needle_contact,
            modality=Modality.MICRONEEDLING,
            depths=(AreaDepth(area=Area.CHEEKS, depth_um=depth_um),),
            skin_cleansed=True,
            sharps_disposed=True,
            aftercare_given=True,
            ended_at=await self.house.now() - timedelta(hours=hours_ago),
        )
        await self.house.given("treatment", ended)
        await self.house.caught_up("recovery")

    async def treated(self, hours_ago: float = 25) -> UUID:
        treatment_id = await self.start()
        await self.end(treatment_id, hours_ago=hours_ago)
        return treatment_id

    async def asked(self) -> UUID:
        """A client who was asked for the first time."""
        treatment_id = await self.treated()
        await run("ask_due_clients", self.house)
        return checkin_id(treatment_id, "h24")

    async def steps(self) -> dict[str, str]:
        async with self.house.look("recovery") as view:
            rows = (await view.rows.execute(select(CheckIn).order_by(CheckIn.due_at))).scalars().all()
            return {row.step: row.state for row in rows}

    async def answer(self, checkin: UUID, *symptoms: str, fever: bool = False) -> Any:
        request = Request(checkin_id=checkin, sheet=CheckInSheet(symptoms=symptoms, fever=fever))
        return await self.house.doing("recovery", answer_checkin, request, by=CLIENT)

    async def messages(self) -> list[tuple[str, str]]:
        async with self.house.look("recovery") as view:
            query = text("select recipient, template from machinery.outbox order by send_after, template")
            return [(row.recipient, row.template) for row in await view.rows.execute(query)]


def job(name: str) -> Job:
    return next(job for job in jobs_of("recovery") if job.name == name)


async def run(name: str, house: House) -> int:
    return await run_job(house.database, job(name))


@pytest.fixture
async def care(house: House) -> Care:
    """Without quiet hours, so that the time of day of a test decides nothing."""
    loud = policy_from_toml("[check_ins]\nquiet_from_minutes = 0\nquiet_until_minutes = 0")
    return Care(await open_house(house.database, loud))


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
    quiet = "[check_ins]\nquiet_from_minutes = 0\nquiet_until_minutes = 0\n"
    return Care(await open_house(house.database, policy_from_toml(f"{quiet}[check_ins.plan.h24]\n{changes}")))


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


async def test_a_harmless_answer_asks_nothing_of_anybody(care: Care) -> None:
    checkin = await care.asked()
    answer = await care.answer(checkin, "mild_redness")
    assert answer.event.tier == "none"
    assert await care.house.said(ReactionReported) == []
    assert await run("remind_silent_clients", care.house) == 0


async def test_pus_and_fever_at_night_hold_the_next_visit_and_open_an_incident_in_one_commit(care: Care) -> None:
    checkin = await care.asked()
    before = len(await care.house.entries())
    answer = await care.answer(checkin, "pus", fever=True)
    entries = (await care.house.entries())[before:]
    assert [type(entry.event) for entry in entries] == [CheckinAnswered, ReactionReported, SafetyHoldPlaced, IncidentOpened]
    assert {entry.causation for entry in entries} == {answer.entry.causation}
    answered, reaction, hold, incident = (entry.event for entry in entries)
    assert isinstance(answered, CheckinAnswered)
    assert isinstance(reaction, ReactionReported)
    assert isinstance(hold, SafetyHoldPlaced)
    assert isinstance(incident, IncidentOpened)
    assert (answered.tier, reaction.tier, hold.tier) == ("urgent", "urgent", "urgent")
    assert (hold.client_id, hold.cause) == (care.client_id, reaction.reaction_id)
    assert (incident.kind, incident.subject_id, incident.cause) == ("adverse_event", reaction.reaction_id, answer.entry.event_id)
    await care.house.react("recovery")
    assert ("staff", "reaction_reported") in await care.messages()
    assert "medical care today" in queries.reply_to_client(answered.tier).advice


async def test_what_wants_review_is_reported_without_a_hold(care: Care) -> None:
    await care.answer(await care.asked(), "pigment_change")
    (reaction,) = await care.house.said(ReactionReported)
    assert reaction.tier == "review"
    assert await care.house.said(SafetyHoldPlaced) == []
    assert await care.house.said(IncidentOpened) == []


async def test_answers_stand_beside_the_ledger_and_never_in_it(care: Care) -> None:
    checkin = await care.asked()
    answer = await care.answer(checkin, "pus", "eye_involvement", fever=True)
    async with care.house.look("recovery") as view:
        kept = (await view.rows.execute(select(CheckInAnswer))).scalar_one()
        assert hashlib.sha256(b"\x10" + kept.salt + kept.content).hexdigest() == answer.event.commitment
        (shown,) = await queries.answers_to(view, checkin)
    assert shown.sheet.symptoms == ("pus", "eye_involvement")
    for entry in await care.house.entries():
        if not isinstance(entry.event, PolicyPublished):
            assert not any(code.encode() in entry.body for code in (*POLICY.recovery.symptoms, "fever", "infection")), entry.type


async def test_the_same_answer_again_is_the_same_answer_and_a_worse_one_is_taken(care: Care) -> None:
    checkin = await care.asked()
    first = await care.answer(checkin, "mild_redness")
    again = await care.answer(checkin, "mild_redness")
    assert again.repeated
    assert again.entry.index == first.entry.index
    worse = await care.answer(checkin, "breathing_difficulty")
    assert worse.event.tier == "emergency"
    milder = await care.answer(checkin, "mild_redness")
    assert not milder.repeated
    async with care.house.look("recovery") as view:
        line = (await view.rows.execute(select(CheckIn).where(CheckIn.checkin_id == checkin))).scalar_one()
        assert (line.state, line.tier) == ("answered", "emergency"), "the worst stays on the list"
        assert [given.sheet.symptoms for given in await queries.answers_to(view, checkin)] == [
            ("mild_redness",),
            ("breathing_difficulty",),
            ("mild_redness",),
        ]


async def test_the_same_symptom_after_its_hold_was_lifted_is_news(care: Care) -> None:
    checkin = await care.asked()
    await care.answer(checkin, "pus")
    assert (await care.answer(checkin, "pus")).repeated
    (hold,) = await care.house.said(SafetyHoldPlaced)
    await care.house.doing("recovery", lift_safety_hold, HoldLifting(hold_id=hold.hold_id, note=LiftNote(reason="healed")))
    assert not (await care.answer(checkin, "pus")).repeated
    assert len(await care.house.said(SafetyHoldPlaced)) == 2


async def test_a_check_in_that_was_never_asked_or_is_over_takes_no_answer(house: House) -> None:
    quick = policy_from_toml("[check_ins]\nquiet_from_minutes = 0\nquiet_until_minutes = 0\nlink_valid_seconds = 0")
    care = Care(await open_house(house.database, quick))
    treatment_id = await care.treated()
    never_asked = await care.answer(checkin_id(treatment_id, "h24"), "pus")
    await run("ask_due_clients", care.house)
    over = await care.answer(checkin_id(treatment_id, "h24"), "pus")
    unknown = await care.answer(uuid4(), "pus")
    for refused in (never_asked, over, unknown):
        assert isinstance(refused.event, RecoveryRefused)
        assert [finding.rule for finding in refused.event.findings] == ["link_must_be_in_time"]


async def test_three_infections_behind_one_lot_raise_one_signal(care: Care) -> None:
    for infected in range(4):
        care.client_id = uuid4()
        await care.answer(await care.asked(), "pus")
        signals = [incident for incident in await care.house.said(IncidentOpened) if incident.kind == "lot_signal"]
        assert [signal.subject_id for signal in signals] == ([care.lot_id] if infected >= 2 else [])


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
