"""The client's check-in on a phone without JavaScript, before the real program; and what the staff sees of it."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
from playwright.async_api import expect

from events.catalog.hygiene import CartridgeOpened
from events.catalog.recovery import CheckinMissed
from tests.screens.conftest import Clinic, Tab
from tests.screens.recovering import PHONE, STEP, Treated, at_question, nothing, press, reach, tick, treated


async def test_a_check_in_is_walked_on_a_phone_without_javascript(clinic: Clinic) -> None:
    """Back works, nothing is sent before the end, a mistake is said in words, and the answer is the one that was given."""
    care = await treated(clinic)
    name = (await clinic.ask("GET", f"/clients/{await clinic.client('Ilse')}"))["given_name"]
    async with clinic.tab(java_script_enabled=False, **PHONE) as tab:
        page = tab.page
        tab.expected.append("422")
        answer = await page.goto(care.link)
        assert answer is not None
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        text = await page.content()
        assert str(care.client_id) not in text
        assert str(clinic.example.clinic_id) not in text
        assert name not in text
        await page.get_by_role("link", name="Begin").click()
        await at_question(page, 1)
        await nothing(page)
        await at_question(page, 2)
        await tick(page)
        await expect(page.get_by_role("alert")).to_contain_text("Tick what you have")
        await page.get_by_label("Pus", exact=True).check()
        await nothing(page)
        await expect(page.get_by_role("alert")).to_contain_text("You ticked something")
        await page.get_by_label("Pus", exact=True).uncheck()
        await nothing(page)
        await at_question(page, 3)
        await tick(page, "Small hard bumps")
        await at_question(page, 4)
        await page.go_back()
        await at_question(page, 3)
        await expect(page.get_by_label("Small hard bumps")).to_be_checked()
        await tick(page)
        await tick(page, "A little redness", "Flaking skin")
        await expect(page.get_by_role("listitem")).to_have_text(["Small hard bumps", "Flaking skin", "A little redness"])
        assert await care.tiers() == []
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Somebody will look at this")
        assert await care.tiers() == ["review"]
        given: Any = await clinic.ask("GET", f"/check-ins/{care.checkin}/answers", person="practitioner")
        assert [line["sheet"] for line in given] == [{"symptoms": ["flaking", "mild_redness", "papules_or_nodules"], "fever": False}]
        await page.reload()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Somebody will look at this")
        assert await care.tiers() == ["review"]


async def test_what_is_urgent_acts_at_once_and_a_later_worse_answer_is_taken_too(clinic: Clinic) -> None:
    care = await treated(clinic)
    async with clinic.tab(java_script_enabled=False, **PHONE) as tab:
        page = tab.page
        await page.goto(care.link)
        await page.get_by_role("link", name="Begin").click()
        await nothing(page, 4)
        await expect(page.get_by_text("nothing of what we asked")).to_be_visible()
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
        assert (await care.tiers(), await care.holds()) == (["none"], [])

        await page.goto(care.link)
        await expect(page.get_by_role("status")).to_contain_text("We have an answer of yours")
        await page.get_by_role("link", name="Answer again").click()
        await nothing(page)
        await tick(page, "A fever of 38 °C (100.4 °F) or more, or chills", "Pus")
        await expect(page.get_by_role("alert")).to_contain_text("Call the clinic now")
        assert await care.tiers() == ["none", "urgent"]
        assert [hold.tier for hold in await care.holds()] == ["urgent"]
        assert len(await care.reactions()) == 1

        await page.get_by_role("link", name="Something has changed").click()
        await tick(page, "Trouble breathing")
        await expect(page.get_by_role("alert")).to_contain_text("Call your local emergency number now")
        await expect(page.get_by_role("link", name="Call 112")).to_have_attribute("href", "tel:112")
        assert await care.tiers() == ["none", "urgent", "emergency"]
        await page.go_back()
        await tick(page, "Trouble breathing")
        assert await care.tiers() == ["none", "urgent", "emergency"], "the same answer again is the same answer"


async def test_whoever_keeps_no_cookies_is_asked_everything_on_one_page(clinic: Clinic) -> None:
    care = await treated(clinic)
    async with clinic.tab(java_script_enabled=False, **PHONE) as tab:
        page = tab.page
        await page.goto(care.link + "?q=1")
        await tab.context.clear_cookies()
        await nothing(page)
        await tab.context.clear_cookies()
        await page.reload()
        await expect(page.get_by_text("everything on one page")).to_be_visible()
        await page.get_by_label("Blisters").check()
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await tab.context.clear_cookies()
        await page.reload()
        await expect(page.get_by_role("alert")).to_contain_text("This needs medical care today")
        assert await care.tiers() == ["urgent"]


async def test_looking_changes_nothing_and_forged_or_late_links_say_so_in_plain_words(clinic: Clinic) -> None:
    care = await treated(clinic)
    for _ in range(200):  # hygiene's answer to the start is the last that is said by itself
        if any(said.treatment_id == care.treatment_id for said in await care.house.said(CartridgeOpened)):
            break
        await asyncio.sleep(0.05)
    before = len(await care.house.entries())
    async with httpx.AsyncClient() as scanner:
        for query in ("", "?q=1", "?q=check", "?q=sent", "?q=99", "?q=all", "?lang=nl", "?q=1&lang=fr"):
            for accept in ("text/html", "*/*"):
                looked = await scanner.get(care.link + query, headers={"Accept": accept})
                assert looked.status_code == 200
                assert "set-cookie" not in looked.headers
        asked = await scanner.get(care.link)
        assert set(asked.json()) == {"symptoms", "asks_fever", "open_until"}, "programs are told what they always were"
    assert await care.tiers() == []
    async with clinic.tab(**PHONE) as tab:
        page = tab.page
        tab.expected += ["404", "410"]
        for screen in ("", "?q=1", "?q=3", "?q=all", "?q=check"):
            await page.goto(care.link + screen)
            await tab.is_sound(f"check-in {screen}")
        await page.goto(care.link[:-1] + ("A" if care.link[-1] != "A" else "B"))
        await expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
        await tab.is_sound("a forged link")
        await clinic.stage.owner.execute("update recovery.check_ins set link_until = now() where checkin_id = $1", care.checkin)
        answer = await page.goto(care.link)
        assert answer is not None
        assert answer.status == 410
        await expect(page.get_by_role("heading", level=1)).to_have_text("This link is no longer open")
        await tab.is_sound("a late link")
    async with httpx.AsyncClient() as person:
        late = await person.post(care.link, data={"q": "all", "symptoms": "pus"}, headers={"Accept": "text/html"})
    assert (late.status_code, await care.tiers()) == (410, [])
    assert [type(entry.event).__name__ for entry in (await care.house.entries())[before:]] == []


async def test_every_page_of_the_check_in_is_sound_and_worked_by_keys_when_it_is_urgent_too(clinic: Clinic) -> None:
    care = await treated(clinic)
    async with clinic.tab(**PHONE) as tab:
        page = tab.page
        tab.expected.append("422")
        await page.goto(care.link + "?q=2")
        await page.goto(care.link)
        await press(page, "Begin")
        await at_question(page, 1)
        await press(page, "Go on")
        await expect(page.get_by_role("alert")).to_contain_text("Tick what you have")
        await tab.is_sound("a question, refused")
        for number in (2, 3, 4):
            await press(page, "None of these")
            await at_question(page, number)
        await reach(page, "Bruises")
        await page.keyboard.press("Space")
        await press(page, "Go on")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Is this right?")
        await tab.is_sound("is this right")
        await press(page, "Send")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
        await tab.is_sound("thank you")
        await page.goto(care.link)
        await tab.is_sound("answered before")
        await page.goto(care.link + "?q=2")
        await tick(page, "Pus")
        await tab.is_sound("urgent")
        await page.goto(care.link + "?q=1")
        await tick(page, "Blue or gray lips")
        await tab.is_sound("an emergency")


async def test_the_staff_sees_who_must_be_looked_at_and_a_clinician_lifts_the_hold(clinic: Clinic) -> None:
    """The front desk reports what it hears and sees no answer; the practitioner sees it at once; the clinician ends the hold."""
    client = await clinic.client("Jelle")
    care = await treated(clinic, UUID(client))
    recovery = f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/recovery"
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["403", "422"]
        await tab.be("front_desk")
        await page.goto(recovery)
        await expect(page.get_by_role("alert")).to_contain_text("Your role does not allow this")
        await page.goto(f"{recovery}/clients/{client}")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Jelle Visser")
        await page.get_by_role("button", name="Report it").click()
        await expect(page.get_by_role("alert")).to_contain_text("Tick what you saw or heard")
        await tab.is_sound("a report, refused")
        await reach(page, "Blisters")
        await page.keyboard.press("Space")
        await press(page, "Report it")
        await expect(page.get_by_role("status")).to_contain_text("This needs medical care today")
        assert "What was said" not in await page.content()
    assert [one.tier for one in await care.reactions()] == ["urgent"]
    (held,) = await care.holds()
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("practitioner")
        await page.goto(recovery)
        await tab.is_sound("recovery")
        await page.get_by_role("region", name="Must be looked at").get_by_role("link", name="Jelle Visser").first.click()
        await expect(page.get_by_role("listitem")).to_have_text(["Blisters"])
        await expect(page.get_by_text("A clinician lifts it.")).to_be_visible()
        await press(page, "Stop the next treatment")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Seen in the clinic")
        await press(page, "Stop it until a clinician lifts it")
        await expect(page.get_by_role("status")).to_contain_text("The next treatment is stopped")
    assert [one.reason for one in await care.holds()] == ["reaction", "seen_in_clinic"]
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("clinician")
        await page.goto(f"{recovery}/clients/{client}")
        await tab.is_sound("a client after a treatment")
        for _ in await page.get_by_role("button", name="Lift the hold").all():
            await reach(page, "Lift the hold")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("The hold is lifted")
        await somebody_is_called(clinic, tab, care)
    standing: Any = await clinic.ask("GET", f"/safety-holds?client_id={client}", person="practitioner")
    assert [one["reason"] for one in standing] == ["seen_in_clinic"]
    assert str(held.hold_id) not in str(standing)


async def somebody_is_called(clinic: Clinic, tab: Tab, care: Treated) -> None:
    """Nobody answered in time: the manager sees whom to call, and says by keys who does; there is not a word of health."""
    page = tab.page
    about = {"checkin_id": care.checkin, "treatment_id": care.treatment_id, "client_id": care.client_id}
    await care.house.given("recovery", CheckinMissed(step=STEP, **about))
    await tab.be("manager")
    await page.goto(f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/to-call")
    card = page.get_by_role("article", name="Jelle Visser")
    await expect(card.get_by_role("link", name="+31201234567")).to_be_visible()
    assert "listers" not in await page.content()
    await tab.is_sound("whom to call")
    await press(page, "I call")
    await expect(card.get_by_text("has taken it")).to_be_visible()
    await press(page, "Reached")
    await expect(page.get_by_role("status")).to_contain_text("the client was reached")
    await expect(card).to_have_count(0)
