"""The manager's screens before the real program: what waits, the policy in force, and the year that an inspector asks for."""

import asyncio
import re
from uuid import uuid4

import pytest
from playwright.async_api import expect

from events.catalog.hygiene import RecallOpened
from tests.conftest import House
from tests.faults.morning import Morning
from tests.screens.auditing import INDICATOR, read, receive, run
from tests.screens.bench import recorded, scan
from tests.screens.conftest import Clinic, Tab
from tests.screens.keys import press


def at(clinic: Clinic, path: str) -> str:
    return clinic.board.removesuffix("board") + path


async def a_bad_fortnight(clinic: Clinic) -> dict[str, str]:
    """Everything that can be wrong with a sterilizer, each on a day of its own. Gives the cycles by their days."""
    packs = [{"pack_id": str(uuid4()), "contents": "extractor_set"}]
    cold = [{"second": second, "temperature_mc": 131_000} for second in range(0, 251, 10)]
    cycles = {
        "missing": await run(clinic, 390, 14, packs=packs),
        "pass": await run(clinic, 400, 13, indicator=INDICATOR),
        "void": await run(clinic, 401, 12, indicator=INDICATOR),
        "chemical": await run(clinic, 402, 11, internal_indicator="unchanged"),
        "cold": await run(clinic, 403, 10, samples=cold),
        "wait": await run(clinic, 404, 9, indicator=INDICATOR),
        "fail": await run(clinic, 422, 1, indicator=INDICATOR),
    }
    await read(clinic, cycles["pass"], 13, grew=False)
    await read(clinic, cycles["void"], 12, grew=False, control_grew=False)
    await read(clinic, cycles["fail"], 1, grew=True)
    return cycles


async def test_the_calendar_shows_twelve_months_with_what_was_wrong_in_them(clinic: Clinic) -> None:
    cycles = await a_bad_fortnight(clinic)
    await receive(clinic, "SP4471")
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("manager")
        await page.goto(at(clinic, "hygiene/calendar"))
        months = page.locator(".calendar tbody tr")
        await expect(months).to_have_count(12)
        await expect(months.last).to_contain_text(f"{clinic.tomorrow:%Y}")
        words = await page.locator(".calendar td .word").all_inner_texts()
        # Five days ago stands the earlier load of every example clinic.
        assert [word for word in words if word != "out"] == ["MISS", "pass", "VOID", "CHEM", "MECH", "wait", "pass", "FAIL"]
        failed = page.locator(".calendar td", has_text="FAIL")
        await expect(failed).to_contain_text("spores grew")
        await expect(failed.locator("svg use")).to_have_attribute("href", re.compile("#stop$"))
        assert words[-1] == "out" or words.count("out") == 0, "it is out of service from the failure on"
        days = page.locator(".suspects li")
        await expect(days).to_have_count(5)
        await expect(days.first).to_contain_text("spores grew")
        await expect(page.get_by_role("heading", name=re.compile("MX-40021"))).to_contain_text("out of service now")
        await expect(page.get_by_role("row", name=re.compile("SP4471"))).to_contain_text("5 on hand")
        await tab.is_sound("calendar")
        await printed_on_one_sheet(tab)
        await press(page, days.first.get_by_role("link"))
        await page.wait_for_url(f"**/record?about={cycles['fail']}")
        await expect(page.get_by_role("table")).to_contain_text("is positive")
        await page.goto(at(clinic, "hygiene/calendar?ending=2025-02"))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Indicators, Mar 2024 – Feb 2025")
        await expect(page.locator(".calendar td .word")).to_have_count(0)
        await press(page, page.get_by_role("link", name="Later"))
        await expect(page.get_by_role("heading", level=1)).to_have_text("Indicators, Mar 2025 – Feb 2026")
        await a_lot_is_found_and_held(clinic, tab)
        await recalls_say_what_is_in_doubt(clinic, tab)


