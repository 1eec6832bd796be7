"""The technician's tablet and hygiene today, in a real browser, before the real program."""

import gzip
import json
from pathlib import Path

from playwright.async_api import expect

from services.hygiene.pages.tablet import MODULES
from services.screens.assets import FOLDER, address
from tests.screens.bench import cards, enter_turnover, fill_cycle, opened, recorded, scan, sent, tablet
from tests.screens.conftest import Clinic
from tests.screens.filmed import FILMED

MOST_JAVASCRIPT = 25_000
CODES = json.loads((Path(__file__).parent / "codes.json").read_text())
BOX = "]d2010950110153000317{}10SP4471"


async def test_a_load_is_logged_on_one_page_its_labels_printed_and_it_is_released(clinic: Clinic) -> None:
    """Also what is missing, all at once, and a cycle that failed."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        await page.locator("#save").click()
        await expect(page.locator("#problem li")).to_have_count(7)
        await expect(page.locator("#problem")).to_be_focused()
        await tab.is_sound("nothing entered")
        await fill_cycle(page, 901, lowest="131.9")
        await expect(page.locator("#judged")).to_contain_text("131.9 °C at second 245 lies outside 132 °C to 135 °C")
        await page.locator("[name=contents]").fill("extractor set")
        await page.get_by_role("button", name="Add a pack").click()
        await page.locator("#save").click()
        await expect(cards(page, "sent")).to_contain_text("Sent: the cycle failed")
        await fill_cycle(page, 902)
        await expect(page.locator("#judged")).to_be_empty()
        own = "0b9e5c0e-3f5a-4c60-8f0c-7e1a7d4d2a11"
        await scan(page, f"]Q1urn:uuid:{own}")
        await page.get_by_role("button", name="Add a pack").click()
        await page.locator('[name=indicator_product][value="rapid_24_minutes"]').check()
        await page.locator("[name=indicator_lot]").fill("BI2207")
        await page.locator("#save").click()
        await sent(page, 2)
        fact = (await recorded(clinic, "cycle.recorded"))[-1]["data"]
        assert (fact["cycle_number"], fact["mechanical"], own in json.dumps(fact["packs"])) == (902, "passed", True)

        await page.get_by_role("link", name="Print labels").click()
        await expect(page.locator(".labels li")).to_have_count(2)
        await tab.is_sound("labels of a load")
        drawn = await page.locator(".labels svg").first.evaluate(
            "(found) => [found.viewBox.baseVal.width > 30, found.getBoundingClientRect().width]"
        )
        assert drawn[0]
        assert 95 < drawn[1] < 110  # the whole code, 27 mm wide
        await page.get_by_role("link", name="Hygiene today").last.click()
        await tab.is_sound("hygiene today")
        await page.get_by_role("button", name="Release cycle 902").click()
        await expect(page.get_by_role("status")).to_contain_text("Released")
        assert [entry["data"]["cycle_id"] for entry in await recorded(clinic, "load.released")][-1] == fact["cycle_id"]


async def test_rooms_handpieces_indicators_and_deliveries_go_the_same_way(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab, on="turnover")
        await tab.is_sound("a room")
        await enter_turnover(page, clinic, 2)
        await sent(page, 1)

        await scan(page, f"]Q1urn:uuid:{clinic.example.handpieces[0]}")  # from any form: the code says where it belongs
        await expect(page.locator("#title")).to_have_text("Log a handpiece")
        await page.locator('[name=ingress_seen][value="no"]').check()
        assert await page.locator("#piece-product").input_value() == "quat wipes"  # as last time
        await page.locator("#piece-wet").fill("125")
        await tab.is_sound("a handpiece")
        await page.locator("#save").dblclick()  # a glove taps twice
        await sent(page, 2)
        assert (await recorded(clinic, "handpiece.reprocessed"))[-1]["data"]["wet_seconds"] == 125

        await scan(page, BOX.format("291231"))
        await expect(page.locator("#scanned")).to_contain_text("Box of lot SP4471 scanned")
        await expect(page.locator("#box")).to_contain_text("Lot SP4471, product 09501101530003, expires on 2029-12-31")
        await page.locator("[name=quantity]").fill("20")
        await tab.is_sound("a delivery")
        await page.locator("#save").click()
        await sent(page, 3)
        await page.get_by_role("link", name="Labels: Delivery of lot SP4471").click()
        await page.get_by_label("How many more?").fill("3")
        await page.get_by_role("button", name="Make labels").click()
        await expect(page.locator(".labels li")).to_have_count(3)
        assert len((await recorded(clinic, "lot.units_labeled"))[-1]["data"]["unit_ids"]) == 3

        await page.goto(f"{tablet(clinic)}#indicator")
        await page.reload()
        await expect(page.locator("#link")).to_have_text("Connected")
        if not await page.locator("[name=cycle_id]").count():
            await fill_cycle(page, 910)
            await page.locator('[name=purpose][value="qualification"]').check()
            await page.locator('[name=indicator_product][value="rapid_24_minutes"]').check()
            await page.locator("[name=indicator_lot]").fill("BI2207")
            await page.locator("#save").click()
            await sent(page, 4)
            await page.locator('.kinds a[href="#indicator"]').click()
        await page.locator("[name=cycle_id]").first.check()
        await page.locator('[name=bi_product][value="rapid_24_minutes"]').check()
        await page.locator("#bi-lot").fill("BI2207")
        await page.locator("[name=control_lot]").fill("BI2208")
        await page.locator("[name=incubation_started_at]").fill("2026-01-01T08:00")
        await page.locator('[name=grew][value="no"]').check()
        await page.locator('[name=control_grew][value="yes"]').check()
        await tab.is_sound("an indicator")
        await page.locator("#save").click()
        await expect(cards(page, "fix")).to_contain_text("The control must be of the indicator's own lot")
        await expect(cards(page, "fix")).to_contain_text("The incubation starts before the cycle ended")


async def test_fluid_inside_is_recorded_once_and_nobody_is_asked_to_correct_it(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab, on="reprocessing")
        before = len(await recorded(clinic, "recall.opened"))
        await scan(page, f"]Q1urn:uuid:{clinic.example.handpieces[1]}")
        await page.locator('[name=ingress_seen][value="yes"]').check()
        await page.locator("#piece-product").fill("quat wipes")
        await page.locator("#piece-wet").fill("125")
        await page.locator("#save").click()
        await expect(cards(page, "sent")).to_contain_text("Sent: fluid inside")
        await expect(cards(page, "sent")).to_contain_text("do not use it")
        await expect(page.locator("#entries button")).to_have_count(0)
        await expect(page.locator("#oldest")).to_have_text("Everything is sent")
        await tab.is_sound("fluid inside")
        identity = await cards(page, "sent").get_attribute("data-entry")
        opened_now = (await recorded(clinic, "recall.opened"))[before:]
        assert [entry["data"]["subject_id"] for entry in opened_now] == [str(clinic.example.handpieces[1])]
        # A tablet of an older deploy that offers to correct it: the door does not take it back.
        body = {"handpiece_id": str(clinic.example.handpieces[1]), "product": "quat_wipes", "wet_seconds": 125, "ingress_seen": False}
        headers = {"Authorization": f"Bearer {clinic.example.people['technician'].token}"}
        where = f"{tablet(clinic).removesuffix('tablet')}reprocessings/{identity}?correction=1"
        answer = await tab.context.request.put(where, data=body | {"occurred_at": opened_now[0]["data"]["window_until"]}, headers=headers)
        assert answer.status == 409
        assert "report a new reprocessing" in await answer.text()
        assert len(await recorded(clinic, "recall.opened")) == before + 1


async def test_whoever_goes_on_while_the_disk_is_slow_loses_and_doubles_nothing(clinic: Clinic) -> None:
    """The next form is open before the first entry is kept: each stays what it was."""
    async with clinic.tab() as tab:
        await tab.context.add_init_script(SLOW_DISK)
        page = await opened(tab, on="turnover")
        before = len(await recorded(clinic, "room.turned_over"))
        await page.evaluate("() => { window.held = new Promise((go) => { window.goOn = go; }); }")
        await enter_turnover(page, clinic)
        await page.locator('.kinds a[href="#reprocessing"]').click()
        await page.locator("#piece-product").fill("other wipes")
        await page.evaluate("() => window.goOn()")
        await expect(page.locator("#saved")).to_contain_text("Saved on this tablet: Room")
        await expect(page.locator("#piece-product")).to_have_value("other wipes")
        await page.locator('.kinds a[href="#turnover"]').click()
        await expect(page.locator("#turnover :checked")).to_have_count(0)
        await expect(cards(page, "sent")).to_have_count(1)
        assert len(await recorded(clinic, "room.turned_over")) == before + 1


SLOW_DISK = """Object.defineProperty(IDBTransaction.prototype, 'oncomplete', {
  set(told) { this.addEventListener('complete', async (event) => { await window.held; told(event); }); },
})"""


async def test_a_scan_is_framed_by_its_identifier_and_by_nothing_else(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab, on="lot")
        await page.locator("[name=quantity]").focus()
        await page.keyboard.type("1")
        await scan(page, BOX.format("240131")[:-8] + "10A-7\x1d21X9", pause=60)  # slow, with a separator
        await expect(page.locator("#box")).to_contain_text("Lot A-7")
        await expect(page.locator("#box")).to_contain_text("serial X9. It has EXPIRED")
        assert await page.locator("[name=quantity]").input_value() == "1"  # nothing leaked

        await page.locator("[name=printed_lot]").focus()
        await page.evaluate(BURST, "5210LOT-A12\n")
        await expect(page.locator("#scanned")).to_contain_text("Scan again")
        assert await page.locator("[name=printed_lot]").input_value() == ""
        await expect(page.locator("#box")).to_contain_text("Lot A-7")
        assert await cards(page, "waiting").count() == 0

        await page.keyboard.type("A]b")  # a person's bracket is theirs
        await page.keyboard.press("Tab")
        assert await page.locator("[name=printed_lot]").input_value() == "A]b"
        await scan(page, "]Q1ASEPSIS\x1dTEST")
        await expect(page.locator("#scanned")).to_have_text("The scanner is set up well.")
        await scan(page, "]Q1ASEPSISTEST")
        await expect(page.locator("#scanned")).to_contain_text("drops separators")
        await scan(page, "]E09501101530003")
        await expect(page.locator("#scanned")).to_contain_text("Not taken: this is not a GS1 code")
        found = await page.evaluate(READ, [address("gs1.js"), [code["scan"] for code in CODES]])
        assert found == [code["says"] for code in CODES]


async def test_the_camera_reads_a_label_without_the_network(clinic: Clinic) -> None:
    """What reads it was loaded with the page, and runs from our own address under the page's policy."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        await tab.context.set_offline(True)
        await page.locator("[name=contents]").fill("extractor set")
        await page.get_by_role("button", name="Camera").click()
        await expect(page.locator("#packs li")).to_have_count(1, timeout=15_000)
        await expect(page.locator("#packs li")).to_contain_text(FILMED[-8:].upper())
        await expect(page.locator("#viewer")).to_be_hidden()


