"""A PIN opens what its owner's token opens, on the clinic's own tablets only; and every way round that is tried here."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from events.catalog.compliance import TokenCreated
from schemas.vocabulary import Role
from services.session import TabletKey, enroll, seal, unseal
from tests.conftest import SECRET, House, open_house
from tests.doors.conftest import Door, token_for

PAGE = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
PIN, OTHER = "493817", "602958"

pytestmark = pytest.mark.usefixtures("quick_pins")


class Browser:
    """One with cookies of its own, at a clinic's door."""

    def __init__(self, client: httpx.AsyncClient, clinic: UUID) -> None:
        self.client = client
        self.clinic = clinic

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(f"/clinics/{self.clinic}/{path}", **more)

    async def post(self, path: str, **fields: str) -> httpx.Response:
        return await self.client.post(f"/clinics/{self.clinic}/{path}", data=fields)

    async def sign_in(self, token: str) -> None:
        answer = await self.post("sign-in", token=token)
        assert answer.status_code == 303, answer.text

    async def type_pin(self, identity: UUID, pin: str = PIN) -> httpx.Response:
        return await self.post("who", who=str(identity), pin=pin)

    @property
    def session(self) -> str:
        return self.client.cookies.get("asepsis") or ""


@asynccontextmanager
async def browser(door: Door, clinic: UUID | None = None) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(transport=door.client._transport, base_url="http://asepsis", headers=PAGE) as client:
        yield Browser(client, clinic or door.house.clinic_id)


async def person(door: Door, role: Role = Role.TECHNICIAN, pin: str = PIN) -> tuple[UUID, str]:
    """Somebody with a role, a name, a token and a PIN."""
    identity = uuid4()
    token = await token_for(door.house, role, identity)
    async with browser(door) as own:
        await own.sign_in(token)
        answer = await own.post("pin", pin=pin, again=pin, command_id=str(uuid4()))
        assert answer.status_code == 303, answer.text
    return identity, token


@asynccontextmanager
async def tablet(door: Door) -> AsyncIterator[Browser]:
    """An enrolled one, where nobody is signed in."""
    async with browser(door) as enrolled:
        await enrolled.sign_in(door.tokens[Role.MANAGER])
        answer = await enrolled.post("tablets/enroll", name="Room 2", command_id=str(uuid4()))
        assert answer.headers["location"].endswith("/who"), answer.text
        assert not enrolled.session
        yield enrolled


async def entries(house: House, kind: type) -> list[Any]:
    return [found for found in await house.entries() if isinstance(found.event, kind)]


async def test_a_pin_opens_the_screens_of_its_owner_and_what_is_done_bears_the_tablet(door: Door) -> None:
    identity, _ = await person(door, Role.MANAGER)
    async with tablet(door) as here:
        assert str(identity) in (await here.get("who")).text
        assert (await here.get("sign-in")).headers["location"].endswith("/who")
        assert (await here.get("board")).status_code == 401
        answer = await here.type_pin(identity)
        assert answer.status_code == 303, answer.text
        assert (await here.get("board")).status_code in (200, 409)
        done = await here.client.put(
            f"/clinics/{here.clinic}/resources/{uuid4()}",
            json={"kind": "room", "turnover_minutes": 10},
            headers={"Accept": "application/json", "Idempotency-Key": "room", "Asepsis-Device": "tablet:another"},
        )
        assert done.status_code == 201, done.text
        told = (await door.house.entries())[-1].actor
        made = (await entries(door.house, TokenCreated))[-1]
        assert made.event.identity_id == identity
        assert told.identity_id == identity
        assert re.fullmatch(r"tablet:[0-9a-f-]{36}", told.device or "")
        assert told.device == made.actor.device


