"""Reactions that staff reports, safety holds and who ends them, on the real PostgreSQL."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from events.catalog.compliance import ClientErased, PolicyPublished
from events.catalog.recovery import IncidentOpened, ReactionReported, RecoveryRefused, SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import TreatmentEnded
from schemas.policy import default_policy
from schemas.recovery import HoldLifting, HoldNote, HoldPlacing, LiftNote, ReactionReport, ReactionReporting
from schemas.vocabulary import Area, AreaDepth, Finding, Modality, Verdict
from services.recovery import queries
from services.recovery.commands import lift_safety_hold, place_safety_hold, report_reaction
from tests.conftest import House
from tests.services.recovery_care import Care, open_care


@pytest.fixture
async def care(house: House) -> Care:
    return await open_care(house)


def rules_of(event: Any) -> list[str]:
    assert isinstance(event, RecoveryRefused)
    return [finding.rule for finding in event.findings]


async def report(care: Care, treatment_id: UUID, *symptoms: str, reaction_id: UUID | None = None) -> Any:
    request = ReactionReporting(reaction_id=reaction_id or uuid4(), report=ReactionReport(treatment_id=treatment_id, symptoms=symptoms))
    return await care.house.doing("recovery", report_reaction, request)


async def test_a_reaction_that_staff_saw_escalates_like_a_clients_own_answer(care: Care) -> None:
    treatment_id = await care.treated()
    answer = await report(care, treatment_id, "blisters")
    assert (answer.event.tier, answer.event.client_id) == ("urgent", care.client_id)
    (hold,) = await care.house.said(SafetyHoldPlaced)
    (incident,) = await care.house.said(IncidentOpened)
    assert hold.cause == incident.subject_id == answer.event.reaction_id
    await care.house.react("recovery")
    assert await care.messages() == [("staff", "reaction_reported")]
    async with care.house.look("recovery") as view:
        (shown,) = await queries.reactions(view)
        (opened,) = await queries.incidents(view)
        kept = (await view.rows.execute(text("select content from recovery.check_in_answers"))).scalar_one()
    assert shown.reaction_id == answer.event.reaction_id
    assert shown.respond_by > shown.reported_at
    assert (opened.kind, opened.reporting) == ("adverse_event", "voluntary")
    assert opened.report_due_on is not None
    assert b"blisters" in kept
    said = [entry.body for entry in await care.house.entries() if not isinstance(entry.event, PolicyPublished)]
    assert not any(code.encode() in body for body in said for code in default_policy().recovery.symptoms)


async def test_a_report_is_idempotent_by_its_content(care: Care) -> None:
    treatment_id, reaction_id = await care.treated(), uuid4()
    first = await report(care, treatment_id, "blisters", reaction_id=reaction_id)
    again = await report(care, treatment_id, "blisters", reaction_id=reaction_id)
    assert again.repeated
    assert again.entry.index == first.entry.index
    assert rules_of((await report(care, treatment_id, "pus", reaction_id=reaction_id)).event) == ["id_must_be_new"]
    assert len(await care.house.said(ReactionReported)) == 1


async def test_a_reaction_belongs_to_a_treatment(care: Care) -> None:
    assert rules_of((await report(care, uuid4(), "blisters")).event) == ["treatment_must_be_known"]


async def place(care: Care, hold_id: UUID, reason: str = "cold_sore_by_phone") -> Any:
    request = HoldPlacing(hold_id=hold_id, note=HoldNote(client_id=care.client_id, reason=reason))
    return await care.house.doing("recovery", place_safety_hold, request)


async def lift(care: Care, hold_id: UUID) -> Any:
    return await care.house.doing("recovery", lift_safety_hold, HoldLifting(hold_id=hold_id, note=LiftNote(reason="healed")))


async def test_a_hold_stands_until_it_is_lifted(care: Care) -> None:
    hold_id = uuid4()
    placed = await place(care, hold_id)
    async with care.house.look("recovery") as view:
        (standing,) = await queries.safety_holds(view, open_only=True, client_id=care.client_id)
        assert await queries.safety_holds(view, open_only=True, client_id=uuid4()) == []
    assert (standing.hold_id, standing.placed_at, standing.lifted_at) == (hold_id, placed.entry.recorded_at, None)
    lifted = await lift(care, hold_id)
    assert isinstance(lifted.event, SafetyHoldLifted)
    assert lifted.event.client_id == care.client_id
    async with care.house.look("recovery") as view:
        assert await queries.safety_holds(view, open_only=True) == []
        (over,) = await queries.safety_holds(view, open_only=False)
    assert over.lifted_at == lifted.entry.recorded_at


async def test_lists_go_on_where_the_last_page_ended(care: Care) -> None:
    for _ in range(3):
        await place(care, uuid4())
    async with care.house.look("recovery") as view:
        newest, *older = await queries.safety_holds(view, open_only=True)
        assert await queries.safety_holds(view, open_only=True, before=newest.ledger_index) == older
    assert [hold.ledger_index for hold in older] == sorted((hold.ledger_index for hold in older), reverse=True)
    assert len(older) == 2


async def test_placing_and_lifting_twice_changes_nothing(care: Care) -> None:
    hold_id = uuid4()
    await place(care, hold_id)
    assert (await place(care, hold_id)).repeated
    assert rules_of((await place(care, hold_id, reason="other")).event) == ["id_must_be_new"]
    await lift(care, hold_id)
    assert (await lift(care, hold_id)).repeated
    assert len(await care.house.said(SafetyHoldLifted)) == 1


async def test_a_hold_nobody_placed_cannot_be_lifted(care: Care) -> None:
    assert rules_of((await lift(care, uuid4())).event) == ["hold_must_be_known"]


async def test_why_a_client_is_held_stays_inside(care: Care) -> None:
    assert set(SafetyHoldPlaced.masked) == {"reason", "tier"}
    assert set(SafetyHoldLifted.masked) == {"reason"}


async def test_an_erased_client_leaves_no_answer_behind_and_nobody_elses_is_touched(care: Care) -> None:
    erased = care.client_id
    await report(care, await care.treated(), "blisters")
    care.client_id = uuid4()
    await report(care, await care.treated(), "pus")
    await care.house.given("compliance", ClientErased(client_id=uuid4(), kept=("treatment",)), ClientErased(client_id=erased))
    await care.house.react("recovery")
    async with care.house.look("recovery") as view:
        kept = (await view.rows.execute(text("select client_id from recovery.check_in_answers"))).scalars().all()
        assert kept == [care.client_id]
        assert len(await queries.reactions(view)) == 2, "that there was a reaction stays on record"


async def test_an_end_beyond_the_consent_opens_an_incident_once(care: Care) -> None:
    too_deep = Finding(rule="consent_must_cover_areas_and_depth", code="G07", verdict=Verdict.UNMET)
    within, beyond = await care.start(), await care.start()
    for treatment_id, findings in ((within, ()), (beyond, (too_deep,))):
        ended = TreatmentEnded(
            treatment_id=treatment_id,
            booking_id=care.booking_id,
            client_id=care.client_id,
            needle_contact=True,
            modality=Modality.MICRONEEDLING,
            depths=(AreaDepth(area=Area.CHEEKS, depth_um=2500),),
            skin_cleansed=True,
            sharps_disposed=True,
            aftercare_given=True,
            ended_at=await care.house.now(),
            findings=findings,
        )
        await care.house.given("treatment", ended)
    await care.house.react("recovery")
    await care.house.react("recovery")
    opened = await care.house.said(IncidentOpened)
    assert [(incident.kind, incident.subject_id) for incident in opened] == [("beyond_consent", beyond)]
