"""Pages that are left open: they end with the role that let them show what they show, and with the patience of the tablet."""

from typing import Any
from uuid import UUID, uuid4

from starlette.requests import Request
from starlette.responses import Response

from schemas.vocabulary import Role
from services.door import Asking, _asking, still_admitted
from services.session import seal
from tests.conftest import SECRET
from tests.doors.conftest import Door, token_for


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
