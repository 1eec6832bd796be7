"""What a practitioner does at the chair, step by step and by keys alone, and what the page and the record say to each."""

import asyncio
import re

from playwright.async_api import expect

from tests.screens.conftest import Tab
from tests.screens.filmed import FILMED
from tests.screens.keys import press, reach, tick, write
from tests.screens.room import Room


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
    await press(page, page.get_by_role("link", name="Ana Visser"))
    await expect(page.get_by_text("8 things are missing")).to_be_visible()
    await tab.is_sound("a booking")


async def be_refused_with_every_reason(tab: Tab) -> None:
    page = tab.page
    await press(page, page.get_by_role("button", name="Start treatment"))
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The treatment cannot start yet")
    assert await alert.get_by_role("link").count() == 8
    await expect(alert).to_contain_text("Consent: No consent has been signed.")
    await expect(alert).to_contain_text("Cartridges: Scan the cartridge.")
    assert (await page.title()).startswith("Error: ")
    await expect(page.locator("section.problem")).to_be_focused()
    await tab.is_sound("a refused start")
    await press(page, alert.get_by_role("link", name="Cleansing"))
    await expect(page.locator("#rule-skin_must_be_cleansed")).to_be_focused()


async def put_it_right(tab: Tab, room: Room) -> None:
    """By scans and forms here, and by what others do elsewhere, which is seen at once."""
    page = tab.page
    await asyncio.gather(room.supply(3), room.make_ready(0))
    form = page.locator("#numb")
    await press(page, form.locator("summary"))
    await write(page, form.get_by_label("Product"), "Lidocaine cream")
    await write(page, form.get_by_label("Lidocaine in %"), "4")
    await write(page, form.get_by_label("Amount in g"), "2.5")
    await press(page, form.get_by_role("button", name="The cream is on"))
    await expect(page.locator(".timer .clock")).to_have_text(re.compile(r"^0:\d\d min$"))
    await expect(page.get_by_text("Numbing cream is still on, for")).to_be_visible()
    await scan_in_a_row(tab, f"]Q1urn:uuid:{room.units[0]}", f"]Q1urn:uuid:{tab.clinic.example.earlier_packs[0]}")
    await expect(page.locator(".things").get_by_text(f"Cartridge {room.units[0][-8:]}", exact=True)).to_be_visible()
    await expect(page.get_by_label("Dry and whole")).to_have_count(1)
    await type_code(tab, "PEN-0001")
    await expect(page.locator(".things").get_by_text("PEN-0001", exact=True)).to_be_visible()
    await expect(page.get_by_label("Dry and whole")).to_have_count(1)
    async with page.expect_request(lambda asked: FILMED in asked.url):
        await press(page, page.get_by_role("button", name="Camera"))
    await expect(page.get_by_role("alert")).to_contain_text("This code is not known here")
    await tab.is_sound("an unknown code")
    await expect(page.locator("#live")).to_have_text("Live")
    await tick(page, page.get_by_label("Its indicator has changed"))
    await tick(page, page.get_by_label("Dry and whole"))
    await expect(page.get_by_text("The indicator inside the pack has not changed")).to_have_count(0)
    await press(page, page.get_by_role("button", name="The cream is off"), "Shift+Tab")
    await expect(page.get_by_text("Recorded: the cream is off.")).to_be_visible()
    await write(page, page.locator("#cleanse").get_by_label("Product"), "Chlorhexidine")
    await press(page, page.get_by_role("button", name="The skin is cleansed"))
    await expect(page.get_by_text("Cleansed: Chlorhexidine")).to_be_visible()
    await expect(page.get_by_text("4 things are missing")).to_be_visible()
    await expect(page.locator("#live")).to_have_text("Live")
    await asyncio.gather(room.consent(), room.answer())
    await expect(page.get_by_text("Ready to start")).to_be_visible()


async def scan_in_a_row(tab: Tab, *codes: str) -> None:
    """As fast as a scanner types, wherever the focus is: the next does not wait until the page has said what the one before was."""
    for code in codes:
        await tab.page.keyboard.type(code)
        await tab.page.keyboard.press("Enter")


