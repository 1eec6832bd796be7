"""The chair's pages without a browser: who is let in, and what is answered to addresses that nobody gave out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest

from events.catalog.booking import BookingConfirmed
from events.catalog.treatment import RuleOverridden, TreatmentRefused, TreatmentStarted
from schemas.policy import default_policy
from schemas.vocabulary import Role
from services.event_examples import VISIT, event_examples
from services.treatment.rules.gate import CODES
from tests.doors.conftest import Door
from tests.services.test_noes import no, yes

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


async def booked(door: Door) -> UUID:
    visit = VISIT.model_copy(update={"booking_id": uuid4(), "client_id": uuid4()})
    await door.house.given("booking", BookingConfirmed(visit=visit))
    await door.house.caught_up("booking")
    return visit.booking_id


async def test_only_pages_that_read_codes_may_film_and_only_for_whoever_scans(door: Door) -> None:
    booking = await booked(door)
    running = uuid4()
    started = event_examples()[TreatmentStarted].model_copy(update={"treatment_id": running, "booking_id": uuid4()})
    await door.house.given("treatment", started)
    treatment = f"chair/treatments/{running}"
    for role, path, films in (
        (Role.PRACTITIONER, f"chair/{booking}", True),
        (Role.MANAGER, f"chair/{booking}", False),
        (Role.PRACTITIONER, treatment, True),
        (Role.MANAGER, treatment, False),
        (Role.PRACTITIONER, f"{treatment}/end", False),
        (Role.PRACTITIONER, f"board/{booking}", False),
        (Role.PRACTITIONER, "chair", False),
    ):
        async with signed_in(door, role) as browser:
            answer = await browser.get(path)
        policy, told = answer.headers["content-security-policy"], answer.headers["permissions-policy"]
        assert (answer.status_code, "'wasm-unsafe-eval'" in policy, "camera=(self)" in told) == (200, films, films), (role, path)
        assert ("unsafe-inline" in policy, "'unsafe-eval'" in policy, 'id="camera"' in answer.text) == (False, False, films), (role, path)
        assert "scan.js" not in answer.text, "what reads the camera is loaded by its button"
    async with signed_in(door, Role.PRACTITIONER) as browser:
        refused = await browser.post(f"chair/{booking}/start", data={"command_id": "refused"})
    assert (refused.status_code, refused.headers["permissions-policy"].startswith("camera=(self)")) == (409, True)


async def test_a_wrong_scan_shows_nobody_a_treatment_that_they_may_not_see(door: Door) -> None:
    """Whoever may throw cartridges away is not for that let into a treatment's certificate."""
    running = uuid4()
    await door.house.given(
        "treatment", event_examples()[TreatmentStarted].model_copy(update={"treatment_id": running, "booking_id": uuid4()})
    )
    for role, status, shown in ((Role.TECHNICIAN, 403, False), (Role.PRACTITIONER, 422, True)):
        async with signed_in(door, role) as browser:
            answer = await browser.get(f"chair/treatments/{running}/waste?scan=nothing")
        assert (answer.status_code, "This code is not known here" in answer.text) == (status, shown), (role, answer.text)


async def test_a_clients_no_is_shown_as_one_and_not_as_something_missing(door: Door) -> None:
    """Before a start, and where a start was refused; and a word beside a signature that is older."""
    visit = VISIT.model_copy(update={"booking_id": uuid4(), "client_id": uuid4()})
    await door.house.given("booking", BookingConfirmed(visit=visit))
    missing, told, older = "No consent has been signed.", "English, version 3).", "An older signature still counts"
    async with signed_in(door, Role.PRACTITIONER) as browser:
        page = (await browser.get(f"chair/{visit.booking_id}")).text
        assert (missing in page, told in page) == (True, False)
        await door.house.given("consent", no(visit.client_id, 3))
        await door.house.caught_up("treatment")
        page = (await browser.get(f"chair/{visit.booking_id}")).text
        assert (missing in page, told in page, "Said no" in page, older in page) == (False, True, True, False)
        refused = await browser.post(f"chair/{visit.booking_id}/start", data={"command_id": "no"})
        assert (refused.status_code, missing in refused.text, refused.text.count(told)) == (409, False, 2)
        [certificate] = [one for one in await door.house.said(TreatmentRefused) if one.booking_id == visit.booking_id]
        assert [found.parameters for found in certificate.findings if found.code == "G07"] == [{"reason": "not_signed"}]
        now = await door.house.now()
        for at, shown in ((now - timedelta(days=2), True), (now + timedelta(days=1), False)):
            await door.house.given("consent", yes(visit.client_id, at).model_copy(update={"areas": visit.areas}))
            await door.house.caught_up("treatment")
            page = (await browser.get(f"chair/{visit.booking_id}")).text
            assert (told in page, older in page) == (shown, shown)


async def test_a_rule_is_let_pass_until_when_somebody_says_and_no_longer_than_policy_lets_it(door: Door) -> None:
    gate = default_policy().gate
    rule = next(name for name, code in CODES.items() if code in gate.rules and Role.CLINICIAN in gate.rules[code].overridable_by)
    path, now = f"chair/{await booked(door)}/waive/{rule}", await door.house.now()
    soon, late = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (1, gate.override_limit_days + 2))
    form = {"id": str(uuid4()), "reason": gate.override_reasons[0], "until_day": late, "until": "12:30"}
    async with signed_in(door, Role.CLINICIAN) as browser:
        assert 'name="until" type="time"' in (await browser.get(path)).text
        answer = await browser.post(path, data=form)
        assert (answer.status_code, f'value="{late}"' in answer.text) == (409, True), answer.text
        answer = await browser.post(path, data=form | {"until": "soon"})
        assert (answer.status_code, "Say on which day, and at what time." in answer.text) == (422, True), answer.text
        for off_the_calendar in ("0001-01-01", "9999-12-31"):
            answer = await browser.post(path, data=form | {"until_day": off_the_calendar})
            assert (answer.status_code, "Say on which day, and at what time." in answer.text) == (422, True), answer.text
        anew = form | {"id": str(uuid4()), "until_day": soon}
        answers = [await browser.post(path, data=anew) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303], answers[0].text
    [passed] = await door.house.said(RuleOverridden)
    assert (passed.rule, f"{passed.valid_until.astimezone(ZoneInfo('Europe/Amsterdam')):%Y-%m-%d %H:%M}") == (rule, f"{soon} 12:30")
