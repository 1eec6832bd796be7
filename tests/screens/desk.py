"""What somebody at the front desk does again and again."""

import asyncio
import re
from datetime import UTC, datetime

from playwright.async_api import Locator, Page, Request, expect

from tests.screens.conftest import Clinic, Tab
from tests.screens.keys import choose, press, write


def card(page: Page, name: str) -> Locator:
    return page.locator("li.card", has=page.get_by_role("link", name=re.compile(name)))


async def opened(page: Page, name: str) -> None:
    """A booking's own page."""
    link = page.get_by_role("link", name=re.compile(name))
    await page.goto(str(await link.get_attribute("href")))


async def opened_by_keys(page: Page, name: str) -> None:
    """The same in the panel beside the board."""
    await press(page, page.get_by_role("link", name=re.compile(name)))
    await expect(page.locator("#panel h1")).to_be_focused()


async def book_by_keys(tab: Tab, given: str) -> None:
    """A new client and a booking for them, from the board, without a mouse."""
    page = tab.page
    await press(page, page.get_by_role("link", name="New booking"))
    born = page.get_by_label("Date of birth")
    await expect(born).to_be_focused()
    await page.keyboard.type("02291984")
    await expect(born).to_have_value("1984-02-29")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Nobody is known")).to_be_visible()
    await tab.is_sound("nobody known")
    await write(page, page.get_by_label("Given name"), given)
    await write(page, page.get_by_label("Family name"), "Jansen")
    await write(page, page.get_by_label("Phone"), "+31612345678")
    await press(page, page.get_by_role("button", name="Register"))
    await choose(page, page.get_by_label("Visit"), "Consultation", "consultation")
    await choose(page, page.get_by_label("Minutes"), "30", "30")
    await choose(page, page.get_by_label("With", exact=True), "Priya")
    await press(page, page.get_by_role("button", name="Show free slots"))
    await expect(page.locator(".slots button").first).to_be_visible()
    await tab.is_sound("free slots")
    await press(page, page.locator(".slots button").first)
    await page.wait_for_url("**/board?on=*done=booked*")


async def sent_again(tab: Tab, form: Request) -> None:
    """The same form once more, as a double click sends it: answered alike."""
    headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    again = await tab.context.request.post(form.url, data=form.post_data, headers=headers)
    assert (again.status, "done=walked_in" in again.url) == (200, True), await again.text()


async def seen_after(clinic: Clinic, page: Page, name: str, number: int) -> float:
    """Milliseconds from another program's answer until the card is there."""
    who, minutes = number % 3, 90 * (number // 3)  # early, before any other test's, and never two in one room
    practitioner = ("practitioner", "practitioner_2", "practitioner_3")[who]
    visit = clinic.visit(await clinic.client(name), practitioner, who, f"{minutes // 60:02}:{minutes % 60:02}")
    waiting = asyncio.create_task(page.wait_for_function(SHOWN, arg=name, polling="raf"))
    await asyncio.sleep(0.05)
    await clinic.ask("POST", "/bookings", visit)
    answered = datetime.now(UTC).timestamp() * 1000  # noqa: TID251 - a stopwatch across two processes
    return float(await (await waiting).json_value()) - answered


SHOWN = """(name) => [...document.querySelectorAll('#board a.open')].some((found) => found.textContent.includes(name))
  && performance.timeOrigin + performance.now()"""
