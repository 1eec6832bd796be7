"""Policy versions: approved by a clinician, consistent, in order, with their text kept."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from events import ledger
from events.catalog.compliance import AccessGranted, ComplianceRefused, PolicyPublished
from events.database import Database
from events.policy import policy_in_force
from events.transaction import aside
from schemas.compliance import PolicyRequest
from schemas.policy import digest_of
from schemas.vocabulary import Role
from services.compliance.commands import publish_policy
from services.compliance.models import Policies
from services.compliance.queries import policy_reply
from tests.conftest import House

LONGER = "# asked for by the owner\nspacing.bands.medium.floor_days = 29"


async def clinician(house: House) -> UUID:
    who = uuid4()
    await house.given("compliance", AccessGranted(identity_id=who, role=Role.CLINICIAN))
    return who


async def test_the_next_version_is_published_with_its_approver_and_text(house: House) -> None:
    who = await clinician(house)
    answer = await house.doing("compliance", publish_policy, PolicyRequest(text=LONGER, approver_id=who))
    published = answer.event
    assert isinstance(published, PolicyPublished)
    assert (published.policy_version, published.approver_id) == (2, who)
    assert published.effective_at == answer.entry.recorded_at
    assert published.digest == digest_of(published.document)
    async with house.look("compliance") as view:
        reply = await policy_reply(view)
        held = await policy_in_force(view.rows, Policies, house.clinic_id, view.now)
    assert reply is not None
    assert held is not None
    assert (reply.approval.policy_version, reply.approval.approver_id, reply.approval.index) == (2, who, answer.entry.index)
    assert reply.text == LONGER
    assert reply.document.spacing.bands["medium"].floor_days == held.policy.spacing.bands["medium"].floor_days == 29
    assert reply.sources["spacing.bands.medium.floor_days"].evidence == "P"


async def test_a_policy_that_contradicts_itself_is_refused_with_every_place(house: House) -> None:
    text = "spacing.bands.medium.floor_days = 31\nhygiene.contact_seconds = 1"
    answer = await house.doing("compliance", publish_policy, PolicyRequest(text=text, approver_id=uuid4()))
    assert isinstance(answer.event, ComplianceRefused)
    assert [(finding.rule, finding.field) for finding in answer.event.findings] == [
        ("approver_must_be_a_clinician", None),
        ("floor_must_not_exceed_recommendation", "spacing.bands.medium.recommended_days"),
        ("contact_time_must_reach_its_floor", "hygiene.contact_seconds"),
    ]
    assert len(await house.said(PolicyPublished)) == 1, "the one the clinic began with"


@pytest.mark.parametrize("text", ["no toml [", "spacing.bands.medium.flor_days = 3", "spacing.bands.medium.floor_days = -1"])
def test_a_text_that_is_no_policy_is_no_request(text: str) -> None:
    with pytest.raises(ValidationError):
        PolicyRequest(text=text, approver_id=uuid4())


async def test_yesterdays_policy_cannot_be_changed_today(house: House) -> None:
    asked = PolicyRequest(text=LONGER, approver_id=await clinician(house), effective_at=await house.now() - timedelta(days=1))
    answer = await house.doing("compliance", publish_policy, asked)
    assert [finding.rule for finding in answer.event.findings] == ["policy_must_not_begin_in_the_past"]


async def test_the_first_policy_says_since_when_the_clinic_works_by_it(database: Database) -> None:
    house = House(database, uuid4())
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, house.clinic_id)
    who, since = await clinician(house), await house.now("compliance") - timedelta(days=60)
    answer = await house.doing("compliance", publish_policy, PolicyRequest(text=LONGER, approver_id=who, effective_at=since))
    assert isinstance(answer.event, PolicyPublished)
    async with house.look("compliance") as view:
        found = await policy_in_force(view.rows, Policies, house.clinic_id, since + timedelta(days=1))
    assert found is not None
    assert found.version == 1


async def test_a_planned_version_waits_and_an_urgent_one_overtakes_it(house: House) -> None:
    who = await clinician(house)
    later = PolicyRequest(text=LONGER, approver_id=who, effective_at=await house.now() + timedelta(days=7))
    await house.doing("compliance", publish_policy, later)
    async with house.look("compliance") as view:
        before = await policy_reply(view)
    assert before is not None
    assert before.approval.policy_version == 1
    assert before.text is None, "the first came without its text"
    await house.doing("compliance", publish_policy, PolicyRequest(text="spacing.bands.medium.floor_days = 30", approver_id=who))
    async with house.look("compliance") as view:
        now = await policy_reply(view)
        in_a_month = await policy_in_force(view.rows, Policies, house.clinic_id, view.now + timedelta(days=30))
    assert now is not None
    assert in_a_month is not None
    assert (now.approval.policy_version, in_a_month.version) == (3, 3)
