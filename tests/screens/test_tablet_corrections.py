"""What was refused is corrected or discarded on the tablet, and nothing that was typed is lost on the way."""

from contextlib import suppress

from playwright.async_api import Error, Page, expect

from tests.screens.bench import READY, cards, enter_turnover, fill_cycle, opened, recorded, scan, sent, tablet
from tests.screens.conftest import Clinic

TURNED = "room.turned_over"


async def test_a_refused_entry_is_kept_for_correction_and_sent_under_its_id(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await enter_turnover(page, clinic, 1, wet=20)
        await expect(cards(page, "fix")).to_contain_text("Wet for 20 s; the label asks for 120 s")
        identity = await cards(page, "fix").get_attribute("data-entry")
        await page.reload()
        await page.get_by_role("button", name="Correct").click()
        await expect(page.locator("#problem")).to_be_focused()
        await expect(page).to_have_title("Error: Sterilization tablet – Asepsis")
        await tab.is_sound("an entry to correct")
        await page.get_by_role("link", name="Wet for 20 s").click()
        await expect(page.locator("#room-wet")).to_be_focused()
        assert await page.locator("#room-wet").get_attribute("aria-invalid") == "true"
        await page.keyboard.press("Control+A")
        await page.keyboard.type("140")
        await page.get_by_role("button", name="Save correction").click()
        await sent(page, 1)
        found = (await recorded(clinic, TURNED))[before:]
        assert [(entry["data"]["turnover_id"], entry["data"]["wet_seconds"]) for entry in found] == [(identity, 140)]
        await page.reload()
        await expect(page.locator("#turnover")).to_be_visible()
        await expect(page.locator("#scanned")).to_have_text("The scanner works anywhere on this page.")
        await expect(page.locator("#room-wet")).to_have_value("")  # what is saved is no draft any more
        assert await page.evaluate(DRAFTS) == []
        # The tab ended between the entry and its draft: what is saved comes back in no form.
        await page.evaluate(LEFT, [str(clinic.example.clinic_id), identity])
        await page.reload()
        await expect(page.locator("#link")).to_have_text("Connected")
        await expect(page.locator("#room-wet")).to_have_value("")
        assert await page.evaluate(DRAFTS) == []


DRAFTS = "() => Object.keys(localStorage).filter((key) => key.includes('draft'))"
LEFT = """([clinic, id]) => localStorage.setItem(`asepsis-${clinic}-draft-turnover`, JSON.stringify(
  { id, at: new Date(), fields: [['wet_seconds', '140']], packs: [], samples: [] }))"""


async def test_a_cycle_number_that_was_used_is_corrected_or_discarded(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, "cycle.recorded"))
        for _ in range(2):
            await fill_cycle(page, 777)
            await page.locator("[name=contents]").fill("extractor set")
            await page.get_by_role("button", name="Add a pack").click()
            await page.locator("#save").click()
        await expect(cards(page, "fix")).to_contain_text("Cycle number 777 of this sterilizer is on record already")
        await page.get_by_role("button", name="Correct").click()
        await expect(page.locator("#packs li")).to_have_count(1)
        await page.locator("#cycle_number").fill("778")
        await page.get_by_role("button", name="Not now").click()
        await expect(page.locator("#title")).to_have_text("Log a load")
        await expect(page.locator("#cycle_number")).to_have_value("")
        await page.get_by_role("button", name="Correct").click()
        await expect(page.locator("#cycle_number")).to_have_value("778")  # a correction that was begun goes on
        await expect(page.locator("#packs li")).to_have_count(1)
        await page.locator("#save").click()
        await sent(page, 2)
        await enter_turnover(page, clinic, 0, wet=1)
        await page.get_by_role("button", name="Discard").click()
        await page.evaluate("() => dispatchEvent(new Event('online'))")  # it looks and draws again
        await page.wait_for_function("() => navigator.locks.query().then((found) => !found.held.length)")
        await page.get_by_role("button", name="Really discard").click()
        await expect(cards(page, "discarded")).to_have_count(1)
        assert [entry["data"]["cycle_number"] for entry in (await recorded(clinic, "cycle.recorded"))[before:]] == [777, 778]


