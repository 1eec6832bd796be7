"""Scans at the chair that are not taken, in a real browser: why not is said, and nothing is left stuck."""

from uuid import uuid4

from playwright.async_api import Route, expect

from tests.screens.chair import scan_in_a_row
from tests.screens.conftest import Clinic
from tests.screens.room import Room, ago
from tests.screens.test_treatment import slowly


async def test_a_scan_that_gets_no_page_of_its_own_says_why_and_leaves_nothing_stuck(clinic: Clinic) -> None:
    """What is wrong with the form, a treatment that began elsewhere, an answer that is lost on its way, and a session that is over."""
    room = Room(clinic, "practitioner_2", 1)
    await room.everything("Gijs", 1, minutes=28)
    cream = {"product": "lidocaine_cream", "lidocaine_permille": 40, "milligrams": 2000, "areas": ["cheeks"], "occurred_at": ago(25)}
    await clinic.ask("PUT", f"/bookings/{room.booking_id}/numbings/{uuid4()}", cream, "practitioner_2")
    async with clinic.tab() as tab:
        page, codes = tab.page, [f"]Q1urn:uuid:{unit}" for unit in room.units]
        tab.expected += ["401", "422", "ERR_FAILED"]
        await tab.be("practitioner_2")
        await page.goto(room.page)
        await expect(page.locator("#live")).to_have_text("Live")
        depth = page.get_by_label("Depth in mm")
        await depth.evaluate("(depth) => { depth.closest('details').open = true; }")
        await depth.fill("deep")
        await scan_in_a_row(tab, codes[0])
        await expect(page.locator("#scan-said")).to_contain_text("This is no depth in millimeters.")
        await depth.fill("")
        await page.route("**/chair/*?*scan=*", slowly)
        await scan_in_a_row(tab, codes[0])
        await page.get_by_role("button", name="The cream is off").click()  # that part of the page comes anew with the answer
        await expect(page.get_by_text("Recorded: the cream is off.")).to_be_visible()
        await expect(page.locator(".things strong", has_text="Cartridge")).to_have_count(1)
        await room.cleanse()
        treatment_id = await room.start(1)
        await expect(page.get_by_text("This treatment has begun.")).to_be_visible()
        await scan_in_a_row(tab, codes[1])
        await expect(page.get_by_role("button", name="Start treatment")).to_have_count(0)
        await page.get_by_role("link", name="Open the treatment").click()
        await expect(page.locator("#live")).to_have_text("Live")
        await expect(page.get_by_label("Scan it")).to_be_visible()
        await page.route("**/cartridge", lost)
        await scan_in_a_row(tab, codes[1])
        await expect(page.get_by_text("There was no answer. Scan it again.")).to_be_visible()
        await page.unroute_all()
        await scan_in_a_row(tab, codes[2])
        await expect(page.get_by_text("The cartridge is on record.")).to_be_visible()
        assert (await room.treatment(treatment_id))["treatment"]["cartridge_unit_ids"] == room.units
        await tab.context.clear_cookies()
        await scan_in_a_row(tab, codes[2])
        await expect(page.get_by_label("Access token")).to_be_visible()
        await room.end(treatment_id)


async def lost(route: Route) -> None:
    """It is done, and the answer never comes."""
    await route.fetch()
    await route.abort()