BURST = """(text) => {
  const field = document.activeElement;
  for (const key of text) {
    const named = key === '\\n' ? 'Enter' : key;
    const press = new KeyboardEvent('keydown', { key: named, bubbles: true, cancelable: true });
    if (field.dispatchEvent(press) && named.length === 1) field.value += key;
  }
}"""
READ = """async ([module, scans]) => {
  const { readLabel } = await import(module);
  return scans.map((scan) => { try { return readLabel(scan); } catch (wrong) { return { wrong: wrong.field }; } });
}"""


async def test_nothing_is_covered_by_save_and_the_page_is_small(clinic: Clinic) -> None:
    size = sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in MODULES)
    assert size <= MOST_JAVASCRIPT
    async with clinic.tab(viewport={"width": 820, "height": 700}) as tab:
        page = await opened(tab)
        covered = []
        for _ in range(60):
            await page.keyboard.press("Tab")
            covered.append(await page.evaluate(COVERED))
        assert set(covered) == {False}
        shell = await (await tab.context.request.get(tablet(clinic))).text()
        assert not [person.name for person in clinic.example.people.values() if f">{person.name}" in shell]
        assert "Technician" not in shell
        manifest = await (await tab.context.request.get(f"{tablet(clinic)}/manifest.webmanifest")).json()
        assert manifest["start_url"] == tablet(clinic).removeprefix(clinic.program.address)
        for icon in manifest["icons"]:
            assert (await tab.context.request.get(icon["src"])).ok


COVERED = """() => {
  const focused = document.activeElement;
  if (focused.closest('.savebar') || focused === document.body) return false;
  const [box, bar] = [focused.getBoundingClientRect(), document.querySelector('.savebar').getBoundingClientRect()];
  return box.bottom > bar.top && box.top < bar.bottom;
}"""
