"""Screening and clearances on the real PostgreSQL: opaque outside, whole inside, and nothing of it in the ledger."""

import hashlib
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from events.catalog.booking import ClientMerged
from events.catalog.compliance import ClientErased, PolicyPublished
from events.catalog.consent import ClearanceGranted, ConsentRefused, ScreeningAnswered
from schemas.consent import Answer, ClearanceSheet, ClearedRestriction, Clearing, Screening, ScreeningRecord, ScreeningSheet
from schemas.policy import default_policy, digest_of, local_date, policy_from_toml, screening_digest
from schemas.vocabulary import Area, RestrictionClass, Role
from services.consent import queries
from services.consent.commands import answer_screening, grant_clearance
from services.consent.models import AnswerSheet, ClearanceBasis, Reason
from services.consent.rules import questions
from tests.conftest import House, actor, open_house

POLICY = default_policy()
BLOCK, CLEARANCE = RestrictionClass.BLOCK, RestrictionClass.CLEARANCE


class Tablet:
    """A client with a questionnaire."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.client_id = uuid4()

    async def today(self) -> date:
        return local_date(POLICY, await self.house.now())

    async def answer(
        self,
        *given: Answer,
        extent: str = "full",
        role: Role = Role.PRACTITIONER,
        at: datetime | None = None,
        client_id: UUID | None = None,
        screening_id: UUID | None = None,
    ) -> Any:
        """Answer no to everything else."""
        special = {answer.code for answer in given}
        rest = (Answer(code=code, answer="no") for code in questions(POLICY, extent) if code not in special)
        sheet = ScreeningSheet.model_validate(
            {
                "client_id": client_id or self.client_id,
                "extent": extent,
                "answered_at": at or await self.house.now(),
                "answers": (*given, *rest),
            }
        )
        request = Screening(screening_id=screening_id or uuid4(), sheet=sheet)
        return (await self.house.doing("consent", answer_screening, request, by=actor(role))).event

    async def clear(self, *restriction_ids: UUID, basis: str = "prescriber", until: datetime | None = None) -> Any:
        cleared = tuple(ClearedRestriction(restriction_id=found, basis=basis) for found in restriction_ids)
        sheet = ClearanceSheet(client_id=self.client_id, restrictions=cleared, valid_until=until)
        request = Clearing(clearance_id=uuid4(), sheet=sheet)
        return (await self.house.doing("consent", grant_clearance, request, by=actor(Role.CLINICIAN))).event

    async def record(self) -> ScreeningRecord:
        await self.house.caught_up("consent")
        async with self.house.look("consent") as view:
            return await queries.screening_of_client(view, self.client_id)


@pytest.fixture
def tablet(house: House) -> Tablet:
    return Tablet(house)


def yes(code: str, on: date | None = None, *areas: Area) -> Answer:
    return Answer(code=code, answer="yes", on=on, areas=areas)


def rules_of(event: Any) -> set[str]:
    assert isinstance(event, ConsentRefused)
    return {finding.rule for finding in event.findings}


async def test_a_healthy_client_is_eligible_under_the_policy_in_force(tablet: Tablet) -> None:
    answered = await tablet.answer()
    assert isinstance(answered, ScreeningAnswered)
    assert answered.restrictions == ()
    assert answered.policy_digest == screening_digest(POLICY)
    record = await tablet.record()
    assert record.eligible_now
    assert record.full_answered_at == record.volatile_answered_at == answered.answered_at


async def test_answers_are_kept_beside_the_ledger_and_bound_to_it(tablet: Tablet) -> None:
    answered = await tablet.answer(yes("pregnancy"))
    async with tablet.house.look("consent") as view:
        kept = (await view.rows.execute(select(AnswerSheet))).scalar_one()
        assert hashlib.sha256(b"\x10" + kept.salt + kept.content).hexdigest() == answered.commitment
        assert b"pregnancy" in kept.content


async def test_no_answer_and_no_reason_stands_in_the_ledger(tablet: Tablet) -> None:
    """Published policies name every question; what must not stand anywhere is what this client said."""
    on = await tablet.today() - timedelta(days=3)
    await tablet.answer(yes("pregnancy"), yes("anticoagulant"), yes("hepatitis_or_hiv"), yes("dermal_filler", on, Area.CHEEKS))
    await tablet.answer(yes("pregnancy"), Answer(code="neurotoxin", answer="yes", on=on + timedelta(days=300)))
    record = await tablet.record()
    opened = [found.restriction for found in record.restrictions if found.restriction.restriction_class is CLEARANCE]
    await tablet.clear(*(found.restriction_id for found in opened), basis="prescriber")
    await tablet.clear(opened[0].restriction_id, basis="nonsense")
    for entry in await tablet.house.entries():
        if not isinstance(entry.event, PolicyPublished):
            for code in POLICY.contraindications:
                assert code.encode() not in entry.body, entry.type
            for word in (b'"yes"', b"prefer_not", b"prescriber", b"antiviral", b"clinician\\"):
                assert word not in entry.body, entry.type
            assert on.isoformat().encode() not in entry.body, entry.type


async def test_the_restrictions_of_two_clients_with_the_same_answers_have_nothing_in_common(tablet: Tablet) -> None:
    one = await tablet.answer(yes("pregnancy"), yes("anticoagulant"))
    other = await tablet.answer(yes("pregnancy"), yes("anticoagulant"), client_id=uuid4())
    ids = [{found.restriction_id for found in event.restrictions} for event in (one, other)]
    assert len(ids[0] | ids[1]) == 4
    assert [found.restriction_id for found in one.restrictions] == sorted(found.restriction_id for found in one.restrictions)


async def test_every_reason_against_a_sheet_is_named_at_once(tablet: Tablet) -> None:
    now = await tablet.house.now()
    given = (
        Answer(code="nonsense", answer="no"),
        Answer(code="pregnancy", answer="no"),
        Answer(code="pregnancy", answer="yes"),
        yes("neurotoxin", (await tablet.today()) + timedelta(days=2)),
    )
    sheet = ScreeningSheet(client_id=tablet.client_id, extent="volatile", answered_at=now + timedelta(hours=1), answers=given)
    refused = (await tablet.house.doing("consent", answer_screening, Screening(screening_id=uuid4(), sheet=sheet))).event
    assert rules_of(refused) == {
        "questions_must_be_answered",
        "answers_must_be_to_these_questions",
        "questions_must_be_answered_once",
        "days_must_not_lie_ahead",
        "time_must_not_be_in_the_future",
        "intake_must_have_been_answered",
    }
    missing = {finding.parameters["question"] for finding in refused.findings if finding.rule == "questions_must_be_answered"}
    assert missing == set(questions(POLICY, "volatile")) - {"pregnancy", "neurotoxin"}
    async with tablet.house.look("consent") as view:
        assert (await view.rows.execute(select(AnswerSheet))).first() is None


async def test_pregnant_at_the_second_visit_blocks_until_answered_no(tablet: Tablet) -> None:
    long_ago = await tablet.house.now() - timedelta(days=60)
    await tablet.answer(at=long_ago)
    yesterday = await tablet.house.now() - timedelta(hours=25)
    blocked = await tablet.answer(yes("pregnancy"), extent="volatile", at=yesterday)
    assert [found.restriction_class for found in blocked.restrictions] == [BLOCK]
    assert not (await tablet.record()).eligible_now
    assert (await tablet.answer(extent="volatile")).restrictions == ()
    assert (await tablet.record()).eligible_now


async def test_silence_blocks(tablet: Tablet) -> None:
    answered = await tablet.answer(Answer(code="pregnancy", answer="prefer_not_to_say"))
    assert [found.restriction_class for found in answered.restrictions] == [BLOCK]


async def test_volatile_answers_leave_what_the_intake_said_in_force(tablet: Tablet) -> None:
    full = await tablet.answer(yes("metal_allergy"), yes("herpes_history", None, Area.UPPER_LIP))
    volatile = await tablet.answer(yes("anticoagulant"), extent="volatile")
    before, after = ({found.restriction_id for found in event.restrictions} for event in (full, volatile))
    assert before < after, "what stands unchanged keeps its id"
    assert len(after) == 3


async def test_of_two_questionnaires_that_conflict_the_conservative_stands_until_a_clinician_settles_it(tablet: Tablet) -> None:
    await tablet.answer(yes("pregnancy"))
    portal = await tablet.answer(extent="volatile")
    assert [found.restriction_class for found in portal.restrictions] == [BLOCK]
    settled = await tablet.answer(extent="volatile", role=Role.CLINICIAN)
    assert settled.restrictions == ()
    async with tablet.house.look("consent") as view:
        assert len((await view.rows.execute(select(AnswerSheet))).all()) == 3, "all are kept"


async def test_a_clearance_opens_what_asks_for_one_and_nothing_else(tablet: Tablet) -> None:
    answered = await tablet.answer(yes("anticoagulant"), yes("pregnancy"))
    by_class = {found.restriction_class: found.restriction_id for found in answered.restrictions}
    assert rules_of(await tablet.clear(*by_class.values())) == {"restriction_must_be_open_to_clearance"}
    assert await tablet.house.said(ClearanceGranted) == []
    granted = await tablet.clear(by_class[CLEARANCE])
    assert isinstance(granted, ClearanceGranted)
    record = await tablet.record()
    assert {found.restriction.restriction_class: found.cleared_until for found in record.restrictions} == {
        CLEARANCE: granted.valid_until,
        BLOCK: None,
    }
    assert not record.eligible_now


async def test_a_clearance_rests_on_the_right_word_stays_in_its_bounds_and_names_what_stands(tablet: Tablet) -> None:
    answered = await tablet.answer(yes("anticoagulant"))
    (found,) = answered.restrictions
    too_long = await tablet.house.now() + timedelta(days=181)
    refused = await tablet.clear(found.restriction_id, uuid4(), basis="clinician", until=too_long)
    assert rules_of(refused) == {
        "clearance_must_rest_on_what_is_needed",
        "restriction_must_stand",
        "clearance_must_not_outlast_policy",
    }


async def test_a_changed_answer_reopens_a_clearance_and_an_unchanged_one_does_not(tablet: Tablet) -> None:
    two_days_ago = await tablet.house.now() - timedelta(days=2)
    (found,) = (await tablet.answer(yes("anticoagulant"), at=two_days_ago)).restrictions
    await tablet.clear(found.restriction_id)
    (same,) = (await tablet.answer(yes("anticoagulant"), extent="volatile", at=two_days_ago + timedelta(hours=1))).restrictions
    assert same.restriction_id == found.restriction_id
    assert (await tablet.record()).eligible_now
    assert (await tablet.answer(extent="volatile", role=Role.CLINICIAN)).restrictions == ()
    (again,) = (await tablet.answer(yes("anticoagulant"), extent="volatile")).restrictions
    assert again.restriction_id != found.restriction_id
    assert not (await tablet.record()).eligible_now


async def test_answers_judged_under_an_earlier_policy_are_neither_eligible_nor_cleared(tablet: Tablet) -> None:
    (found,) = (await tablet.answer(yes("anticoagulant"))).restrictions
    strict = policy_from_toml("[contraindications.neurotoxin]\nwait_days = 90")
    published = PolicyPublished(
        policy_version=2, effective_at=await tablet.house.now(), approver_id=uuid4(), digest=digest_of(strict), document=strict
    )
    await tablet.house.given("compliance", published)
    assert not (await tablet.record()).judged_under_policy_in_force
    assert rules_of(await tablet.clear(found.restriction_id)) == {"screening_must_be_of_the_policy_in_force"}
    again = await tablet.answer(yes("anticoagulant"), extent="volatile")
    assert again.policy_digest == screening_digest(strict)
    assert (await tablet.record()).judged_under_policy_in_force


async def test_reasons_are_for_clinical_roles_and_confidential_ones_for_clinicians(tablet: Tablet) -> None:
    await tablet.answer(yes("hepatitis_or_hiv"), yes("anticoagulant"))
    async with tablet.house.look("consent") as view:
        practitioner = await queries.reasons_of_client(view, tablet.client_id, Role.PRACTITIONER)
        clinician = await queries.reasons_of_client(view, tablet.client_id, Role.CLINICIAN)
    assert [reason.code for reason in practitioner] == ["anticoagulant"]
    assert {reason.code: reason.needs for reason in clinician} == {"anticoagulant": "prescriber", "hepatitis_or_hiv": "clinician"}


async def test_the_same_sheet_from_another_tablet_has_the_same_answer(tablet: Tablet) -> None:
    screening_id, at = uuid4(), await tablet.house.now()
    first = await tablet.answer(yes("pregnancy"), screening_id=screening_id, at=at)
    assert await tablet.answer(yes("pregnancy"), screening_id=screening_id, at=at) == first
    assert rules_of(await tablet.answer(screening_id=screening_id, at=at)) == {"id_must_be_new"}


async def test_restrictions_of_merged_records_all_stand(tablet: Tablet) -> None:
    other = uuid4()
    await tablet.answer(yes("pregnancy"))
    await tablet.answer(yes("metal_allergy"), client_id=other)
    await tablet.house.given("booking", ClientMerged(client_id=other, into_client_id=tablet.client_id))
    assert len((await tablet.record()).restrictions) == 2
    assert len((await tablet.answer(extent="volatile")).restrictions) == 2, "the other record's intake counts for the person"


async def test_erased_answers_leave_a_client_who_has_to_be_asked_again(tablet: Tablet) -> None:
    (found,) = (await tablet.answer(yes("keloid_tendency"))).restrictions
    await tablet.clear(found.restriction_id, basis="clinician")
    await tablet.house.given("compliance", ClientErased(client_id=tablet.client_id))
    await tablet.house.react("consent")
    async with tablet.house.look("consent") as view:
        for private in (AnswerSheet, Reason, ClearanceBasis):
            assert (await view.rows.execute(select(private))).first() is None
    assert len((await tablet.record()).restrictions) == 1, "what the ledger says still restricts"
    assert rules_of(await tablet.clear(found.restriction_id, basis="clinician")) == {"restriction_must_stand"}
    assert rules_of(await tablet.answer(extent="volatile")) == {"intake_must_have_been_answered"}


async def test_the_tablet_asks_what_the_policy_asks(tablet: Tablet) -> None:
    await tablet.house.caught_up("consent")
    async with tablet.house.look("consent") as view:
        full, volatile = await queries.question_list(view, "full"), await queries.question_list(view, "volatile")
    assert full is not None
    assert volatile is not None
    assert full.policy_digest == screening_digest(POLICY)
    assert [question.code for question in full.questions] == sorted(questions(POLICY, "full"))
    assert {question.code for question in volatile.questions} == set(questions(POLICY, "volatile"))
    filler = next(question for question in full.questions if question.code == "dermal_filler")
    assert (filler.every_visit, filler.asks_areas, filler.asks_day) == (True, True, True)


async def test_a_clinic_with_another_policy_asks_and_judges_by_its_own(tablet: Tablet) -> None:
    lenient = await open_house(tablet.house.database, policy_from_toml("[screening]\nunanswered_restricts = false"))
    answered = await Tablet(lenient).answer(Answer(code="pregnancy", answer="prefer_not_to_say"))
    assert [found.restriction_class for found in answered.restrictions] == [RestrictionClass.WARNING]
