"""The client's check-in as pages, without a browser: whom to call, and what is asked under an unusual policy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from events.catalog.recovery import CheckinAnswered
from services.problems import handle_problems
from services.recovery.pages import routes as pages
from services.recovery.routes import routes
from services.recovery.rules import link_token
from tests.conftest import House
from tests.services.recovery_care import Care, open_care

PHONE = 'phone = "+31201234567"\n'


@asynccontextmanager
async def phone(care: Care) -> AsyncIterator[tuple[AsyncClient, str]]:
    """A client's phone, and the link."""
    app = FastAPI()
    handle_problems(app)
    app.state.database = care.house.database
    app.include_router(routes)
    app.include_router(pages)
    checkin = await care.asked()
    async with AsyncClient(transport=ASGITransport(app), base_url="http://clinic.test", headers={"Accept": "text/html"}) as client:
        yield client, f"/check-ins/{link_token(care.house.database.secret, care.house.clinic_id, checkin)}"


async def test_a_clinic_that_names_its_number_is_called_with_one_tap(house: House) -> None:
    async with phone(await open_care(house, "[clinic]\n" + PHONE)) as (client, link):
        assert 'href="tel:+31201234567"' in (await client.get(link)).text
        sent = await client.post(link, data={"q": "2", "symptoms": "pus"})
        told = (await client.get(sent.headers["location"])).text
        assert "Call the clinic: +31201234567" in told
        assert "You need medical care today" in told
    async with phone(await open_care(house)) as (client, link):
        assert "tel:" not in (await client.get(link)).text


async def test_a_fever_is_asked_for_and_unknown_symptoms_are_not_taken(house: House) -> None:
    care = await open_care(house, '[recovery.symptoms]\nglowing = { tier = "review" }\n')
    async with phone(care) as (client, link):
        assert "A fever of 38 °C" in (await client.get(f"{link}?q=2")).text
        assert "Glowing" in (await client.get(f"{link}?q=3")).text
        strange = await client.post(link, data={"q": "3", "symptoms": "My Doctor Said Hepatitis"})
        assert strange.status_code == 422
        assert "Hepatitis" not in strange.text
        assert await care.house.said(CheckinAnswered) == []


async def test_one_address_answers_a_person_and_a_program(house: House) -> None:
    async with phone(await open_care(house)) as (client, link):
        shown, told = await client.get(link), await client.get(link, headers={"Accept": "application/json"})
        assert shown.headers["content-type"].startswith("text/html")
        assert told.headers["content-type"] == "application/json"
        assert "Accept" in shown.headers["vary"]
        answered = await client.post(link, json={"symptoms": ["flaking"]}, headers={"Accept": "*/*"})
        assert answered.json()["tier"] == "none"


async def test_what_was_ticked_before_and_is_not_known_any_more_is_asked_again(house: House) -> None:
    """The phone lay for over an hour on the last question: nothing less than what was ticked may be sent."""
    care = await open_care(house)
    async with phone(care) as (client, link):
        await client.post(link, data={"q": "3", "symptoms": "track_marks"})
        client.cookies.clear()
        asked = await client.post(link, data={"q": "4", "none": "yes"})
        assert asked.status_code == 422
        assert "Your earlier answers were not kept" in asked.text
        assert 'name="q" value="all"' in asked.text
        assert await care.house.said(CheckinAnswered) == []
        sent = await client.post(link, data={"q": "all", "symptoms": "track_marks"})
        assert sent.status_code == 303, sent.text
        (answered,) = await care.house.said(CheckinAnswered)
        assert answered.tier == "review"
