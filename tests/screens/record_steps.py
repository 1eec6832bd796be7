"""Steps of somebody who reads the record, and of somebody who tampers with it."""

import re
import zlib
from typing import Any

from playwright.async_api import Page, expect

from tests.screens.conftest import Clinic, Tab

STARTED = "select index, body from ledger.entries where clinic_id = $1 and type like 'treatment.started.%'"


def record(clinic: Clinic, path: str = "") -> str:
    return clinic.board.removesuffix("board") + "record" + path


def what(page: Page) -> Any:
    return page.locator(".record tbody tr")


async def search(page: Page, **fields: str) -> None:
    """As without JavaScript."""
    for label, value in fields.items():
        field = page.get_by_label(label, exact=True)
        await (field.select_option(value) if label == "Type" else field.fill(value))
    await page.get_by_role("button", name="Search").click()


async def is_asked_once_for_several_letters(page: Page, asked: list[str]) -> None:
    """And whoever types on after a pause does not wait for what they asked first."""
    given_up: list[str] = []
    page.on("requestfailed", lambda sent: given_up.append(sent.url))
    await page.clock.install()
    await page.clock.pause_at(await page.evaluate("() => Date.now() + 1000"))
    await page.route("**/record?about=Pri", lambda _: None)  # an answer that takes for ever
    asked.clear()
    await page.get_by_label("About", exact=True).press_sequentially("Pri")
    await page.clock.run_for(399)
    assert asked == []
    async with page.expect_request("**/record?about=Pri"):
        await page.clock.run_for(1)
    await page.get_by_label("About", exact=True).press_sequentially("ya")
    await page.clock.run_for(400)
    await page.wait_for_url("**/record?about=Priya")
    await expect(page.locator(".counts")).to_contain_text("Priya")
    await expect(what(page).first).to_contain_text("Priya")
    await expect(page.get_by_label("About", exact=True)).to_be_focused()
    assert [url.partition("?")[2] for url in asked] == ["about=Pri", "about=Priya"]
    assert given_up == asked[:1]


async def is_answered_again_after_an_outage(tab: Tab) -> None:
    """What is listed never passes for the answer to another question."""
    page = tab.page
    tab.expected.append("ERR_FAILED")
    await page.route("**/record?about=Priyanka", lambda route: route.abort())
    await page.get_by_label("About", exact=True).press_sequentially("nka")
    await page.clock.run_for(400)
    await expect(page.get_by_role("status")).to_contain_text("There is no answer.")
    assert page.url.endswith("?about=Priya")
    await page.unroute("**/record?about=Priyanka")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Nothing is called “Priyanka”")
    await page.wait_for_url("**/record?about=Priyanka")
    await page.clock.resume()


async def tamper(clinic: Clinic, index: int, body: bytes) -> None:
    """Somebody with every right on the server, and the triggers switched off."""
    owner = clinic.stage.owner
    await owner.execute("set session_replication_role = replica")
    await owner.execute("update ledger.entries set body = $3 where clinic_id = $1 and index = $2", clinic.example.clinic_id, index, body)
    await owner.execute("set session_replication_role = origin")


async def taken(tab: Tab, name: str) -> bytes:
    """A file that the page gives away."""
    async with tab.page.expect_download() as waiting:
        await tab.page.get_by_role("link", name=f"These entries as {name}").click()
    path = await (await waiting.value).path()
    return path.read_bytes()


async def exports(clinic: Clinic) -> int:
    """How often somebody took the record away, as it says itself."""
    entries = (await clinic.ask("GET", "/ledger?limit=500", person="auditor"))["entries"]
    return [entry["data"].get("question") for entry in entries].count("record_export")


def streams(document: bytes) -> list[bytes]:
    """What lies compressed in a PDF: enough of its format to find what was attached."""
    found: list[bytes] = []
    for start in re.finditer(rb"stream\r?\n", document):
        try:
            found.append(zlib.decompressobj().decompress(document[start.end() :]))
        except zlib.error:
            continue
    return found
