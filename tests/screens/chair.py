"""What a practitioner does at the chair, step by step, and what the page and the record say to each."""

import asyncio
import re

from playwright.async_api import expect

from tests.screens.conftest import Tab
from tests.screens.room import Room, scan


async def call_in(tab: Tab, room: Room) -> None:
    """The day's list is live, and leads to the booking."""
    page = tab.page
    await page.goto(f"/clinics/{tab.clinic.example.clinic_id}")
    await page.wait_for_url(f"**{room.chair}")
    await expect(page.locator("#live")).to_have_text("Live")
    await expect(page.get_by_role("region", name="Expected")).to_contain_text("Ana Visser")
    await room.arrive()
    await expect(page.get_by_role("region", name="Here")).to_contain_text("Ana Visser")
    await tab.is_sound("the chair")
    await page.get_by_role("link", name="Ana Visser").click()
    await expect(page.get_by_text("8 things are missing")).to_be_visible()
    await tab.is_sound("a booking")


async def be_refused_with_every_reason(tab: Tab) -> None:
    page = tab.page
    await page.get_by_role("button", name="Start treatment").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The treatment cannot start yet")
    assert await alert.get_by_role("link").count() == 8
    await expect(alert).to_contain_text("Consent: No consent has been signed.")
    await expect(alert).to_contain_text("Cartridges: Scan the cartridge.")
    assert (await page.title()).startswith("Error: ")
    await expect(page.locator("section.problem")).to_be_focused()
    await tab.is_sound("a refused start")
    await alert.get_by_role("link", name="Cleansing").click()
    await expect(page.locator("#rule-skin_must_be_cleansed")).to_be_focused()


async def put_it_right(tab: Tab, room: Room) -> None:
    """By scans and forms here, and by what others do elsewhere, which is seen at once."""
    page = tab.page
    await asyncio.gather(room.supply(3), room.make_ready(0))
    await page.get_by_text("Numbing cream", exact=True).click()
    form = page.locator("#numb")
    await form.get_by_label("Product").fill("Lidocaine cream")
    await form.get_by_label("Lidocaine in %").fill("4")
    await form.get_by_label("Amount in g").fill("2.5")
    await form.get_by_role("button", name="The cream is on").click()
    await expect(page.locator(".timer .clock")).to_have_text(re.compile(r"^0:\d\d min$"))
    await expect(page.get_by_text("Numbing cream is still on, for")).to_be_visible()
    await page.locator("h1").click()
    await page.keyboard.type(f"]Q1urn:uuid:{room.units[0]}")  # wherever the focus is
    await page.keyboard.press("Enter")
    await expect(page.locator(".things").get_by_text(f"Cartridge {room.units[0][-8:]}", exact=True)).to_be_visible()
    await scan(page, "PEN-0001", str(tab.clinic.example.earlier_packs[0]))
    await scan(page, "ffffffff")
    await expect(page.get_by_role("alert")).to_contain_text("This code is not known here")
    await tab.is_sound("an unknown code")
    await expect(page.locator("#live")).to_have_text("Live")
    await page.get_by_label("Its indicator has changed").check()
    await page.get_by_label("Dry and whole").check()
    await expect(page.get_by_text("The indicator inside the pack has not changed")).to_have_count(0)
    await page.get_by_role("button", name="The cream is off").click()
    await expect(page.get_by_text("Recorded: the cream is off.")).to_be_visible()
    await page.locator("#cleanse").get_by_label("Product").fill("Chlorhexidine")
    await page.get_by_role("button", name="The skin is cleansed").click()
    await expect(page.get_by_text("Cleansed: Chlorhexidine")).to_be_visible()
    await expect(page.get_by_text("4 things are missing")).to_be_visible()
    await expect(page.locator("#live")).to_have_text("Live")
    await asyncio.gather(room.consent(), room.answer())
    await expect(page.get_by_text("Ready to start")).to_be_visible()


async def start_it_once(tab: Tab, room: Room) -> str:
    """A double click, the back button, and the ledger: one treatment."""
    page = tab.page
    await page.get_by_role("button", name="Start treatment").dblclick()
    await page.wait_for_url("**/chair/treatments/*done=started")
    treatment_id = page.url.rpartition("/")[2].partition("?")[0]
    assert await room.started() == 1
    await expect(page.get_by_text("Certificate: 26 rules under policy version")).to_be_visible()
    await expect(page.get_by_text("Consent covers these areas and this depth.")).to_be_visible()
    await page.goto(room.page)
    await expect(page.get_by_text("This treatment has begun.")).to_be_visible()
    await expect(page.get_by_role("button", name="Start treatment")).to_have_count(0)
    await page.go_back()
    await expect(page.get_by_role("heading", name="Ana Visser")).to_be_visible()
    return treatment_id


