"""Whom to call because they did not answer: for everybody who may hold a telephone, and without a word of health."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from events.catalog.booking import ClientRegistered
from events.catalog.recovery import CheckinAnswered, CheckinDue, CheckinFollowedUp, CheckinMissed, SafetyHoldPlaced
from schemas.vocabulary import Role
from services.recovery import queries
from services.recovery.projectors import checkin_id
from tests.doors.conftest import Door
from tests.doors.test_pin import Browser, browser
from tests.services.recovery_care import Care

STEP = "h24"


async def silent(door: Door) -> tuple[Care, UUID]:
    """A client who was asked and did not answer."""
    care = Care(door.house)
    treatment = await care.treated()
    checkin = checkin_id(treatment, STEP)
    about = {"checkin_id": checkin, "treatment_id": treatment, "client_id": care.client_id}
    due_at = await door.house.now() - timedelta(hours=25)
    await door.house.given("recovery", CheckinDue(step=STEP, due_at=due_at, **about), CheckinMissed(step=STEP, **about))
    return care, checkin


async def named(door: Door, client: UUID) -> None:
    body = {"given_name": "Ada", "family_name": "Visser", "date_of_birth": "1990-05-17", "phone": "+31201234567"}
    answer = await door.ask("PUT", f"/clinics/{door.house.clinic_id}/clients/{client}", Role.FRONT_DESK, json=body)
    assert answer.status_code == 201, answer.text
    assert await door.house.said(ClientRegistered)


async def say(own: Browser, checkin: UUID, outcome: str, command_id: str = "") -> int:
    return (await own.post(f"to-call/{checkin}", outcome=outcome, command_id=command_id or str(uuid4()))).status_code


@pytest.mark.parametrize("role", [Role.MANAGER, Role.FRONT_DESK])
async def test_whoever_may_not_see_answers_sees_whom_to_call_and_who_has_taken_it(door: Door, role: Role) -> None:
    care, checkin = await silent(door)
    await named(door, care.client_id)
    async with browser(door) as own, browser(door) as other:
        await own.sign_in(door.tokens[role])
        await other.sign_in(door.tokens[Role.PRACTITIONER])
        assert (await own.get("recovery")).status_code == 403
        page = (await own.get("to-call")).text
        for shown in ("Ada Visser", "tel:+31201234567", "To be called"):
            assert shown in page
        assert not any(word in page for word in ("Redness", "Pus", "Fever", "h24", "review", "urgent"))
        form = str(uuid4())
        assert [await say(own, checkin, "taken", form) for _ in range(2)] == [303, 303]
        seen = (await other.get("to-call")).text
        assert "Somebody of the staff has taken it" in seen
        assert "Ada Visser" in (await other.get("recovery")).text
        assert await say(own, checkin, "not_reached", form) == 303, "another button of the same form"
        assert "called and reached nobody" in (await other.get("to-call")).text
        assert await say(other, checkin, "reached") == 303
        assert str(checkin) not in (await own.get("to-call")).text
        late = await own.post(f"to-call/{checkin}", outcome="reached", command_id=str(uuid4()))
        assert (late.status_code, "need not be called any more" in late.text) == (409, True)
    said = [found for found in await door.house.said(CheckinFollowedUp) if found.checkin_id == checkin]
    assert [found.outcome for found in said] == ["taken", "not_reached", "reached"]


async def test_who_answers_after_all_is_not_called(door: Door) -> None:
    care, checkin = await silent(door)
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        assert str(checkin) in (await own.get("to-call")).text
        assert isinstance((await care.answer(checkin, "mild_redness")).event, CheckinAnswered)
        assert str(checkin) not in (await own.get("to-call")).text
        assert await say(own, checkin, "taken") == 409
        assert await say(own, uuid4(), "taken") == 409
        assert await say(own, checkin, "forgotten") == 422


async def test_who_waits_today_is_not_hidden_behind_those_whom_nobody_ever_called(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = {str((await silent(door))[1]) for _ in range(3)}
    everybody = (await door.ask("GET", f"/clinics/{door.house.clinic_id}/calls", Role.MANAGER)).json()
    assert {one["checkin_id"] for one in everybody} == waiting
    # Those of one evening are all given up on in the same minute of the next morning: then their ids decide.
    longest_first = sorted(everybody, key=lambda one: (one["missed_at"], one["checkin_id"]))
    assert everybody == longest_first
    monkeypatch.setattr(queries, "MOST", 2)
    found = (await door.ask("GET", f"/clinics/{door.house.clinic_id}/calls", Role.MANAGER)).json()
    assert found == longest_first[1:], "the newest of those who wait, the longest wait first"


async def test_programs_ask_the_same(door: Door) -> None:
    _, checkin = await silent(door)
    path = f"/clinics/{door.house.clinic_id}"
    found = (await door.ask("GET", f"{path}/calls", Role.MANAGER)).json()
    (call,) = [one for one in found if one["checkin_id"] == str(checkin)]
    assert set(call) == {"checkin_id", "treatment_id", "client_id", "due_at", "missed_at", "outcome", "called_by", "called_at"}
    done = await door.ask("POST", f"{path}/check-ins/{checkin}/follow-ups", Role.MANAGER, json={"outcome": "reached"})
    assert done.status_code == 200, done.text
    assert str(checkin) not in (await door.ask("GET", f"{path}/calls", Role.MANAGER)).text
    assert (await door.ask("GET", f"{path}/calls", Role.TECHNICIAN)).status_code == 403


async def test_a_manager_stops_a_treatment_without_seeing_what_was_said(door: Door) -> None:
    """Whoever may place a hold finds where: it needs no look at the answers."""
    care, checkin = await silent(door)
    await care.answer(checkin, "mild_redness")
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.MANAGER])
        page = (await own.get(f"recovery/clients/{care.client_id}")).text
        assert "Stop the next treatment" in page
        assert not any(words in page for words in ("What was said", "Holds"))
        held = await own.post(f"recovery/clients/{care.client_id}/hold", hold_id=str(uuid4()), reason="reported_by_phone")
        assert held.status_code == 303, held.text
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        assert "Stop the next treatment" not in (await own.get(f"recovery/clients/{care.client_id}")).text
    assert care.client_id in [found.client_id for found in await door.house.said(SafetyHoldPlaced)]
