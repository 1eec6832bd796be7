"""The frame of the screens: what is vendored, how files are kept, which headers keep others out, who is let in, what an error says."""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from events.catalog.booking import BookingConfirmed
from events.database import Database
from events.embedded import Servers
from events.transaction import transaction
from events.wire import Lines
from schemas.vocabulary import Role
from services.app import people_called
from services.door import _asking, still_admitted
from services.event_examples import VISIT
from services.screens.assets import FOLDER, address, files
from services.screens.menu import Screen, home_of, open_to
from services.session import seal, unseal
from tests.conftest import SECRET, open_house
from tests.doors.conftest import Door, token_for

ROOT = Path(__file__).parents[2]
LISTS = [FOLDER / "vendor" / "checksums.sha256", ROOT / "tests" / "screens" / "vendor" / "checksums.sha256"]
PAGE = {"Accept": "text/html"}
OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("checksums", LISTS, ids=lambda path: path.parts[-4])
def test_what_is_vendored_is_what_was_vendored(checksums: Path) -> None:
    told = {line[66:]: line[:64] for line in checksums.read_text().splitlines()}
    there = {path.name for path in checksums.parent.iterdir()} - {checksums.name}
    assert set(told) == there
    for name, digest in told.items():
        assert hashlib.sha256((checksums.parent / name).read_bytes()).hexdigest() == digest, name


def test_pages_ask_for_nothing_inline_and_nothing_from_elsewhere() -> None:
    """What a strict content security policy would refuse in a browser, refused before."""
    templates = [*(ROOT / "services").glob("*/templates/*.html")]
    assert len(templates) > 5
    for path in templates:
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|hx-on|js:|https?://", text), path


async def test_a_file_is_kept_for_ever_under_the_name_of_its_content(door: Door) -> None:
    for name in files():
        found = await door.client.get(address(name))
        assert found.status_code == 200
        assert "immutable" in found.headers["cache-control"]
        assert (found.headers["content-encoding"], found.content) == ("gzip", files()[name].read_bytes())
        assert found.headers["x-content-type-options"] == "nosniff"
    older = await door.client.get("/static/v-of-an-older-deploy/screens.css")
    assert older.status_code == 200
    assert older.headers["cache-control"] == "no-cache"
    for outside in ("../frame.py", "..%2fframe.py", "vendor", "nothing.css"):
        assert (await door.client.get(f"/static/v-1/{outside}")).status_code in (307, 404)


def cookie_of(answer: httpx.Response) -> str:
    return answer.headers["set-cookie"]


