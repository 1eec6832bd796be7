"""What stands half typed on the tablet: saved once, whatever other tabs hold, and no longer wet on the next day."""

from playwright.async_api import Page, expect

from tests.screens.bench import cards, enter_turnover, fill_cycle, opened, tablet
from tests.screens.conftest import Clinic

YESTERDAY = """([clinic, id]) => localStorage.setItem(`asepsis-${clinic}-draft-${id}`, JSON.stringify(
  { at: new Date(Date.now() - 864e5), since: String(Date.now() - 864e5), fields: [['wet_seconds', '20']], packs: [], samples: [] }))"""


async def half_typed(page: Page, number: int, packs: int = 1) -> None:
    await fill_cycle(page, number)
    await page.locator("[name=contents]").fill("extractor set")
    await page.get_by_role("button", name="Add a pack").click()
    await expect(page.locator("#packs li")).to_have_count(packs)


async def test_what_two_tabs_hold_half_typed_is_saved_once(clinic: Clinic) -> None:
    """Saved in one of them, it stands in the other one's form no more; what was typed differently there stays."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        await half_typed(page, 951)
        other = await tab.context.new_page()
        await other.goto(f"{tablet(clinic)}#cycle")
        await expect(other.locator("#packs li")).to_have_count(1)
        await expect(other.locator("#link")).to_have_text("Connected")
        await page.locator("#save").click()
        await expect(page.locator("#saved")).to_contain_text("Saved on this tablet")
        await expect(other.locator("#packs li")).to_have_count(0)
        await expect(other.locator("#cycle_number")).to_have_value("")
        await expect(other.locator("#scanned")).to_have_text("The scanner works anywhere on this page.")

        await half_typed(page, 952)
        await other.reload()
        await expect(other.locator("#packs li")).to_have_count(1)
        await other.locator("#cycle_number").fill("953")
        await page.locator("#save").click()
        await expect(page.locator("#saved")).to_contain_text("Saved on this tablet")
        await expect(cards(other, "sent")).to_have_count(2)
        await expect(other.locator("#cycle_number")).to_have_value("953")


async def test_no_timer_of_a_correction_runs_overnight(clinic: Clinic) -> None:
    """It would say that a surface was wet for a day."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        await enter_turnover(page, clinic, 1, wet=20)
        await expect(cards(page, "fix")).to_have_count(1)
        entry = await cards(page, "fix").get_attribute("data-entry")
        await page.evaluate(YESTERDAY, [str(clinic.example.clinic_id), entry])
        await page.get_by_role("button", name="Correct").click()
        await expect(page.locator("#room-wet")).to_have_value("20")
        await expect(page.locator("#turnover [data-watch]")).to_have_text("Start the timer")