async def pause_and_supply(tab: Tab, room: Room, treatment_id: str) -> None:
    page = tab.page
    await page.get_by_label("Why").select_option("client_request")
    await page.get_by_role("button", name="Pause").click()
    await expect(page.locator(".badge", has_text="Paused")).to_be_visible()
    assert (await room.treatment(treatment_id))["treatment"]["state"] == "paused"
    await page.get_by_role("button", name="Go on").click()
    await expect(page.locator(".badge", has_text="In treatment")).to_be_visible()
    await page.get_by_label("Scan it").fill(room.units[2])
    await page.get_by_role("button", name="Waste").click()
    await tab.is_sound("waste a cartridge")
    await page.get_by_role("button", name="It is thrown away").dblclick()
    await expect(page.get_by_text("Recorded: the cartridge is thrown away.")).to_be_visible()
    assert (await tab.clinic.ask("GET", f"/units/{room.units[2]}", person="technician"))["state"] == "wasted"
    refusals = {
        room.units[0]: "This cartridge is on record for this treatment already.",
        room.units[2]: "This cartridge was recorded as wasted: take another.",
        "PEN-0001": "This code is not known here",
    }
    for code, said in refusals.items():
        await page.get_by_label("Scan it").fill(code)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text(said)
    await tab.is_sound("a cartridge that was not taken")
    await page.get_by_label("Scan it").fill(room.units[1][-8:])
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The cartridge is on record.")).to_be_visible()
    assert (await room.treatment(treatment_id))["treatment"]["cartridge_unit_ids"] == room.units[:2]


async def be_stopped(tab: Tab, room: Room) -> None:
    """A safety hold is placed elsewhere: whoever treats is told at once, here and in the list."""
    page = tab.page
    await expect(page.locator("#live")).to_have_text("Live")
    await room.hold()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("Stop the treatment")
    await expect(alert).to_contain_text("A safety hold stands on this client.")
    assert (await page.title()).startswith("STOP")
    await expect(page.locator(".badge", has_text="Stop")).to_be_visible()
    await tab.is_sound("stop advised")
    await page.goto(room.chair)
    await expect(page.get_by_role("alert")).to_contain_text("Bo Visser")
    await tab.is_sound("the chair, stop advised")
    await page.get_by_role("alert").get_by_role("link").click()


async def end_it(tab: Tab, room: Room, treatment_id: str) -> None:
    page = tab.page
    await page.get_by_role("link", name="End treatment").click()
    cheeks, forehead = page.get_by_label("Cheeks", exact=True), page.get_by_label("Forehead", exact=True)
    await expect(cheeks).to_be_checked()
    await page.locator('[data-area="forehead"]').click()
    await expect(forehead).to_be_checked()
    await page.locator('[data-area="nose"]').click()
    await page.locator('[data-area="nose"]').click()
    await expect(page.get_by_label("Nose", exact=True)).not_to_be_checked()
    await page.get_by_label("mm deep, Forehead").fill("0,5")
    await page.get_by_role("button", name="End treatment").click()
    await expect(page.get_by_role("alert")).to_contain_text("Say how deep the needles went: Cheeks.")
    await expect(page.get_by_label("mm deep, Forehead")).to_have_value("0,5")
    await page.get_by_label("Depth in mm, everywhere").fill("1.2")
    await page.get_by_role("button", name="End treatment").click()
    for said in ("Cleanse the skin", "Dispose of cartridge and sharps", "Give the aftercare instructions"):
        await expect(page.get_by_role("alert")).to_contain_text(said)
    await tab.is_sound("a refused end")
    for label in ("The skin is cleansed", "Cartridges and sharps", "Aftercare is explained"):
        await page.get_by_label(label).check()
    await page.get_by_role("button", name="End treatment").dblclick()
    await expect(page.get_by_text("The treatment has ended.")).to_be_visible()
    await expect(page.get_by_text("Treated without consent: forehead.")).to_be_visible()
    await tab.is_sound("an ended treatment")
    found = (await room.treatment(treatment_id))["treatment"]
    assert found["state"] == "ended"
    assert found["depths"] == [{"area": "forehead", "depth_um": 500}, {"area": "cheeks", "depth_um": 1200}]