@asynccontextmanager
async def signed_in(door: Door, role: Role) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, as far as cookies go."""
    await door.house.caught_up("booking")
    async with httpx.AsyncClient(transport=door.client._transport, base_url="http://asepsis", headers=PAGE | OURS) as client:
        answer = await client.post(f"/clinics/{door.house.clinic_id}/sign-in", data={"token": door.tokens[role]})
        assert answer.status_code == 303, answer.text
        yield client


async def test_a_session_rests_on_the_same_check_as_a_token(door: Door) -> None:
    board = f"/clinics/{door.house.clinic_id}/board"
    for role, expected in ((Role.FRONT_DESK, 200), (Role.MANAGER, 200), (Role.AUDITOR, 403), (Role.ADMIN, 403)):
        async with signed_in(door, role) as client:
            assert (await client.get(board)).status_code == expected, role
            foreign = await open_house(door.house.database)
            assert (await client.get(f"/clinics/{foreign.clinic_id}/board")).status_code == 401
    async with httpx.AsyncClient(transport=door.client._transport, base_url="http://asepsis", headers=PAGE | OURS) as client:
        for wrong in ("", "asp_forged", door.tokens[Role.AUDITOR][:-1], "ä" * 50):
            answer = await client.post(f"/clinics/{door.house.clinic_id}/sign-in", data={"token": wrong})
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers


async def test_the_cookie_is_for_our_pages_only(door: Door) -> None:
    where = f"/clinics/{door.house.clinic_id}"
    body = {"token": door.tokens[Role.FRONT_DESK]}
    plain = await door.client.post(f"{where}/sign-in", data=body, headers=PAGE | OURS)
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie_of(plain).split("; "))
    async with httpx.AsyncClient(transport=door.client._transport, base_url="https://asepsis") as client:
        by_tls = await client.post(f"{where}/sign-in", data=body, headers=PAGE | OURS)
        assert cookie_of(by_tls).startswith("__Host-asepsis=")
        assert "Secure" in cookie_of(by_tls).split("; ")
    assert door.tokens[Role.FRONT_DESK] not in cookie_of(plain)
    door.client.cookies.clear()


@pytest.mark.parametrize(
    "foreign", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {}]
)
async def test_a_foreign_page_can_send_nothing(door: Door, foreign: dict[str, str]) -> None:
    where = f"/clinics/{door.house.clinic_id}"
    async with signed_in(door, Role.MANAGER) as client:
        before = len(await door.house.entries())
        del client.headers["Sec-Fetch-Site"]
        for path in (f"/board/{uuid4()}/cancel", "/board/book", "/sign-in", "/sign-out", "/bookings"):
            answer = await client.post(where + path, data={"command_id": "x"}, headers=foreign)
            assert answer.status_code == 403, path
            assert "was not sent from a page of this program" in answer.text
        assert (await client.get(f"{where}/board", headers=foreign)).status_code == 200
        assert len(await door.house.entries()) == before


async def test_a_session_ends_with_its_token_and_after_a_day_at_the_desk(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = UUID(int=7)
    sealed = seal(SECRET, clinic, "asp_x")
    found = unseal(SECRET, sealed, clinic)
    assert found is not None
    assert found.token == "asp_x"
    assert unseal(SECRET, sealed, UUID(int=8)) is None
    assert unseal(b"another secret of 32 bytes or so...", sealed, clinic) is None
    for spoiled in ("", "x", sealed[:-2], "ä", sealed.swapcase()):
        assert unseal(SECRET, spoiled, clinic) is None
    monkeypatch.setattr("services.session.SECONDS", -1)
    assert unseal(SECRET, sealed, clinic) is None


async def test_a_page_that_is_left_open_ends_with_its_session(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    clinic = door.house.clinic_id
    cookie = f"asepsis={seal(SECRET, clinic, door.tokens[Role.FRONT_DESK])}".encode()
    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "query_string": b"", "headers": [(b"cookie", cookie)]}
    request = Request(scope | {"app": door.client._transport.app})  # type: ignore[attr-defined]
    ask = await _asking("view_day_sheet", clinic, request, Response(), "", None)
    assert await still_admitted([ask]) == [True]
    monkeypatch.setattr("services.session.SECONDS", -1)
    assert await still_admitted([ask]) == [False]


async def test_no_page_holds_a_connection_while_it_waits_for_another(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a crowd of live boards, told of the same event, would take every connection and wait for ever."""
    board, visit = f"/clinics/{door.house.clinic_id}/board", VISIT.model_copy(update={"booking_id": uuid4()})
    await door.house.given("booking", BookingConfirmed(visit=visit))
    await door.house.caught_up("booking")
    only = Lines(door.house.database.engine, 1)
    monkeypatch.setattr(door.house.database, "_lines", only)
    for path in ("", "/book", f"/{visit.booking_id}"):
        assert (await door.ask("GET", board + path, Role.FRONT_DESK, headers=PAGE)).status_code == 200, path
    done = await door.ask(
        "POST", f"{board}/{visit.booking_id}/cancel", Role.FRONT_DESK, headers=PAGE, data={"command_id": "a", "reason": "client_ill"}
    )
    assert done.status_code == 303, done.text
    await only.close()


async def test_slots_are_searched_only_for_roles_that_may_search(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A booking's page is open to technicians; the question that the routes refuse them is not asked by another door."""
    visit, asked = VISIT.model_copy(update={"booking_id": uuid4()}), []

    async def searched(*_: Any) -> Any:
        asked.append(1)
        return (), []

    await door.house.given("booking", BookingConfirmed(visit=visit))
    await door.house.caught_up("booking")
    monkeypatch.setattr(import_module("services.booking.pages.changing"), "searched", searched)
    where = f"/clinics/{door.house.clinic_id}/board/{visit.booking_id}?from_on={visit.starts_at:%Y-%m-%d}"
    for role, times in ((Role.TECHNICIAN, 0), (Role.FRONT_DESK, 1)):
        assert (await door.ask("GET", where, role, headers=PAGE)).status_code == 200
        assert len(asked) == times, role


async def test_a_service_with_a_login_of_its_own_shows_its_board_without_names(door: Door, servers: Servers, database_name: str) -> None:
    """As `deploy/compose.apart.yaml` runs it: what the staff is called stands in tables of compliance."""
    apart = Database(servers.login_url("asepsis_booking", database_name), secret=SECRET)
    assert await people_called(apart, door.house.clinic_id) == {}
    await apart.close()


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//[", "http://[x]:y/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/clinics/x/board"],
)
async def test_signing_in_leads_nowhere_else(door: Door, wanted: str) -> None:
    where = f"/clinics/{door.house.clinic_id}"
    answer = await door.client.post(f"{where}/sign-in", data={"token": door.tokens[Role.FRONT_DESK], "next": wanted}, headers=PAGE | OURS)
    assert answer.headers["location"] == f"{where}/board"
    door.client.cookies.clear()


