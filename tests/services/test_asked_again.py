"""A check asks every decision again: a client's no, a call, and an alarm that was added to an earlier one are decided as they were."""

from uuid import uuid4

from events.catalog.consent import ConsentDeclined
from events.catalog.recovery import CheckinAnswered, CheckinFollowedUp, CheckinMissed, ReactionReported
from events.checking.check import Checker
from schemas.consent import Declining, FormDraft, FormPublication
from schemas.recovery import FollowUp, FollowUpNote
from schemas.vocabulary import Area, Modality, Role
from services.consent.commands import decline_consent, publish_form
from services.recovery.commands import follow_up_checkin
from tests.conftest import House, actor
from tests.services.recovery_care import run
from tests.services.test_recovery_check_ins import _wait_for, impatient


async def test_a_no_a_call_and_an_added_alarm_are_decided_again_as_they_were(house: House) -> None:
    care = await impatient(house, after_seconds=3600, remind_after_seconds=0, missed_after_seconds=1)
    house = care.house
    await care.treated(hours_ago=1)
    await run("ask_due_clients", house)
    await _wait_for(care, "give_up_on_silent_clients")
    (missed,) = await house.said(CheckinMissed)
    for outcome in ("taken", "reached", "taken"):
        call = FollowUp(checkin_id=missed.checkin_id, note=FollowUpNote.model_validate({"outcome": outcome}))
        await house.doing("recovery", follow_up_checkin, call, by=actor(Role.MANAGER))
    for symptoms in (("pus", "flaking"), ("pus",), ("pus", "blisters")):
        await care.answer(missed.checkin_id, *symptoms)
    draft = FormDraft(language="en", text="Needles.", modality=Modality.MICRONEEDLING, areas=(Area.CHEEKS,), max_depth_um=1500)
    form = FormPublication(form_id=uuid4(), form_version=1, draft=draft)
    await house.doing("consent", publish_form, form, by=actor(Role.MANAGER))
    no = Declining(handing_id=uuid4(), consent_id=uuid4(), client_id=care.client_id, form_id=form.form_id, form_version=1)
    await house.doing("consent", decline_consent, no, by=actor(Role.CLIENT))
    said = [len(await house.said(kind)) for kind in (CheckinFollowedUp, CheckinAnswered, ReactionReported, ConsentDeclined)]
    assert said == [2, 3, 2, 1]
    async with Checker(house.database, ("consent", "recovery")) as checker:
        found = await checker.check(house.clinic_id)
    assert [str(wrong) for wrong in found.report.wrongs] == []