async def test_a_correction_of_what_was_discarded_is_not_said_to_be_saved(clinic: Clinic) -> None:
    """And what stands half typed in another form stays there."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        await enter_turnover(page, clinic, 1, wet=20)
        await expect(cards(page, "fix")).to_have_count(1)
        await fill_cycle(page, 931)
        await page.locator("[data-act=correct]").click()
        await expect(page.locator("#title")).to_contain_text("Correct: Room")
        await expect(page.locator("#room-wet")).to_have_value("20")
        await page.locator("[data-act=discard]").click()
        await page.get_by_role("button", name="Really discard").click()
        await expect(cards(page, "discarded")).to_have_count(1)
        await expect(page.locator("#title")).to_have_text("Log a room")
        await page.locator("#save").click()
        await expect(page.locator("#problem")).to_contain_text("This is not saved yet")
        await expect(page.locator("#saved")).to_be_empty()
        await page.locator('.kinds a[href="#cycle"]').click()
        await expect(page.locator("#cycle_number")).to_have_value("931")


async def test_what_is_half_typed_outlives_a_reload_a_crash_and_a_correction_without_the_network(clinic: Clinic) -> None:
    """Each form for itself, until it is saved or cleared; what a tap asks for first is on the tablet too."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await enter_turnover(page, clinic, 1, wet=20)
        await expect(cards(page, "fix")).to_have_count(1)
        await fill_cycle(page, 941)
        await page.locator('.kinds a[href="#turnover"]').click()
        await page.locator(f'#turnover [value="{clinic.example.rooms[2]}"]').check()
        await page.locator("#room-wet").fill("77")
        await page.locator("#turnover [data-watch]").click()
        await tab.context.set_offline(True)
        await page.reload()
        await is_half_typed(page, clinic)
        await tab.is_sound("half typed")

        await page.locator("[data-act=correct]").click()
        await expect(page.locator("#title")).to_contain_text("Correct: Room")
        await expect(page.locator("#room-wet")).to_have_value("20")
        await expect(page.locator("#scanned")).to_contain_text("comes back after this")
        await page.locator("#room-wet").fill("140")
        await page.locator("#save").click()
        await expect(page.locator("#saved")).to_contain_text("Saved on this tablet: Room")
        await is_half_typed(page, clinic)

        await page.locator('.kinds a[href="#cycle"]').click()
        await page.locator("[name=contents]").fill("extractor set")
        await scan(page, "]Q1urn:uuid:0b9e5c0e-3f5a-4c60-8f0c-7e1a7d4d2a77")
        await expect(page.locator("#packs li")).to_have_count(1)
        again = await tab.context.new_page()
        async with page.expect_event("crash"):
            with suppress(Error):
                await page.goto("chrome://crash")
        await page.close()
        await again.goto(tablet(clinic))
        await expect(again.locator("#cycle_number")).to_have_value("941")
        await expect(again.locator("#packs li")).to_contain_text("7D4D2A77")
        await expect(again.locator("#samples li").nth(1).locator("input").last).to_have_value("132.6")
        await again.get_by_role("button", name="Clear the form").click()
        await expect(again.locator("#cycle_number")).to_have_value("941")
        await again.get_by_role("button", name="Really clear?").click()
        await expect(again.locator("#cycle_number")).to_have_value("")
        await expect(again.locator("#packs li")).to_have_count(0)
        await expect(again.locator("#later")).to_be_hidden()
        await again.locator('.kinds a[href="#turnover"]').click()
        await is_half_typed(again, clinic)
        await tab.context.set_offline(False)
        await sent(again, 1)
        assert [entry["data"]["wet_seconds"] for entry in (await recorded(clinic, TURNED))[before:]] == [140]


async def is_half_typed(page: Page, clinic: Clinic) -> None:
    """The room's form as somebody left it: a room, seconds, and a timer that goes on."""
    await expect(page.locator("#title")).to_have_text("Log a room")
    await expect(page.locator("#scanned")).to_contain_text("Not saved yet")
    await expect(page.locator(f'#turnover [value="{clinic.example.rooms[2]}"]')).to_be_checked()
    await expect(page.locator("#room-wet")).to_have_value("77")
    await expect(page.locator("#turnover [data-watch]")).to_have_text("Stop: it is dry")


async def test_the_second_of_two_corrections_of_one_entry_is_kept_in_its_form(clinic: Clinic) -> None:
    """Two tabs: the first one counts, and the other one's words go out only as an entry of their own."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await enter_turnover(page, clinic, 1, wet=20)
        await expect(cards(page, "fix")).to_have_count(1)
        other = await tab.context.new_page()
        await other.goto(tablet(clinic))
        await expect(other.locator("#shell")).to_have_text(READY)
        for one, wet in ((other, "150"), (page, "140")):
            await one.bring_to_front()
            await one.locator("[data-act=correct]").click()
            await expect(one.locator("#title")).to_contain_text("Correct: Room")
            await one.locator("#room-wet").fill(wet)
        await page.locator("#save").click()
        await sent(page, 1)
        await other.bring_to_front()
        await other.locator("#save").click()
        await expect(other.locator("#problem")).to_contain_text("This is NOT saved")
        await expect(other.locator("#saved")).to_be_empty()
        await expect(other.locator("#room-wet")).to_have_value("150")
        await expect(other.locator("#title")).to_have_text("Log a room")
        assert [entry["data"]["wet_seconds"] for entry in (await recorded(clinic, TURNED))[before:]] == [140]
        await other.locator("#save").click()
        await sent(other, 2)
        assert [entry["data"]["wet_seconds"] for entry in (await recorded(clinic, TURNED))[before:]] == [140, 150]
