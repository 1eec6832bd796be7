"""The clinic day, as each of its people clicks and scans it in a browser of their own."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from playwright.async_api import Page, expect

from tests.faults.morning import messages
from tests.screens.bench import LOST, cards, fill_cycle, recorded, scan
from tests.screens.conftest import Clinic, Tab
from tests.screens.desk import card, opened
from tests.screens.signing import draw

GIVEN, FAMILY, BORN = "Ana", "Silva", "1990-05-17"
NAME = f"{GIVEN} {FAMILY}"
CYCLE, LOT, INDICATOR_LOT = 950, "SP4471", "BI2211"
AWAY = (*LOST, "network", "fetch")
"""What browsers say of a server that is not there."""

SENT = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}


@dataclass
class Visit:
    """What the front desk booked."""

    clinic: Clinic
    client_id: str
    booking_id: str
    room_id: str

    @property
    def room(self) -> int:
        return [str(room) for room in self.clinic.example.rooms].index(self.room_id)

    @property
    def chair(self) -> str:
        return f"/clinics/{self.clinic.example.clinic_id}/chair"


@asynccontextmanager
async def outage(*tabs: Tab) -> AsyncIterator[None]:
    """Meanwhile, and only meanwhile, these may complain that nobody answers."""
    before = [len(tab.complaints) for tab in tabs]
    yield
    for tab, said in zip(tabs, before, strict=True):
        tab.complaints[said:] = [words for words in tab.complaints[said:] if not any(word in words for word in AWAY)]


# The front desk.


async def books(tab: Tab, *, on: date | None = None) -> str:
    """A treatment in the first free slot of today or of another day; the first time, the client is registered. Gives the booking's id."""
    page = tab.page
    await page.get_by_role("link", name="New booking").click()
    await page.get_by_label("Date of birth").fill(BORN)
    await page.get_by_role("button", name="Find").click()
    if on is None:
        await page.get_by_label("Given name").fill(GIVEN)
        await page.get_by_label("Family name").fill(FAMILY)
        await page.get_by_label("Phone").fill("+31612345678")
        await page.get_by_role("button", name="Register").click()
    else:
        await page.get_by_role("link", name=NAME).click()
    await page.get_by_label("Visit").select_option("treatment")
    await page.get_by_label("Minutes").select_option("30")
    await page.get_by_label("Cheeks", exact=True).check()
    await page.get_by_label("Depth in mm").fill("1")
    if on is not None:
        await page.get_by_label("On", exact=True).fill(str(on))
    await page.get_by_label("With", exact=True).select_option(label="Priya")
    await page.get_by_role("button", name="Show free slots").click()
    await page.locator(".slots button").first.click()
    await page.wait_for_url("**/board?on=*done=booked*")
    await expect(card(page, NAME)).to_contain_text("Booked")
    return str(await card(page, NAME).get_attribute("id")).removeprefix("booking-")


async def visit_of(clinic: Clinic, booking_id: str) -> Visit:
    """The booking as a program sees it."""
    found = (await clinic.ask("GET", f"/bookings/{booking_id}"))["visit"]
    return Visit(clinic, found["client_id"], booking_id, found["room_id"])


async def sees_arrive(tab: Tab) -> None:
    """The client stands at the desk."""
    page = tab.page
    await opened(page, NAME)
    await page.get_by_label("I compared name and date of birth").check()
    await page.get_by_role("button", name="The client is here").click()
    await expect(card(page, NAME)).to_contain_text("Here")
    await expect(page.locator("#live")).to_have_text("Live")


# The technician.


async def is_kept(page: Page, what: str) -> None:
    """It is on the tablet's disk, and the form is free for the next one."""
    await expect(page.locator("#saved")).to_contain_text(f"Saved on this tablet: {what}")


async def logs_a_load(page: Page, pack: str) -> None:
    """A load with one pack and a biological indicator, over for an hour."""
    await fill_cycle(page, CYCLE)
    earlier = "([at, minutes]) => new Date(new Date(at + 'Z').getTime() - minutes * 60000).toISOString().slice(0, 16)"
    ended = await page.locator("[name=ended_at]").input_value()
    for field, minutes in (("ended_at", 60), ("started_at", 100)):
        await page.locator(f"#cycle [name={field}]").fill(await page.evaluate(earlier, [ended, minutes]))
    await page.locator("[name=contents]").fill("extractor set")
    await page.locator("h1").click()
    await scan(page, f"]Q1urn:uuid:{pack}")
    await expect(page.locator("#packs li")).to_have_count(1)
    await page.locator('[name=indicator_product][value="rapid_24_minutes"]').check()
    await page.locator("[name=indicator_lot]").fill(INDICATOR_LOT)
    await page.locator("#save").click()
    await is_kept(page, "MX-40021 · cycle")
    await expect(cards(page, "sent")).to_have_count(1)


async def takes_in_a_box(page: Page, clinic: Clinic) -> None:
    """Cartridges came, for whose codes any form is open."""
    expiry = (datetime.now(UTC) + timedelta(days=400)).strftime("%y%m%d")  # noqa: TID251 - the maker's calendar
    await scan(page, f"]d201{clinic.example.gtin}17{expiry}10{LOT}")
    await expect(page.locator("#box")).to_contain_text(f"Lot {LOT}")
    await page.locator("[name=quantity]").fill("20")
    await page.locator("#save").click()
    await is_kept(page, "Delivery")
    await expect(cards(page, "sent")).to_have_count(2)


