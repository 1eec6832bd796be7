"""The chair's pages without a browser: who is let in, and what is answered to addresses that nobody gave out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import httpx
import pytest

from schemas.vocabulary import Role
from tests.doors.conftest import Door

NOBODY = UUID("00000000-0000-4000-8000-00000000dead")  # one that stays, for tests are collected twice
PAGE = {"Accept": "text/html"}


@asynccontextmanager
async def signed_in(door: Door, role: Role, site: str = "same-origin") -> AsyncIterator[httpx.AsyncClient]:
    """A browser, as far as cookies go."""
    await door.house.caught_up("treatment")
    base = f"http://asepsis/clinics/{door.house.clinic_id}/"
    headers = PAGE | {"Sec-Fetch-Site": site}
    async with httpx.AsyncClient(transport=door.client._transport, base_url=base, headers=headers) as client:
        answer = await client.post("sign-in", data={"token": door.tokens[role]}, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303, answer.text
        yield client


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.PRACTITIONER, "chair", 200),
        (Role.CLINICIAN, "chair?whose=all", 200),
        (Role.MANAGER, "chair", 200),
        (Role.AUDITOR, "chair", 200),
        (Role.PRACTITIONER, "chair/past", 200),
        (Role.MANAGER, "chair/past", 403),
        (Role.FRONT_DESK, "chair", 403),
        (Role.TECHNICIAN, "chair", 403),
        (Role.PRACTITIONER, "chair?whose=everybody", 422),
        (Role.PRACTITIONER, f"chair/{NOBODY}", 404),
        (Role.PRACTITIONER, f"chair/{NOBODY}?cartridge=nothing", 422),
        (Role.PRACTITIONER, f"chair/{NOBODY}?depth_mm=deep", 422),
        (Role.PRACTITIONER, f"chair/{NOBODY}/live", 406),
        (Role.PRACTITIONER, f"chair/{NOBODY}/waive/room_must_be_turned_over", 403),
        (Role.CLINICIAN, f"chair/{NOBODY}/waive/room_must_be_turned_over", 404),
        (Role.PRACTITIONER, f"chair/treatments/{NOBODY}", 404),
        (Role.PRACTITIONER, f"chair/treatments/{NOBODY}/end", 404),
        (Role.PRACTITIONER, f"hygiene/units/{NOBODY}/waste", 404),
        (Role.PRACTITIONER, "chair/nothing", 422),
    ],
)
async def test_who_is_shown_what(door: Door, role: Role, path: str, status: int) -> None:
    async with signed_in(door, role) as browser:
        answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text


@pytest.mark.parametrize("path", ["start", "cleansing", "numbing", f"numbing/{NOBODY}/off"], ids=["start", "cleansing", "numbing", "off"])
async def test_only_whoever_treats_may_press_and_only_on_our_own_pages(door: Door, path: str) -> None:
    form = {"command_id": "c", "product": "chlorhexidine", "id": str(uuid4()), "percent": "4", "grams": "2", "areas": "cheeks"}
    for role, site, status in (
        (Role.FRONT_DESK, "same-origin", 403),
        (Role.MANAGER, "same-origin", 403),
        (Role.PRACTITIONER, "cross-site", 403),
    ):
        async with signed_in(door, role, site) as browser:
            assert (await browser.post(f"chair/{NOBODY}/{path}", data=form)).status_code == status, (role, site)
    async with signed_in(door, Role.PRACTITIONER) as browser:
        answer = await browser.post(f"chair/{NOBODY}/{path}", data=form)
    assert (answer.status_code, "There is no such booking." in answer.text) == (404, True), answer.text


async def test_a_form_without_its_id_is_not_taken(door: Door) -> None:
    """It could be sent twice, and nobody would know."""
    async with signed_in(door, Role.PRACTITIONER) as browser:
        answer = await browser.post(f"chair/treatments/{NOBODY}/pause", data={"reason": "client_request"})
    assert (answer.status_code, "This form is not complete" in answer.text) == (422, True), answer.text
