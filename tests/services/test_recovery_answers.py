"""What a client's answer does, on the real PostgreSQL: nothing is lost, nothing is told."""

import hashlib
from uuid import uuid4

import pytest
from sqlalchemy import select

from events.catalog.compliance import PolicyPublished
from events.catalog.recovery import (
    CheckinAnswered,
    IncidentOpened,
    ReactionReported,
    RecoveryRefused,
    SafetyHoldPlaced,
)
from schemas.policy import default_policy
from schemas.recovery import HoldLifting, LiftNote
from services.recovery import queries
from services.recovery.commands import lift_safety_hold
from services.recovery.models import CheckIn, CheckInAnswer
from services.recovery.projectors import checkin_id
from tests.conftest import House
from tests.services.recovery_care import Care, open_care, run

POLICY = default_policy()


@pytest.fixture
async def care(house: House) -> Care:
    return await open_care(house)


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


@pytest.mark.parametrize(
    "again",
    [
        pytest.param((("pus", "mild_redness"), True), id="with something harmless besides"),
        pytest.param((("pus",), False), id="with less than before"),
        pytest.param((("mild_redness",), True), id="with one of them only"),
        pytest.param((("pus", "pigment_change"), True), id="with something that wants review, said before too"),
    ],
)
async def test_an_alarm_that_is_sent_again_is_added_to_the_first(care: Care, again: tuple[tuple[str, ...], bool]) -> None:
    """One reaction, one hold to lift, one incident; what was answered is kept all the same."""
    checkin, (symptoms, fever) = await care.asked(), again
    await care.answer(checkin, "pus", "pigment_change", fever=True)
    await care.answer(checkin, "mild_redness")
    second = await care.answer(checkin, *symptoms, fever=fever)
    assert (second.event.tier, second.repeated) == ("urgent", False)
    assert [len(await care.house.said(kind)) for kind in (CheckinAnswered, ReactionReported)] == [3, 1]
    assert [len(await care.house.said(kind)) for kind in (SafetyHoldPlaced, IncidentOpened)] == [1, 1]
    await care.house.react("recovery")
    assert (await care.messages()).count(("staff", "reaction_reported")) == 1
    assert (await care.answer(checkin, *symptoms, fever=fever)).repeated


async def test_what_was_not_told_before_is_a_new_alarm(care: Care) -> None:
    checkin = await care.asked()
    await care.answer(checkin, "pus")
    await care.answer(checkin, "pus", "eye_involvement")
    await care.answer(checkin, "eye_involvement", "breathing_difficulty")
    assert [said.tier for said in await care.house.said(ReactionReported)] == ["urgent", "urgent", "emergency"]


async def test_an_alarm_of_another_check_in_is_its_own(care: Care) -> None:
    await care.answer(await care.asked(), "pus", "mild_redness")
    await care.answer(await care.asked(), "pus")
    assert len(await care.house.said(ReactionReported)) == 2


async def test_after_a_hold_was_lifted_the_same_symptoms_with_others_are_news(care: Care) -> None:
    checkin = await care.asked()
    await care.answer(checkin, "pus", "mild_redness")
    (hold,) = await care.house.said(SafetyHoldPlaced)
    await care.house.doing("recovery", lift_safety_hold, HoldLifting(hold_id=hold.hold_id, note=LiftNote(reason="healed")))
    await care.answer(checkin, "pus", "flaking")
    assert len(await care.house.said(SafetyHoldPlaced)) == 2


@pytest.mark.parametrize("again", [("pus", "pigment_change"), ("pus", "pigment_change", "flaking"), ("pus",)])
async def test_after_a_hold_was_lifted_no_other_reaction_stands_for_its_symptoms(care: Care, again: tuple[str, ...]) -> None:
    """What was added to the newest reaction is not what that one was raised for."""
    checkin = await care.asked()
    for told in (("pus",), ("pigment_change",), ("pus", "pigment_change")):
        await care.answer(checkin, *told)
    (hold,) = await care.house.said(SafetyHoldPlaced)
    await care.house.doing("recovery", lift_safety_hold, HoldLifting(hold_id=hold.hold_id, note=LiftNote(reason="healed")))
    second = await care.answer(checkin, *again)
    assert (second.event.tier, second.repeated) == ("urgent", False)
    assert [len(await care.house.said(kind)) for kind in (SafetyHoldPlaced, IncidentOpened)] == [2, 2]


async def test_what_comes_back_after_it_was_gone_is_news_where_no_hold_stands_for_it(care: Care) -> None:
    """Nobody lifts what holds nothing: the client says that it is over."""
    checkin = await care.asked()
    for told in ("pigment_change", "mild_redness", "pigment_change"):
        await care.answer(checkin, told)
    assert [said.tier for said in await care.house.said(ReactionReported)] == ["review", "review"]
    assert (await care.answer(checkin, "pigment_change")).repeated


async def test_the_same_symptom_after_its_hold_was_lifted_is_news(care: Care) -> None:
    checkin = await care.asked()
    await care.answer(checkin, "pus")
    assert (await care.answer(checkin, "pus")).repeated
    (hold,) = await care.house.said(SafetyHoldPlaced)
    await care.house.doing("recovery", lift_safety_hold, HoldLifting(hold_id=hold.hold_id, note=LiftNote(reason="healed")))
    assert not (await care.answer(checkin, "pus")).repeated
    assert len(await care.house.said(SafetyHoldPlaced)) == 2


async def test_a_check_in_that_was_never_asked_or_is_over_takes_no_answer(house: House) -> None:
    care = await open_care(house, "link_valid_seconds = 0")
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