async def labels_and_releases(page: Page, clinic: Clinic) -> list[str]:
    """Labels for two cartridges, then the load. Gives the cartridges' ids."""
    await page.get_by_role("link", name=f"Labels: Delivery of lot {LOT}").click()
    await page.get_by_label("How many more?").fill("2")
    await page.get_by_role("button", name="Make labels").click()
    await expect(page.locator(".labels li")).to_have_count(2)
    await page.get_by_role("link", name="Hygiene today").first.click()
    await page.get_by_role("button", name=f"Release cycle {CYCLE}").click()
    await expect(page.get_by_role("status")).to_contain_text("Released")
    await page.get_by_role("link", name="Log on the tablet").click()
    await expect(page.locator("#link")).to_have_text("Connected")
    units = (await recorded(clinic, "lot.units_labeled"))[-1]["data"]["unit_ids"]
    return [str(unit) for unit in units]


async def disinfects_a_handpiece(page: Page) -> None:
    await page.locator('.kinds a[href="#reprocessing"]').click()
    form = page.locator("#reprocessing")
    await form.get_by_label("PEN-0001").check()
    await form.locator('[name=ingress_seen][value="no"]').check()
    await form.locator("[name=product]").fill("quat wipes")
    await form.locator("[name=wet_seconds]").fill("130")
    await form.locator("[name=label_seconds]").fill("120")
    await page.locator("#save").click()
    await is_kept(page, "Handpiece PEN-0001")


async def reads_the_indicator(page: Page) -> None:
    """The spores of the load grew."""
    await page.locator('.kinds a[href="#indicator"]').click()
    form = page.locator("#indicator")
    await form.get_by_label(re.compile(f"cycle {CYCLE}")).check()
    await form.locator('[name=bi_product][value="rapid_24_minutes"]').check()
    await form.locator("[name=lot]").fill(INDICATOR_LOT)
    await form.locator("[name=control_lot]").fill(INDICATOR_LOT)
    began = "() => new Date(Date.now() - new Date().getTimezoneOffset() * 60000 - 50 * 60000).toISOString().slice(0, 16)"
    await form.locator("[name=incubation_started_at]").fill(await page.evaluate(began))
    await form.locator('[name=grew][value="yes"]').check()
    await form.locator('[name=control_grew][value="yes"]').check()
    await page.locator("#save").click()
    await is_kept(page, "Indicator")


# The client, with the clinic's tablet in their hands.


async def answers_up_to(tab: Tab, number: int) -> int:
    """Begins, and stops at a question. Gives how many there are."""
    page = tab.page
    await page.get_by_role("link", name="Begin").click()
    for asked in range(1, number):
        await expect(page.locator(".nth")).to_contain_text(f"Question {asked} of")
        await page.get_by_role("button", name="No", exact=True).click()
    await expect(page.locator(".nth")).to_contain_text(f"Question {number} of")
    return int((await page.locator(".nth").inner_text()).split()[-1])


async def goes_on_and_signs(tab: Tab, number: int, last: int) -> None:
    """The rest of the questions, from the page that was open, and the text."""
    page = tab.page
    await page.get_by_role("button", name="No", exact=True).click()
    await expect(page.locator(".nth")).to_contain_text(f"Question {number + 1} of")
    here = page.url.rpartition("/")[0]
    for between in range(number + 1, last):  # as their pages send them, without opening forty of them
        sent = await tab.context.request.post(f"{here}/{between}", data="answer=no", headers=SENT, max_redirects=0)
        assert sent.status == 303, await sent.text()
    await page.goto(f"{here}/{last}")
    await page.get_by_role("button", name="No", exact=True).click()
    await page.get_by_role("button", name="Send my answers").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Read and sign")
    await draw(page)
    await page.get_by_role("button", name="I agree and sign").click()
    await expect(page.get_by_text("Please hand the tablet back.")).to_be_visible()


async def link_of(clinic: Clinic, client_id: str) -> str:
    """The link that was sent to the client's phone."""
    assert clinic.program.settings.spool is not None
    async with asyncio.timeout(20):
        while True:
            for message in messages(clinic.program.settings.spool):
                if message["template"] == "checkin_due" and message["recipient_id"] == client_id:
                    return str(message["parameters"]["link"])
            await asyncio.sleep(0.05)


# What the record says of it all.


async def size(clinic: Clinic) -> int:
    """How many entries there are."""
    return int(await clinic.stage.owner.fetchval("select count(*) from ledger.entries where clinic_id = $1", clinic.example.clinic_id))


async def told(clinic: Clinic, since: int) -> list[tuple[str, dict[str, Any]]]:
    """Type and data of the entries behind the first `since`, in order."""
    query = "select type, convert_from(body, 'UTF8') from ledger.entries where clinic_id = $1 and index >= $2 order by index"
    rows = await clinic.stage.owner.fetch(query, clinic.example.clinic_id, since)
    return [(kind.rpartition(".v")[0], json.loads(body)["data"]) for kind, body in rows]