async def type_code(tab: Tab, code: str) -> None:
    """What is printed under a code, typed by somebody into the field that has the focus; faster, it would look like half a scan."""
    field = tab.page.locator("input[data-scan]")
    await expect(field).to_be_focused()
    await tab.page.keyboard.type(code, delay=40)
    await tab.page.keyboard.press("Enter")
    await expect(field).to_have_value("")


async def start_it_once(tab: Tab, room: Room) -> str:
    """Enter twice, the back button, and the ledger: one treatment."""
    page = tab.page
    await press(page, page.get_by_role("button", name="Start treatment"))
    await page.keyboard.press("Enter")
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
    await write(page, page.get_by_label("Why"), "The client asked")
    await expect(page.get_by_label("Why")).to_have_value("client_request")
    await press(page, page.get_by_role("button", name="Pause"))
    await expect(page.locator(".badge", has_text="Paused")).to_be_visible()
    assert (await room.treatment(treatment_id))["treatment"]["state"] == "paused"
    await press(page, page.get_by_role("button", name="Go on"))
    await expect(page.locator(".badge", has_text="In treatment")).to_be_visible()
    await write(page, page.get_by_label("Scan it"), room.units[2])
    await press(page, page.get_by_role("button", name="Waste"))
    await expect(page.get_by_role("heading", name="Waste a cartridge")).to_be_visible()
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


async def be_stopped(tab: Tab, room: Room, treatment_id: str) -> None:
    """A safety hold is placed elsewhere: whoever treats is told at once, here and in the list, and pauses because of it."""
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
    await press(page, page.get_by_role("alert").get_by_role("link"))
    await press(page, page.get_by_role("link", name="Stop the treatment: see why"))
    await expect(page.locator("#stop")).to_be_focused()
    await reach(page, page.get_by_label("Why"))
    await expect(page.get_by_label("Why")).to_have_value("stop_advised")
    await press(page, page.get_by_role("button", name="Pause"))
    await expect(page.get_by_text("Paused.")).to_be_visible()
    assert (await room.treatment(treatment_id))["treatment"]["state"] == "paused"


async def end_it(tab: Tab, room: Room, treatment_id: str) -> None:
    page = tab.page
    await press(page, page.get_by_role("link", name="End treatment"))
    cheeks, forehead = page.get_by_label("Cheeks", exact=True), page.get_by_label("Forehead", exact=True)
    await expect(cheeks).to_be_checked()
    await page.locator('[data-area="forehead"]').click()
    await expect(forehead).to_be_checked()
    await page.locator('[data-area="nose"]').click()
    await page.locator('[data-area="nose"]').click()
    await expect(page.get_by_label("Nose", exact=True)).not_to_be_checked()
    chin = page.get_by_label("Chin", exact=True)
    await tick(page, chin)
    await page.keyboard.press("Space")
    await expect(chin).not_to_be_checked()
    await write(page, page.get_by_label("mm deep, Forehead"), "0,5", "Shift+Tab")
    await press(page, page.get_by_role("button", name="End treatment"))
    await expect(page.get_by_role("alert")).to_contain_text("Say how deep the needles went: Cheeks.")
    await expect(page.get_by_label("mm deep, Forehead")).to_have_value("0,5")
    await write(page, page.get_by_label("Depth in mm, everywhere"), "1.2")
    await press(page, page.get_by_role("button", name="End treatment"))
    for said in ("Cleanse the skin", "Dispose of cartridge and sharps", "Give the aftercare instructions"):
        await expect(page.get_by_role("alert")).to_contain_text(said)
    await tab.is_sound("a refused end")
    for label in ("The skin is cleansed", "Cartridges and sharps", "Aftercare is explained"):
        await tick(page, page.get_by_label(label))
    await press(page, page.get_by_role("button", name="End treatment"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The treatment has ended.")).to_be_visible()
    await expect(page.get_by_text("Treated without consent: forehead.")).to_be_visible()
    await tab.is_sound("an ended treatment")
    found = (await room.treatment(treatment_id))["treatment"]
    assert found["state"] == "ended"
    assert found["depths"] == [{"area": "forehead", "depth_um": 500}, {"area": "cheeks", "depth_um": 1200}]
