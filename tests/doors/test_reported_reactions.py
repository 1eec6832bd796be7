"""Whoever reports a reaction reads what to tell the client. What the client answered themselves is for clinical roles."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from events.catalog.recovery import CheckinMissed
from schemas.vocabulary import Role
from services.recovery.rules import ADVICE
from tests.doors.conftest import Door, token_for
from tests.doors.test_pin import Browser, browser
from tests.services.recovery_care import Care
from tests.services.test_recovery_holds import report

ADVISES = "Tell the client"


async def reported(own: Browser, client: UUID, treatment: UUID, symptom: str) -> str:
    """The page after somebody of the staff reported a reaction."""
    fields = {"treatment_id": str(treatment), "symptoms": symptom, "reaction_id": str(uuid4())}
    answer = await own.post(f"recovery/clients/{client}/reaction", **fields)
    assert answer.status_code == 303, answer.text
    return (await own.client.get(answer.headers["location"])).text


async def test_the_front_desk_learns_nothing_of_a_reaction_that_others_reported(door: Door) -> None:
    care = Care(door.house)
    await report(care, await care.treated(), "blisters")
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        page = await own.get(f"recovery/clients/{care.client_id}?done=reported")
        assert (page.status_code, ADVISES in page.text) == (200, False)
        assert ADVICE["urgent"] not in page.text


async def test_who_reports_is_told_what_to_tell_the_client_and_nobody_after_them(door: Door) -> None:
    care = Care(door.house)
    treatment = await care.treated()
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        assert ADVICE["urgent"] in await reported(own, care.client_id, treatment, "blisters")
        await report(care, treatment, "collapse")
        page = (await own.get(f"recovery/clients/{care.client_id}?done=reported")).text
        assert (ADVICE["urgent"] in page, ADVICE["emergency"] in page) == (True, False)
        assert ADVISES not in (await own.get(f"recovery/clients/{uuid4()}?done=reported")).text
        assert "urgent" not in " ".join(cookie.value or "" for cookie in own.client.cookies.jar)
        await own.sign_in(await token_for(door.house, Role.FRONT_DESK))
        assert ADVISES not in (await own.get(f"recovery/clients/{care.client_id}?done=reported")).text


async def test_the_managers_day_leads_to_whom_to_call_and_otherwise_to_the_record(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    await door.house.given("recovery", CheckinMissed(checkin_id=uuid4(), treatment_id=uuid4(), client_id=uuid4(), step="h24"))
    app: Any = door.client._transport.app  # type: ignore[attr-defined]
    others = tuple(screen for screen in app.state.menu if screen.path != "to-call")
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.MANAGER])
        for menu, there in ((app.state.menu, f"/clinics/{own.clinic}/to-call"), (others, f"/clinics/{own.clinic}/record?")):
            monkeypatch.setitem(app.state._state, "menu", menu)
            before, _, _ = (await own.get("today")).text.partition("Check-ins without an answer: call them")
            path = before.rpartition('<a class="tile amber" href="')[2].partition('"')[0]
            assert path.startswith(there), path
            assert (await own.client.get(path.replace("&amp;", "&"))).status_code == 200