async def a_lot_is_found_and_held(clinic: Clinic, tab: Tab) -> None:
    """Scanned or typed, wherever the focus is; and whoever says nothing about the notice holds nothing."""
    page = tab.page
    await page.goto(at(clinic, "hygiene/lots"))
    await expect(page.locator("tbody tr").first).to_contain_text("SP4471")
    await tab.is_sound("lots")
    await scan(page, "]C110SP4471")
    await expect(page.locator("#scan-said")).to_contain_text("Nothing here has this code")
    await tab.is_sound("no lot")
    await page.get_by_label("Find a lot").fill("sp4471")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Lot SP4471")
    await tab.is_sound("a lot")
    await page.get_by_role("button", name="Hold this lot").click()
    await expect(page.get_by_label("Product number and lot are those of the notice")).to_be_focused()
    assert await recorded(clinic, "lot.quarantined") == []
    await page.get_by_label("Product number and lot are those of the notice").check()
    await page.get_by_role("button", name="Hold this lot").click()
    await expect(page.get_by_role("status")).to_contain_text("Nothing of this lot may be used")
    await tab.is_sound("a lot that is held")
    assert len(await recorded(clinic, "lot.quarantined")) == 1
    await page.get_by_role("link", name="Open the recall").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Recall of Lot SP4471")


async def recalls_say_what_is_in_doubt(clinic: Clinic, tab: Tab) -> None:
    """From the list to the sterilizer that spores outlived, which does not come back for the asking."""
    page = tab.page
    tab.expected += ["409 (Conflict)"]
    await page.goto(at(clinic, "hygiene/recalls"))
    await tab.is_sound("recalls")
    await page.get_by_role("link", name="Open the recall of Sterilizer MX-40021").click()
    await expect(page.get_by_role("region", name="What is in doubt")).to_contain_text("Cycle 422")
    await tab.is_sound("a recall")
    await page.get_by_role("link", name="Open the sterilizer").click()
    await page.get_by_role("button", name="In service again").click()
    await expect(page.get_by_role("alert")).to_contain_text("This was not recorded")
    await tab.is_sound("a sterilizer that stays out")
    await page.goto(at(clinic, "hygiene/labels"))
    await expect(page.locator(".labels li", has_text="Room")).to_have_count(len(clinic.example.rooms))
    await tab.is_sound("labels of rooms")
    pack, machine = clinic.example.earlier_packs[0], clinic.example.sterilizer_id
    doubtful = RecallOpened(recall_id=uuid4(), kind="sterilizer", subject_id=machine, cause=uuid4(), pack_ids=(pack,), decision="pending")
    house = House(clinic.stage.database, clinic.example.clinic_id)
    await house.given("hygiene", doubtful)
    await page.goto(at(clinic, f"hygiene/recalls/{doubtful.recall_id}"))
    await expect(page.get_by_label("Who decides with you?")).to_be_visible()
    await tab.is_sound("a recall to decide")
    await page.goto(at(clinic, f"hygiene/packs/{pack}"))
    await expect(page.get_by_role("button", name="Reject this pack")).to_be_visible()
    await tab.is_sound("a pack")


async def printed_on_one_sheet(tab: Tab) -> None:
    """On paper the year is as wide as the sheet, without what is for pressing, and every word in its cell."""
    before = tab.page.viewport_size
    assert before is not None
    await tab.page.emulate_media(media="print")
    await tab.page.set_viewport_size({"width": 1050, "height": 720})
    await expect(tab.page.get_by_role("navigation", name="Months")).not_to_be_visible()
    assert await tab.page.evaluate("() => document.documentElement.scrollWidth") <= 1050
    assert await tab.page.evaluate(CUT) == []
    assert (await tab.page.pdf(prefer_css_page_size=True)).startswith(b"%PDF")
    await tab.page.emulate_media(media="screen")
    await tab.page.set_viewport_size(before)


CUT = """() => [...document.querySelectorAll('.calendar td .word')]
  .filter(word => word.scrollWidth > word.closest('td').clientWidth + 1).map(word => word.textContent)"""


async def test_the_day_begins_with_what_waits_and_leads_to_the_record(clinic: Clinic) -> None:
    reaction = {"client_id": await clinic.client("Held"), "reason": "fever"}
    await clinic.ask("PUT", f"/safety-holds/{uuid4()}", reaction, "manager")
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("manager")
        await page.goto(at(clinic, ""))
        await page.wait_for_url("**/today")
        await expect(page.get_by_role("region", name="Waits for a person")).to_contain_text("Nothing stands still")
        await tab.is_sound("today")
        tile = page.get_by_role("link", name=re.compile("Safety holds"))
        await expect(tile).to_contain_text("1")
        await press(page, tile)
        await page.wait_for_url(re.compile(r"/record\?type=safety_hold\.placed&from="))
        await expect(page.locator("tbody tr")).to_have_count(1)
        await expect(page.locator("tbody")).to_contain_text("must not be treated: fever")


