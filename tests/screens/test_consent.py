"""The tablet in a client's hand, before the real program: reading, signing, answering; and what the staff sees afterwards."""

import hashlib
import re
from typing import Any

from playwright.async_api import expect

from schemas.vocabulary import Role
from services.example import CONSENT_TEXT
from tests.screens.conftest import Clinic
from tests.screens.signing import (
    ARABIC,
    DUTCH,
    TABLET,
    answered_no,
    at_the_text,
    consent_page,
    draw,
    drawn_and_turned,
    entry_of,
    handed,
    holds_no_way_to_the_staff,
    ink,
    is_thanked,
    javascript,
    publish,
    sheet_of,
    signed,
    signed_elsewhere,
)


async def test_a_client_reads_draws_and_signs_and_holds_no_way_to_the_staff(clinic: Clinic) -> None:
    client = await clinic.client("Ada")
    async with clinic.tab(**TABLET) as tab:
        page = tab.page
        loaded: list[str] = []
        tab.expected += ["401", "422", "Canvas2D"]  # the drawing is read back by the test only
        page.on("request", lambda request: loaded.append(request.url) if request.resource_type == "script" else None)
        await tab.be("practitioner")
        await page.goto(consent_page(clinic, client, "?areas=cheeks&depth_um=1000"))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Ada Visser")
        await tab.is_sound("a client's consents")
        session = await at_the_text(tab, client)
        assert client not in await page.content()
        assert "Ada" not in await page.content()
        assert await page.locator("nav, form.who").count() == 0
        await expect(page.get_by_label("Type your name")).to_be_hidden()
        await tab.is_sound("read and sign")
        await page.get_by_role("button", name="I agree and sign").click()
        await expect(page.get_by_role("alert")).to_contain_text("There is no signature yet")
        await tab.is_sound("read and sign, nothing drawn")

        await drawn_and_turned(page)
        await page.get_by_role("button", name="Clear").click()
        assert await ink(page) == 0
        await draw(page)
        await page.get_by_role("button", name="I agree and sign").click()
        await is_thanked(page)
        await tab.is_sound("thank you")
        assert client not in (await page.locator("h1, p.large, .thanks").all_inner_texts())
        await page.goto(f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/signing/consent")
        await is_thanked(page)
        await holds_no_way_to_the_staff(tab, client)
        await tab.context.add_cookies([{"name": "asepsis", "value": session, "url": clinic.program.address}])
        await page.goto(clinic.board)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")
        assert 0 < javascript(loaded) <= 25_000

    (record,) = await signed(clinic, client)
    assert (record["in_force"], record["language"], record["areas"], record["max_depth_um"]) == (True, "en", ["cheeks"], 1000)
    assert record["explained_by"] == str(clinic.example.people["practitioner"].identity_id)
    entry = await entry_of(clinic, record["consent_id"])
    assert entry.actor.role is Role.CLIENT
    assert entry.event.text_digest == hashlib.sha256(CONSENT_TEXT.encode()).hexdigest()
    kept = await sheet_of(clinic, record["consent_id"])
    assert kept["signature"]["method"] == "drawn"
    assert len(kept["signature"]["strokes"]) == 2
    assert set(kept["signature"]["strokes"][0][0]) == {"x", "y", "t"}
    assert kept["signature"]["png"]


async def test_another_language_is_signed_with_the_keyboard_alone(clinic: Clinic) -> None:
    client = await clinic.client("Bram")
    await publish(clinic, DUTCH, language="nl")
    await publish(clinic, ARABIC, language="ar")
    async with clinic.tab(**TABLET) as tab:
        page = tab.page
        await at_the_text(tab, client)
        await page.get_by_role("link", name="العربية").click()
        await expect(page.locator("#text")).to_have_css("direction", "rtl")
        await expect(page.locator("html")).to_have_attribute("dir", "ltr")
        await tab.is_sound("from right to left")
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await page.evaluate("() => document.activeElement.lang === 'nl'"):
                break
        await page.keyboard.press("Enter")
        await expect(page.locator("#text")).to_have_attribute("lang", "nl")
        await expect(page.locator("html")).to_have_attribute("lang", "nl")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Lezen en ondertekenen")
        assert await page.locator("#text").evaluate("(text) => text.textContent") == DUTCH
        await tab.is_sound("in another language")
        await expect(page.locator("#type")).to_be_visible()  # offered once there is a choice
        for _ in range(12):
            await page.keyboard.press("Tab")
            if await page.evaluate("() => document.activeElement.id === 'type'"):
                break
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Typ uw naam")).to_be_focused()
        await page.keyboard.type("Bram Visser")
        await tab.is_sound("a typed name")
        await page.keyboard.press("Enter")
        await is_thanked(page, "Geef de tablet terug, alstublieft.")
    (record,) = await signed(clinic, client)
    assert (record["in_force"], record["language"]) == (True, "nl")
    assert (await entry_of(clinic, record["consent_id"])).event.text_digest == hashlib.sha256(DUTCH.encode()).hexdigest()
    assert (await sheet_of(clinic, record["consent_id"]))["signature"] == {"method": "typed", "name": "Bram Visser"}
    assert (await sheet_of(clinic, record["consent_id"]))["client_language"] == "nl", "as the client picked"


async def test_a_text_that_changed_meanwhile_is_shown_and_signed_again(clinic: Clinic) -> None:
    """Whether a new one was published, or something on the tablet changed what stands on the screen."""
    client, form = await clinic.client("Cato"), clinic.example.form.form_id
    async with clinic.tab(**TABLET) as tab:
        page = tab.page
        tab.expected.append("409")
        await at_the_text(tab, client)
        await page.locator("#text").evaluate("(text) => { text.firstChild.data += ' And more.'; }")
        await draw(page)
        await page.get_by_role("button", name="I agree and sign").click()
        await expect(page.get_by_role("alert")).to_contain_text("The text has changed")
        await tab.is_sound("the text has changed")
        await publish(clinic, CONSENT_TEXT + " And a scar can stay.", form=str(form), version=2)
        await draw(page)
        await page.get_by_role("button", name="I agree and sign").click()
        await expect(page.get_by_role("alert")).to_contain_text("The text has changed")
        await expect(page.locator("#text")).to_contain_text("And a scar can stay.")
        assert await signed(clinic, client) == []
        await draw(page)
        await page.get_by_role("button", name="I agree and sign").click()
        await is_thanked(page)
    (record,) = await signed(clinic, client)
    assert (record["form_version"], record["in_force"]) == (2, True)


async def test_without_javascript_it_is_signed_once_and_then_withdrawn(clinic: Clinic) -> None:
    client = await clinic.client("Dirk")
    async with clinic.tab(java_script_enabled=False, **TABLET) as tab:
        page = tab.page
        tab.expected += ["422", "401"]
        await at_the_text(tab, client)
        await page.get_by_role("button", name="I agree and sign").click()
        await expect(page.get_by_role("alert")).to_contain_text("Type your name")
        await page.get_by_label("Type your name").fill("Dirk Visser")
        async with page.expect_request(lambda request: request.method == "POST") as sent:
            await page.get_by_role("button", name="I agree and sign").click()
        await is_thanked(page)
        form = await sent.value
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        again = await tab.context.request.post(form.url, data=form.post_data, headers=headers)
        assert again.status == 200
        assert len(await signed(clinic, client)) == 1
        await page.get_by_role("link", name="Take it back and sign in").click()
        await page.get_by_label("Access token").fill(clinic.example.people["practitioner"].token)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Dirk Visser")
        await expect(page.get_by_text("In force")).to_be_visible()
        await page.get_by_role("link", name="The client withdraws").click()
        await page.get_by_role("button", name="Record the withdrawal").click()
        await expect(page.get_by_role("alert")).to_contain_text("Tick that the client said so")
        assert (await signed(clinic, client))[0]["in_force"]
        await page.get_by_label("The client said so to me").check()
        await page.get_by_role("button", name="Record the withdrawal").click()
        await expect(page.get_by_role("status")).to_contain_text("The withdrawal is recorded")
        await expect(page.locator("article").get_by_text("Withdrawn").first).to_be_visible()
    (record,) = await signed(clinic, client)
    assert record["withdrawn_at"] is not None
    assert not record["in_force"]


async def test_the_front_desk_records_a_withdrawal_without_seeing_what_was_signed(clinic: Clinic) -> None:
    client = await clinic.client("Evi")
    await signed_elsewhere(clinic, client)
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["403", "422"]
        await tab.be("front_desk")
        await page.goto(consent_page(clinic, client))
        await expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")
        await page.goto(consent_page(clinic, client, "/withdrawal"))
        assert "heeks" not in await page.content()
        await tab.is_sound("a withdrawal")
        await page.get_by_role("button", name="Record the withdrawal").click()
        await tab.is_sound("a withdrawal, not confirmed")
        await page.get_by_label("By phone").check()
        await page.get_by_label("The client said so to me").check()
        await page.get_by_role("button", name="Record the withdrawal").click()
        await expect(page.get_by_role("status")).to_contain_text("The withdrawal is recorded")
    assert [record["in_force"] for record in await signed(clinic, client)] == [False]


async def test_what_cannot_be_handed_over_is_said_before_the_client_holds_it(clinic: Clinic) -> None:
    client = await clinic.client("Finn")
    async with clinic.tab(**TABLET) as tab:
        page = tab.page
        tab.expected += ["422", "409"]
        await tab.be("practitioner")
        await page.goto(consent_page(clinic, client, "?areas=back&depth_um=1000&language=sv"))
        await page.get_by_role("button", name="Hand the tablet to the client").click()
        await expect(page.get_by_role("alert")).to_contain_text("No published text covers these areas")
        await tab.is_sound("nothing to sign")
        assert {cookie["name"] for cookie in await tab.context.cookies()} == {"asepsis"}
        await page.get_by_label("Back", exact=True).uncheck()
        await page.get_by_label("Chin", exact=True).check()
        await page.get_by_role("button", name="Hand the tablet to the client").click()
        await expect(page.get_by_role("alert")).to_contain_text("Record who interpreted")
        await page.locator("#explained_by").evaluate("(chosen) => { chosen.disabled = true; }")
        await tab.be("clinician")
        await page.get_by_role("button", name="Hand the tablet to the client").click()
        await expect(page.get_by_role("alert")).to_contain_text("has no credential here")
        await page.goto(f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/signing")
        await expect(page.get_by_role("alert")).to_contain_text("This tablet is not handed over")
        await page.goto(f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/consent")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Consent")
        await tab.is_sound("consents of the clinic")


async def test_questions_are_asked_one_at_a_time_and_a_clinician_clears_what_they_restrict(clinic: Clinic) -> None:
    client = await clinic.client("Gust")
    questions: Any = await clinic.ask("GET", "/screening-questions", person="practitioner")
    codes = [question["code"] for question in questions["questions"]]
    async with clinic.tab(**TABLET) as tab:
        page = tab.page
        await handed(tab, client, questions="All of them", sign=False)
        await tab.is_sound("welcome")
        await page.get_by_role("link", name="Begin").click()
        await expect(page.get_by_text(f"Question 1 of {len(codes)}")).to_be_visible()
        await page.get_by_role("button", name="No", exact=True).click()
        await expect(page.get_by_text(f"Question 2 of {len(codes)}")).to_be_visible()
        await tab.is_sound("a question")
        await page.get_by_role("button", name="Yes", exact=True).click()
        await tab.is_sound("when and where")
        await page.get_by_label("Forehead").check()
        await page.get_by_role("button", name="Go on").click()
        await expect(page.get_by_text(f"Question 3 of {len(codes)}")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_label("Forehead")).to_be_checked()
        await page.get_by_role("link", name="Back").click()
        await expect(page.get_by_text("You answered: Yes")).to_be_visible()
        await page.get_by_role("button", name="No", exact=True).click()
        await answered_no(tab, codes)
        assert "anticoagulant" not in page.url
        await page.goto(page.url.rpartition("/")[0] + "/check")
        await tab.is_sound("is everything right")
        wanted = codes.index("anticoagulant") + 1
        await page.get_by_text("Answered with No").click() if await page.locator("details:not([open])").count() else None
        await page.get_by_role("link", name=f"Change the answer to question {wanted}", exact=True).click()
        await page.get_by_role("button", name="Yes", exact=True).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Is everything right?")
        await page.get_by_role("button", name="Send my answers").click()
        await is_thanked(page)
    found = await clinic.ask("GET", f"/clients/{client}/screening", person="practitioner")
    assert [standing["restriction"]["restriction_class"] for standing in found["restrictions"]] == ["clearance"]
    assert found["full_answered_at"] is not None
    assert not found["eligible_now"]
    await a_clinician_clears(clinic, client)
    cleared = await clinic.ask("GET", f"/clients/{client}/screening", person="practitioner")
    assert cleared["eligible_now"]


async def a_clinician_clears(clinic: Clinic, client: str) -> None:
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected.append("422")
        await tab.be("clinician")
        await page.goto(consent_page(clinic, client))
        await expect(page.get_by_text("Do you take blood thinners? Yes.")).to_be_visible()
        await page.get_by_role("button", name="Clear what is ticked").click()
        await expect(page.get_by_role("alert")).to_contain_text("Tick what you clear")
        await tab.is_sound("a clearance, refused")
        await page.get_by_label(re.compile("the prescriber agreed")).check()
        await page.get_by_role("button", name="Clear what is ticked").click()
        await expect(page.get_by_text("Nothing speaks against a treatment")).to_be_visible()
