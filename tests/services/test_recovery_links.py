"""The client's link over HTTP: no name, no side effect of looking, no way in for a stranger."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from events.catalog.recovery import CheckinAnswered, SafetyHoldPlaced
from schemas.vocabulary import Role
from services.problems import handle_problems
from services.recovery.routes import routes
from services.recovery.rules import link_token
from tests.conftest import House
from tests.services.recovery_care import Care, open_care


@pytest.fixture
async def care(house: House) -> Care:
    return await open_care(house)


@pytest.fixture
async def http(care: Care) -> AsyncIterator[AsyncClient]:
    """Recovery's own routes, with nobody signed in."""
    app = FastAPI()
    handle_problems(app)
    app.state.database = care.house.database
    app.include_router(routes)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://clinic.test") as client:
        yield client


async def link(care: Care) -> str:
    checkin = await care.asked()
    return f"/check-ins/{link_token(care.house.database.secret, care.house.clinic_id, checkin)}"


async def test_looking_shows_the_questions_and_changes_nothing(care: Care, http: AsyncClient) -> None:
    path = await link(care)
    before = len(await care.house.entries())
    shown = await http.get(path)
    assert shown.status_code == 200
    assert "pus" in shown.json()["symptoms"]
    assert set(shown.json()) == {"symptoms", "asks_fever", "open_until"}
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert str(care.client_id) not in shown.text
    assert len(await care.house.entries()) == before


async def test_an_urgent_answer_is_told_what_to_do_and_nothing_more(care: Care, http: AsyncClient) -> None:
    answered = await http.post(await link(care), json={"symptoms": ["pus"], "fever": True})
    assert answered.status_code == 200
    assert answered.json()["tier"] == "urgent"
    assert "medical care today" in answered.json()["advice"]
    assert set(answered.json()) == {"received", "tier", "advice"}
    (hold,) = await care.house.said(SafetyHoldPlaced)
    assert hold.client_id == care.client_id
    entry = next(entry for entry in await care.house.entries() if isinstance(entry.event, CheckinAnswered))
    assert entry.actor.role is Role.CLIENT
    assert entry.actor.identity_id != care.client_id


async def test_an_answer_sent_twice_is_one_answer(care: Care, http: AsyncClient) -> None:
    path = await link(care)
    replies = [await http.post(path, json={"symptoms": ["pus"]}) for _ in range(3)]
    assert {reply.text for reply in replies} == {replies[0].text}
    assert len(await care.house.said(CheckinAnswered)) == 1


async def test_a_forged_link_or_one_of_a_check_in_nobody_was_asked_is_not_found(care: Care, http: AsyncClient) -> None:
    genuine = await link(care)
    secret, clinic_id = care.house.database.secret, care.house.clinic_id
    forged = [
        genuine[:-1] + ("A" if genuine[-1] != "A" else "B"),
        f"/check-ins/{link_token(b'x' * 32, clinic_id, uuid4())}",
        f"/check-ins/{link_token(secret, clinic_id, uuid4())}",
        f"/check-ins/{link_token(secret, uuid4(), uuid4())}",
        "/check-ins/nonsense",
    ]
    for path in forged:
        assert (await http.get(path)).status_code == 404, path
        assert (await http.post(path, json={"symptoms": ["pus"]})).status_code == 404, path
    assert await care.house.said(CheckinAnswered) == []


async def test_a_link_whose_time_has_passed_is_gone_and_leaves_no_trace(house: House, http: AsyncClient) -> None:
    care = await open_care(house, "link_valid_seconds = 0")
    path = await link(care)
    before = len(await care.house.entries())
    for reply in (await http.get(path), await http.post(path, json={"symptoms": ["pus"]})):
        assert reply.status_code == 410
        assert reply.headers["content-type"] == "application/problem+json"
        assert "Call the clinic" in reply.json()["detail"]
    assert len(await care.house.entries()) == before


async def test_what_is_not_understood_is_not_recorded_and_not_echoed(care: Care, http: AsyncClient) -> None:
    path = await link(care)
    reply = await http.post(path, json={"symptoms": ["My Doctor Said Hepatitis"], "name": "Ada"})
    assert reply.status_code == 422
    assert "Hepatitis" not in reply.text
    assert "Ada" not in reply.text
    assert await care.house.said(CheckinAnswered) == []


@pytest.mark.parametrize("path", ["check-ins?on=2026-11-23", "safety-holds", "incidents", "reactions"])
async def test_the_staffs_lists_are_for_staff(care: Care, http: AsyncClient, path: str) -> None:
    assert (await http.get(f"/clinics/{care.house.clinic_id}/{path}")).status_code == 401
