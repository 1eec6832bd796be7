"""Pages that are left open: they end with the role that let them show what they show, and with the patience of the tablet."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from starlette.requests import Request
from starlette.responses import Response

from schemas.vocabulary import Role
from services.door import Asking, _asking, still_admitted
from services.screens.hub import Hub
from services.screens.live import stream
from services.session import _box, seal
from tests.conftest import SECRET
from tests.doors.conftest import Door, token_for
from tests.doors.test_pin import browser, tablet


async def opened(door: Door, command: str, sealed: str) -> Asking:
    """A page's question, as a browser with this session asks it."""
    headers = [(b"cookie", f"asepsis={sealed}".encode()), (b"accept", b"text/event-stream")]
    scope: dict[str, Any] = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": b"", "headers": headers}
    request = Request(scope | {"app": door.client._transport.app, "state": {}})  # type: ignore[attr-defined]
    return await _asking(command, door.house.clinic_id, request, Response(), "", None)


async def change(door: Door, identity: UUID, method: str, role: Role) -> None:
    grants = f"/clinics/{door.house.clinic_id}/identities/{identity}/grants"
    path, body = (grants, {"role": role.value}) if method == "POST" else (f"{grants}/{role.value}", None)
    answer = await door.ask(method, path, Role.ADMIN, json=body)
    assert answer.is_success, answer.text


async def test_a_live_page_ends_with_any_role_that_it_was_opened_with(door: Door) -> None:
    """A look shows names for one role and is allowed for another: the page begins anew with what is left."""
    identity = uuid4()
    token = await token_for(door.house, Role.PRACTITIONER, identity)
    await change(door, identity, "POST", Role.AUDITOR)
    ask = await opened(door, "view_treatment", seal(SECRET, door.house.clinic_id, token))
    other = next(role for role in (Role.AUDITOR, Role.PRACTITIONER) if role is not ask.actor.role)
    assert await still_admitted([ask]) == [True]
    await change(door, identity, "POST", Role.MANAGER)
    assert await still_admitted([ask]) == [True], "one role more takes nothing away"
    await change(door, identity, "DELETE", other)
    assert await still_admitted([ask]) == [False]
    again = await opened(door, "view_treatment", seal(SECRET, door.house.clinic_id, token))
    assert await still_admitted([again]) == [True]


async def test_a_token_on_a_shared_tablet_is_locked_as_a_pin_is(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever pasted one and walked away left their roles, admin's too, to whoever came next."""
    async with tablet(door) as here:
        assert "15 minutes" in (await here.get("sign-in?with=token")).text
        await here.sign_in(door.tokens[Role.ADMIN])
        first = here.session
        found = await here.get("tablets")
        assert (found.status_code, 'data-idle="900"' in found.text) == (200, True), "the page watches for touches"
        monkeypatch.setattr("services.session.RENEWED_SECONDS", -1)
        await here.get("tablets")
        assert here.session != first, "who does something stays"
        monkeypatch.setattr("services.session.IDLE_SECONDS", -1)
        assert (await here.get("tablets")).status_code == 401
        monkeypatch.undo()
        assert (await here.post("idle")).json() == {"locked": True}
        here.client.cookies.set("asepsis", first)
        assert (await here.get("tablets")).status_code == 401
    async with browser(door) as own:
        assert "twelve hours" in (await own.get("sign-in")).text
        await own.sign_in(door.tokens[Role.ADMIN])
        assert "data-idle" not in (await own.get("tablets")).text
        assert (await own.post("idle")).json() == {"locked": False}, "a device of their own lasts the day"


async def test_touching_a_tablet_makes_no_day_longer(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.session.RENEWED_SECONDS", -1)
    begun_long_ago = _box(SECRET).encrypt_at_time(b"a session", 0).decode()
    for name, renewed in ((begun_long_ago, False), ("", True)):
        async with tablet(door) as here:
            sealed = seal(SECRET, here.clinic, door.tokens[Role.ADMIN], name=name, on_tablet=True)
            answer = await here.get("tablets", headers={"Cookie": f"asepsis={sealed}"})
            assert (answer.status_code, "set-cookie" in answer.headers) == (200, renewed)


@pytest.fixture
async def hub(door: Door, valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    made = Hub(valkey)
    monkeypatch.setattr(door.client._transport.app.state, "hub", made)  # type: ignore[attr-defined]
    yield made
    made.end()


async def test_a_live_page_comes_back_with_what_its_browser_shows_now_or_not_at_all(
    door: Door, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its request bears the cookie of when it was opened. Touches renew the browser's, not this one: so it ends, and is asked for anew."""
    await door.house.caught_up("treatment")
    async with tablet(door) as here:
        sealed = seal(SECRET, here.clinic, door.tokens[Role.PRACTITIONER], on_tablet=True)
        ask = await opened(door, "view_treatment", sealed)

        async def look(_size: int) -> str:
            return "Ana"

        told = aiter(stream(ask._request, ask, "chair", look).body_iterator)
        assert "Ana" in str(await anext(told))
        monkeypatch.setattr("services.session.IDLE_SECONDS", -1)
        hub.tell(here.clinic)
        assert [said async for said in told] == [], "nothing more is shown, and nobody is told that they were signed out"
        live = await here.get("chair/live", headers={"Cookie": f"asepsis={sealed}", "Accept": "text/event-stream"})
        assert live.status_code == 401