@pytest.mark.parametrize(("site", "offered"), [("same-origin", True), ("cross-site", False), ("none", False)])
async def test_a_link_from_elsewhere_offers_no_undo(door: Door, site: str, offered: bool) -> None:
    told = "?done=moved&booking=4f2f3a52-5a5c-4b8e-9f4e-2f5f0d3f7a11&starts_at=a&ends_at=b&practitioner_id=c&room_id=d"
    board = f"/clinics/{door.house.clinic_id}/board"
    async with signed_in(door, Role.FRONT_DESK) as client:
        page = await client.get(board + told, headers={"Sec-Fetch-Site": site})
        assert page.status_code == 200
        assert ("/move" in page.text) is offered
    answer = await door.client.post(
        f"/clinics/{door.house.clinic_id}/sign-in", data={"token": door.tokens[Role.FRONT_DESK], "next": board + told}, headers=PAGE | OURS
    )
    assert answer.headers["location"] == board
    door.client.cookies.clear()


async def test_an_error_page_says_every_finding_of_the_problem_document(door: Door) -> None:
    where = f"/clinics/{door.house.clinic_id}"
    wrong: dict[str, Any] = {"areas": ["nowhere"], "depth_um": -1, "starts_at": "yesterday"}
    cases = [
        await both(door, "POST", f"{where}/bookings", json=wrong),
        await both(door, "GET", f"{where}/clients/{uuid4()}"),
        await both(door, "GET", f"/clinics/{uuid4()}/day-sheet?on=2026-12-01"),
        await both(door, "GET", "/nowhere"),
    ]
    assert len(cases[0][0].json()["findings"]) >= 5
    for told, shown in cases:
        assert shown.status_code == told.status_code
        assert shown.headers["content-type"].startswith("text/html")
        assert "frame-ancestors 'none'" in shown.headers["content-security-policy"]
        assert "unsafe" not in shown.headers["content-security-policy"]
        assert shown.headers["referrer-policy"] == "no-referrer"
        assert shown.headers["x-content-type-options"] == "nosniff"
        assert told.json()["title"] in shown.text
        for finding in told.json().get("findings", ()):
            assert re.sub("'", "&#39;", finding["reason"]) in shown.text


async def both(door: Door, method: str, path: str, **more: Any) -> tuple[httpx.Response, httpx.Response]:
    """The same asked by a program and by a person."""
    told = await door.ask(method, path, Role.FRONT_DESK, **more)
    return told, await door.ask(method, path, Role.FRONT_DESK, headers=PAGE, **more)


async def test_whoever_may_not_any_more_is_shown_no_booking(door: Door) -> None:
    """The revocation comes between the door's look and the clinic's lock."""
    await door.house.given("booking", BookingConfirmed(visit=VISIT))
    await door.house.caught_up("booking")
    where, identity = f"/clinics/{door.house.clinic_id}", uuid4()
    await token_for(door.house, Role.AUDITOR, identity)
    token = await token_for(door.house, Role.MANAGER, identity)
    headers = PAGE | {"Authorization": f"Bearer {token}"}

    async def revoked() -> None:
        await door.ask("DELETE", f"{where}/identities/{identity}/grants/manager", Role.ADMIN)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("services.door.transaction", after(revoked, transaction))
        answer = await door.client.post(f"{where}/board/{VISIT.booking_id}/cancel", data={"command_id": "late"}, headers=headers)
    assert answer.status_code == 403
    assert "Back to the board" not in answer.text
    assert (await door.house.entries())[-1].event.type == "access.revoked"


def after(deed: Callable[[], Awaitable[None]], opening: Any) -> Any:
    @asynccontextmanager
    async def opened(*arguments: Any) -> AsyncIterator[Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("services.door.transaction", opening)
            await deed()
        async with opening(*arguments) as tx:
            yield tx

    return opened


async def test_everybody_comes_in_on_a_screen_of_theirs_and_sees_no_other_in_the_navigation(door: Door) -> None:
    where = f"/clinics/{door.house.clinic_id}"
    assert (await door.client.get(where)).headers["location"] == f"{where}/sign-in"
    async with signed_in(door, Role.FRONT_DESK) as client:
        assert (await client.get(where)).headers["location"] == f"{where}/board"
        shown = (await client.get(f"{where}/board")).text
        assert f'href="{where}/board" aria-current="page"' in shown
    menu: tuple[Screen, ...] = (
        Screen("Day board", "board", "view_day_sheet", rank=10),
        Screen("Record", "record", "ask_record", rank=20),
        Screen("Tablet", "tablet", "record_cycle", rank=5, home_of=frozenset({Role.TECHNICIAN})),
    )
    assert [screen.path for screen in open_to(menu, frozenset({Role.AUDITOR}))] == ["record"]
    assert home_of(menu, frozenset({Role.AUDITOR})) == "record"
    assert home_of(menu, frozenset({Role.MANAGER})) == "board"
    assert home_of(menu, frozenset({Role.MANAGER, Role.TECHNICIAN})) == "tablet"
    assert home_of(menu, frozenset({Role.CLIENT})) == "board"