async def test_a_pin_opens_nothing_where_no_tablet_was_enrolled(door: Door) -> None:
    identity, _ = await person(door)
    async with browser(door) as stranger:
        assert (await stranger.get("who")).headers["location"].endswith("/sign-in?with=token")
        for cookie in ("", "forged", seal(SECRET, stranger.clinic, "asp_x")):
            stranger.client.cookies.set("asepsis-tablet", cookie)
            answer = await stranger.type_pin(identity)
            assert answer.headers["location"].endswith("/sign-in?with=token")
            assert not stranger.session
        stranger.client.cookies.clear()
    async with tablet(door) as here:  # the stranger's tries were none: nobody can be locked out from elsewhere
        assert (await here.type_pin(identity)).status_code == 303


async def test_a_sealed_key_of_no_tablet_opens_nothing(door: Door) -> None:
    """Whoever had the installation's secret alone still has no tablet."""
    identity, _ = await person(door)
    async with browser(door) as stranger:
        request = Request({"type": "http", "scheme": "http", "path": "/", "headers": [], "server": ("asepsis", 80), "query_string": b""})
        made = Response()
        enroll(request, made, SECRET, stranger.clinic, TabletKey(uuid4(), "guessed"))
        stranger.client.cookies.set("asepsis-tablet", made.headers["set-cookie"].partition("=")[2].partition(";")[0])
        assert (await stranger.type_pin(identity)).headers["location"].endswith("/sign-in?with=token")


async def test_whoever_lost_their_roles_is_out_at_once_and_never_comes_back_by_the_old_pin(door: Door) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here:
        await here.type_pin(identity)
        assert (await here.get("board")).status_code in (200, 409)
        grant = f"/clinics/{here.clinic}/identities/{identity}/grants"
        assert (await door.ask("DELETE", f"{grant}/technician", Role.ADMIN)).status_code == 200
        assert (await here.get("board")).status_code == 404
        await here.post("sign-out")
        assert str(identity) not in (await here.get("who")).text
        assert "Choose who you are" in (await here.type_pin(identity)).text
        assert (await door.ask("POST", grant, Role.ADMIN, json={"role": "technician"})).status_code == 201
        assert str(identity) not in (await here.get("who")).text, "the PIN went with the last role"


async def test_a_tablet_that_was_removed_ends_what_was_opened_on_it(door: Door) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here, browser(door) as manager:
        await here.type_pin(identity)
        assert (await here.get("board")).status_code in (200, 409)
        await manager.sign_in(door.tokens[Role.MANAGER])
        (made,) = [found for found in await entries(door.house, TokenCreated) if found.event.identity_id == identity and found.actor.device]
        tablet_id = made.actor.identity_id
        assert (await manager.post(f"tablets/{tablet_id}/remove", command_id=str(uuid4()))).status_code == 303
        assert (await here.get("board")).status_code == 401
        assert (await here.type_pin(identity)).headers["location"].endswith("/sign-in?with=token")
        again = await manager.post(f"tablets/{tablet_id}/remove", command_id=str(uuid4()))
        assert again.status_code == 409


async def test_nothing_of_it_is_good_in_another_clinic(door: Door) -> None:
    identity, _ = await person(door)
    foreign = await open_house(door.house.database)
    await token_for(foreign, Role.TECHNICIAN, identity)
    async with tablet(door) as here:
        await here.type_pin(identity)
        there = Browser(here.client, foreign.clinic_id)
        assert (await there.get("board")).status_code == 401
        assert (await there.get("who")).headers["location"].endswith("/sign-in?with=token")
        assert (await there.type_pin(identity)).headers["location"].endswith("/sign-in?with=token")


async def test_a_pin_leads_to_no_lasting_key_and_to_no_admin(door: Door) -> None:
    identity, _ = await person(door, Role.MANAGER)
    await token_for(door.house, Role.ADMIN, identity)
    async with tablet(door) as here:
        await here.type_pin(identity)
        assert (await here.post("pin", pin=OTHER, again=OTHER, command_id="a")).status_code == 409
        assert (await here.post("tablets/enroll", name="Mine", command_id="b")).status_code == 409
        made = await here.client.post(
            f"/clinics/{here.clinic}/tokens",
            json={"identity_id": str(identity), "label": "x", "expires_at": "2099-01-01T00:00:00Z"},
            headers={"Accept": "application/json", "Idempotency-Key": "c"},
        )
        assert made.status_code == 403
        assert (await here.type_pin(identity, OTHER)).status_code == 401, "the PIN is the old one"


