"""What somebody at the sterilizer does again and again, on a tablet."""

import json
import re
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.screens.conftest import Clinic, Tab

READY = "Ready: this page opens without the network"
LOST = ("Failed to load resource", "net::ERR", "ERR_")
"""What a browser itself says of each request that did not arrive."""


def tablet(clinic: Clinic) -> str:
    return f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/tablet"


async def opened(tab: Tab, *, on: str = "cycle") -> Page:
    """Signed in, connected, and ready to go on without the network."""
    tab.expected += LOST
    await tab.be("technician")
    await tab.page.goto(f"{tablet(tab.clinic)}#{on}")
    await expect(tab.page.locator("#link")).to_have_text("Connected")
    await expect(tab.page.locator("#shell")).to_have_text(READY)
    await expect(tab.page.locator("#turnover [name=room_id]")).to_have_count(len(tab.clinic.example.rooms))
    return tab.page


async def enter_turnover(page: Page, clinic: Clinic, room: int = 0, *, wet: int = 130) -> None:
    """A room was turned over: the whole form."""
    await page.locator('.kinds a[href="#turnover"]').click()
    form = page.locator("#turnover")
    await form.locator(f'[value="{clinic.example.rooms[room]}"]').check()
    for step in await form.locator("[name=steps]").all():
        await step.check()
    await form.locator("[name=product]").fill("quat wipes")
    await form.locator("[name=wet_seconds]").fill(str(wet))
    await form.locator("[name=label_seconds]").fill("120")
    await page.locator("#save").click()


async def fill_cycle(page: Page, number: int, *, lowest: str = "132.6") -> None:
    """A load that was read off the printout, but for its packs."""
    await page.locator('.kinds a[href="#cycle"]').click()
    form = page.locator("#cycle")
    await form.locator("[name=sterilizer_id]").first.check()
    await form.locator("[name=cycle_number]").fill(str(number))
    await form.locator('[name=program][value="prevac_wrapped_132"]').check()
    await page.get_by_role("button", name="It ended now").click()
    ended = await form.locator("[name=ended_at]").input_value()
    await form.locator("[name=started_at]").fill(await page.evaluate(EARLIER, ended))
    for at, (second, degrees) in enumerate([("0", "133.1"), ("245", lowest)]):
        row = page.locator("#samples li").nth(at)
        await row.locator("input").first.fill(second)
        await row.locator("input").last.fill(degrees)
    await form.locator('[name=external_indicator][value="changed"]').check()
    await form.locator('[name=internal_indicator][value="changed"]').check()


EARLIER = "(at) => { const was = new Date(new Date(at + 'Z').getTime() - 40 * 60000); return was.toISOString().slice(0, 16); }"


def cards(page: Page, state: str) -> Locator:
    return page.locator(f'#entries [data-state="{state}"]')


async def sent(page: Page, count: int) -> None:
    """So many entries have their answer; the others say what is the matter."""
    await expect(page.locator("#entries")).to_have_text(re.compile(f"(Sent.*){{{count}}}", re.DOTALL), timeout=20_000)
    await expect(cards(page, "sent")).to_have_count(count)


async def scan(page: Page, text: str, *, pause: float = 0) -> None:
    """The keys of a scanner, as slowly as a busy tablet takes them."""
    for sign in text:
        await page.keyboard.press("Control+]" if sign == "\x1d" else sign)
        if pause:
            await page.wait_for_timeout(pause)
    await page.keyboard.press("Enter")


async def recorded(clinic: Clinic, kind: str) -> list[dict[str, Any]]:
    """The ledger's entries of a type, in order."""
    query = "select convert_from(body, 'UTF8') from ledger.entries where clinic_id = $1 and type = $2 order by index"
    found = await clinic.stage.owner.fetch(query, clinic.example.clinic_id, f"{kind}.v1")
    return [json.loads(row[0]) for row in found]