async def test_what_stands_still_is_said_with_the_entry_it_stands_at(clinic: Clinic) -> None:
    """And nothing of another clinic's."""
    owner, foreign = clinic.stage.owner, uuid4()
    await owner.execute("select ledger.open_clinic($1)", foreign)
    for _ in range(200):
        if await owner.fetchval(SETTLED, clinic.example.clinic_id):
            break
        await asyncio.sleep(0.05)
    for halted in (clinic.example.clinic_id, foreign):
        await owner.execute(HALT, halted)
    # An entry that it hears, and at which it stands now.
    report = {"product": "quat_wipes", "wet_seconds": 130, "label_seconds": 120, "occurred_at": Morning.ago(1)}
    await clinic.ask("PUT", f"/reprocessings/{uuid4()}", report | {"handpiece_id": str(clinic.example.handpieces[0])}, "technician")
    for locked in (clinic.example.clinic_id, foreign):
        await owner.execute(LOCKED_TABLET, locked, foreign)
        await owner.execute(LOCKED_PIN, locked, foreign, clinic.example.people["technician"].identity_id)
    try:
        async with clinic.tab() as tab:
            await tab.be("manager")
            await tab.page.goto(at(clinic, "today"))
            waits = tab.page.get_by_role("region", name="Waits for a person")
            await expect(waits.get_by_role("listitem")).to_have_count(2)
            await expect(waits).to_contain_text("Treatment stands still at entry")
            await expect(waits).to_contain_text("The PIN of Tomas is locked on the tablet Room 2 after 10 wrong tries.")
            await tab.is_sound("something waits")
            await waits.get_by_role("link", name="Look at the entry").click()
            await expect(tab.page.get_by_role("heading", level=1)).to_contain_text("was cleaned and disinfected")
    finally:
        await owner.execute("delete from ledger.attempts where error = 'ProcessDied'")
        await owner.execute("delete from compliance.tablets where tablet_id = $1", foreign)


SETTLED = """select size = (select max(index) + 1 from ledger.entries where clinic_id = $1) from ledger.bookmarks
  where clinic_id = $1 and service = 'treatment' and stage = 'projected'"""
LOCKED_TABLET = """insert into compliance.tablets (clinic_id, tablet_id, name, secret_hash, enrolled_at, used_at)
  values ($1, $2, 'Room 2', '', now(), now())"""
LOCKED_PIN = """insert into compliance.pin_tries (clinic_id, tablet_id, identity_id, tries, opens_at, locked_at)
  values ($1, $2, $3, 10, now(), now())"""
HALT = """insert into ledger.attempts (clinic_id, service, stage, index, count, error, halted_at)
  select $1, 'treatment', 'projected', coalesce(max(size), 0), 5, 'ProcessDied', now() from ledger.bookmarks
   where clinic_id = $1 and service = 'treatment' and stage = 'projected'
  on conflict (clinic_id, service, stage) do update set index = excluded.index, error = excluded.error, halted_at = excluded.halted_at"""


async def test_every_number_of_the_policy_says_where_it_comes_from(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("manager")
        await page.goto(at(clinic, "today"))
        await press(page, page.get_by_role("link", name="Every number and its source"))
        await expect(page.get_by_text("approved by Dr. Kim")).to_be_visible()
        kept = page.get_by_role("row", name=re.compile("Bi every days"))
        await expect(kept).to_contain_text("7 days")
        await expect(kept).to_contain_text("S22 S23, primary text")
        changed = page.get_by_role("row", name=re.compile("Opening, monday"))
        await expect(changed).to_contain_text("opens 00:00, closes 24:00")
        await expect(changed).to_contain_text("The handbook: opens 08:00, closes 20:00")
        added = page.get_by_role("row", name=re.compile("Plan, at once"))
        await expect(added).to_contain_text("The clinic's own")
        await tab.is_sound("the policy")


@pytest.mark.parametrize(("person", "path"), [("front_desk", "hygiene/calendar"), ("technician", "today"), ("auditor", "today")])
async def test_others_are_told_who_may(clinic: Clinic, person: str, path: str) -> None:
    async with clinic.tab() as tab:
        tab.expected.append("403")
        await tab.be(person)
        await tab.page.goto(at(clinic, path))
        await expect(tab.page.get_by_role("alert")).to_be_visible()
        await expect(tab.page.get_by_text("These roles may:")).to_be_visible()
        await tab.is_sound("refused")