async def test_a_session_by_pin_is_locked_when_nothing_is_done_and_ends_for_good_when_persons_switch(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here:
        await here.type_pin(identity)
        first = here.session
        monkeypatch.setattr("services.session.RENEWED_SECONDS", -1)
        await here.get("board")
        renewed = here.session
        assert renewed != first
        for by_itself in ({"Accept": "text/event-stream"}, {"Sec-Fetch-Mode": "cors"}, {"Sec-Fetch-Mode": "same-origin"}):
            assert "set-cookie" not in (await here.get("board", headers=by_itself)).headers, by_itself
        assert "set-cookie" in (await here.get("here", headers={"Sec-Fetch-Mode": "cors"})).headers, "a touch is told as such"
        monkeypatch.setattr("services.session.IDLE_SECONDS", -1)
        assert (await here.get("board")).status_code == 401
        monkeypatch.undo()
        assert (await here.get("board")).status_code in (200, 409)
        assert (await here.post("idle")).json() == {"locked": True}
        for kept in (first, renewed):
            here.client.cookies.set("asepsis", kept)
            assert (await here.get("board")).status_code == 401, "whoever kept the cookie"


async def test_the_next_person_ends_the_session_of_the_one_before(door: Door) -> None:
    (one, _), (another, _) = await person(door), await person(door, Role.FRONT_DESK, OTHER)
    async with tablet(door) as here:
        await here.type_pin(one)
        kept = here.session
        await here.type_pin(another, OTHER)
        found = unseal(SECRET, here.session, here.clinic)
        assert found is not None
        assert found.on_tablet
        here.client.cookies.clear()
        here.client.cookies.set("asepsis", kept)
        assert (await here.get("board")).status_code == 401


@pytest.mark.parametrize("foreign", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}])
async def test_a_foreign_page_types_no_pin(door: Door, foreign: dict[str, str]) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here:
        fields = {"who": str(identity), "pin": PIN}
        assert (await here.client.post(f"/clinics/{here.clinic}/who", data=fields, headers=foreign)).status_code == 403


@pytest.mark.parametrize(("pin", "again"), [("12345",) * 2, ("1234567",) * 2, ("49381a",) * 2, ("493817", "493818"), ("", "")])
async def test_a_pin_is_six_digits_typed_alike_twice_and_no_pattern(door: Door, pin: str, again: str) -> None:
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        answer = await own.post("pin", pin=pin, again=again, command_id=str(uuid4()))
        assert (answer.status_code, "six digits" in answer.text) == (422, True)
        assert (await own.post("pin", pin="123456", again="123456", command_id=str(uuid4()))).status_code == 409


async def test_a_form_that_is_sent_twice_sets_one_pin(door: Door) -> None:
    async with browser(door) as own:
        await own.sign_in(await token_for(door.house, Role.TECHNICIAN))
        before = len(await door.house.entries())
        for _ in range(2):
            assert (await own.post("pin", pin=PIN, again=PIN, command_id="twice")).status_code == 303
        assert len(await door.house.entries()) == before + 1


async def test_neither_a_pin_nor_its_hash_stands_in_the_record(door: Door) -> None:
    identity, _ = await person(door, pin="740259")
    async with door.house.database.begun(door.house.clinic_id, "compliance") as line:
        (kept,) = await line.driver.fetch("select salt, hash from compliance.pins where identity_id = $1", identity)
        bodies = await line.driver.fetch("select body from ledger.entries where clinic_id = $1", door.house.clinic_id)
    said = b"".join(bytes(row["body"]) for row in bodies)
    for secret in (b"740259", kept["hash"], kept["hash"].hex().encode(), kept["salt"].hex().encode()):
        assert secret not in said
