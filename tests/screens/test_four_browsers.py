"""The clinic day by front desk, technician, practitioner and client at once, each in a browser of their own; an auditor looks at it.

Meanwhile the tablet at the sterilizer loses the network, and the program is killed.
"""

import asyncio
import re
import signal
from collections import Counter
from contextlib import AsyncExitStack
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from tests.screens import bench, desk, recovering, room, signing
from tests.screens.conftest import Clinic, Tab
from tests.screens.day_steps import (
    NAME,
    Visit,
    answers_up_to,
    books,
    disinfects_a_handpiece,
    goes_on_and_signs,
    is_kept,
    labels_and_releases,
    link_of,
    logs_a_load,
    outage,
    reads_the_indicator,
    sees_arrive,
    size,
    takes_in_a_box,
    told,
    visit_of,
)

STOPPED_AT = 3
"""The question that is open on the client's tablet while the program is dead."""

KEPT = ("room.turned_over", "handpiece.reprocessed")
"""What the technician's tablet keeps meanwhile."""

ONCE = dict.fromkeys(
    (
        *("client.registered", "client.arrived", "booking.flagged"),
        *("cycle.recorded", "load.released", "indicator.read", "sterilizer.removed", "recall.opened", "incident.opened"),
        *("lot.received", "lot.units_labeled", "cartridge.opened", "handpiece.reprocessed"),
        *("consent.signed", "screening.answered", "skin.cleansed", "checkin.answered"),
        *("treatment.refused", "treatment.started", "treatment.stop_advised", "treatment.ended"),
    ),
    1,
)
TWICE = dict.fromkeys(("booking.requested", "booking.confirmed", "consent.requested", "room.turned_over"), 2)
"""Everything that the day records, so often: nobody's deed is missing, and none is doubled."""

BESIDE = ("checkin.due", "record.viewed")
"""What also comes by itself later, and what an auditor's looking leaves."""


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_the_clinic_day_is_walked_by_four_browsers_at_once(clinic: Clinic) -> None:
    before = await size(clinic)
    pack = str(uuid4())
    async with AsyncExitStack() as open_tabs:
        front, technician, practitioner = [await open_tabs.enter_async_context(clinic.tab()) for _ in range(3)]
        client = await open_tabs.enter_async_context(clinic.tab(**signing.TABLET))
        phone = await open_tabs.enter_async_context(clinic.tab(**recovering.PHONE))
        auditor = await open_tabs.enter_async_context(clinic.tab())
        practitioner.expected.append("409")  # the refused start

        visit, units = await asyncio.gather(_front_desk_books(front), _technician_prepares(technician, pack))
        await _client_arrives(front, practitioner, visit)
        await signing.handed(client, visit.client_id, questions="All of them")
        _, _, last = await asyncio.gather(
            _start_is_refused(practitioner, visit),
            _technician_goes_on_without_network(technician, visit),
            answers_up_to(client, STOPPED_AT),
        )
        await _program_dies_and_comes_back(front, technician, practitioner, visit)
        await goes_on_and_signs(client, STOPPED_AT, last)
        await expect(practitioner.page.get_by_text("3 things are missing")).to_be_visible()
        treatment_id = await _start_is_allowed(practitioner, front, units[0], pack)
        await _indicator_reads_positive(technician, practitioner, front, visit)
        await _treatment_ends(practitioner, front)
        await asyncio.gather(_client_answers_on_the_phone(phone, visit), _auditor_looks(auditor, treatment_id, visit))
    record = await told(clinic, before)
    assert Counter(kind for kind, _ in record if kind not in BESIDE) == ONCE | TWICE
    reasons = [finding["rule"] for kind, data in record if kind == "treatment.refused" for finding in data["findings"]]
    assert {"consent_must_cover_areas_and_depth", "room_must_be_turned_over", "skin_must_be_cleansed"} < set(reasons)
    asked = [data["checkin_id"] for kind, data in record if kind == "checkin.due"]
    assert len(asked) == len(set(asked))


async def _front_desk_books(tab: Tab) -> Visit:
    """Today, and the next time in six weeks."""
    await tab.sign_in()
    booking_id = await books(tab)
    await books(tab, on=_next_time(tab.clinic))
    await tab.page.get_by_role("link", name="Today", exact=True).click()
    await expect(tab.page.locator("#live")).to_have_text("Live")
    return await visit_of(tab.clinic, booking_id)


async def _technician_prepares(tab: Tab, pack: str) -> list[str]:
    page = await bench.opened(tab)
    await logs_a_load(page, pack)
    await takes_in_a_box(page, tab.clinic)
    return await labels_and_releases(page, tab.clinic)


async def _client_arrives(front: Tab, practitioner: Tab, visit: Visit) -> None:
    """The practitioner's list says so by itself."""
    page = practitioner.page
    await practitioner.be("practitioner")
    await page.goto(visit.chair)
    await expect(page.locator("#live")).to_have_text("Live")
    await expect(page.get_by_role("region", name="Expected")).to_contain_text(NAME)
    await sees_arrive(front)
    await expect(page.get_by_role("region", name="Here")).to_contain_text(NAME)


async def _start_is_refused(tab: Tab, visit: Visit) -> None:
    """Too early: every reason at once, and nothing has begun."""
    page = tab.page
    await page.get_by_role("link", name=NAME).click()
    await expect(page.get_by_text("8 things are missing")).to_be_visible()
    await page.get_by_role("button", name="Start treatment").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The treatment cannot start yet")
    await expect(alert.get_by_role("link")).to_have_count(8)
    for about in ("Consent", "Room", "Handpiece", "Cartridges", "Cleansing"):
        await expect(alert.get_by_role("link", name=re.compile(f"^{about}: "))).to_have_count(1)
    await expect(page.locator("#live")).to_have_text("Live")
    assert (await tab.clinic.ask("GET", f"/bookings/{visit.booking_id}"))["state"] == "confirmed"


async def _technician_goes_on_without_network(tab: Tab, visit: Visit) -> None:
    await tab.context.set_offline(True)
    await bench.enter_turnover(tab.page, tab.clinic, visit.room)
    await is_kept(tab.page, "Room")
    await disinfects_a_handpiece(tab.page)
    await expect(bench.cards(tab.page, "waiting")).to_have_count(2)
    await tab.page.reload()
    await expect(tab.page.locator("#link")).to_contain_text("2 not sent")


async def _program_dies_and_comes_back(front: Tab, technician: Tab, practitioner: Tab, visit: Visit) -> None:
    """Whoever looks on is told, and told again; what waits on the tablet comes once, in its order."""
    clinic, other_room = front.clinic, (visit.room + 1) % 3
    watched = [front.page.locator("#live"), practitioner.page.locator("#live")]
    since = await size(clinic)
    async with outage(front, practitioner):
        await clinic.program.end(signal.SIGKILL)
        await asyncio.gather(
            *(expect(live).to_contain_text("Connection lost") for live in watched),
            bench.enter_turnover(technician.page, clinic, other_room),
        )
        await expect(bench.cards(technician.page, "waiting")).to_have_count(3)
        await clinic.program.start()
        await technician.context.set_offline(False)
        await asyncio.gather(*(expect(live).to_have_text("Live", timeout=10_000) for live in watched))
    await expect(bench.cards(technician.page, "sent")).to_have_count(5, timeout=20_000)
    await expect(technician.page.locator("#link")).to_have_text("Connected")
    first, then = (str(clinic.example.rooms[number]) for number in (visit.room, other_room))
    came = [(kind, data.get("room_id") or data.get("handpiece_id")) for kind, data in await told(clinic, since) if kind in KEPT]
    assert came == [("room.turned_over", first), ("handpiece.reprocessed", str(clinic.example.handpieces[0])), ("room.turned_over", then)]


async def _start_is_allowed(practitioner: Tab, front: Tab, unit: str, pack: str) -> str:
    """What others put right is seen already; the rest is scanned and recorded. The board says so by itself. Gives the treatment's id."""
    page = practitioner.page
    await room.scan(page, "PEN-0001", unit, pack)
    await page.get_by_label("Its indicator has changed").check()
    await page.get_by_label("Dry and whole").check()
    await page.locator("#cleanse").get_by_label("Product").fill("Chlorhexidine")
    await page.get_by_role("button", name="The skin is cleansed").click()
    await expect(page.get_by_text("Ready to start")).to_be_visible()
    await page.get_by_role("button", name="Start treatment").click()
    await page.wait_for_url("**/chair/treatments/*done=started")
    await expect(desk.card(front.page, NAME)).to_contain_text("In treatment")
    return page.url.rpartition("/")[2].partition("?")[0]


async def _indicator_reads_positive(technician: Tab, practitioner: Tab, front: Tab, visit: Visit) -> None:
    """The recall is seen at once: at the chair, and on the board of the client's next time."""
    front_page, page = front.page, practitioner.page
    await front_page.goto(f"{front.clinic.board}?on={_next_time(front.clinic)}")
    await expect(front_page.locator("#live")).to_have_text("Live")
    await expect(desk.card(front_page, NAME)).not_to_contain_text("Ask the clinician")
    await expect(page.locator("#live")).to_have_text("Live")
    await reads_the_indicator(technician.page)
    await expect(bench.cards(technician.page, "sent")).to_have_count(6)
    await expect(page.get_by_role("alert")).to_contain_text("Stop the treatment")
    await expect(desk.card(front_page, NAME)).to_contain_text("Ask the clinician before this goes on.")
    await technician.page.get_by_role("link", name="Hygiene today").first.click()
    await expect(technician.page.get_by_role("region", name="Recalls")).to_contain_text("1 pack in doubt, 1 client to be reached.")
    recalls: Any = await technician.clinic.ask("GET", "/recalls", person="technician")
    assert [recall["client_ids"] for recall in recalls] == [[visit.client_id]]


async def _treatment_ends(practitioner: Tab, front: Tab) -> None:
    page = practitioner.page
    await front.page.get_by_role("link", name="Today", exact=True).click()
    await expect(front.page.locator("#live")).to_have_text("Live")
    await expect(desk.card(front.page, NAME)).to_contain_text("In treatment")
    await page.get_by_role("link", name="End treatment").click()
    await page.locator('[data-area="chin"]').click()
    await page.locator('[data-area="chin"]').click()
    await page.get_by_label("Depth in mm, everywhere").fill("0.8")
    for label in ("The skin is cleansed", "Cartridges and sharps", "Aftercare is explained"):
        await page.get_by_label(label).check()
    await page.get_by_role("button", name="End treatment").click()
    await expect(page.get_by_text("The treatment has ended.")).to_be_visible()
    await expect(page.get_by_text("Cheeks 0.8 mm")).to_be_visible()
    await expect(desk.card(front.page, NAME)).to_contain_text("Done")


async def _client_answers_on_the_phone(tab: Tab, visit: Visit) -> None:
    await tab.page.goto(tab.clinic.program.address + await link_of(tab.clinic, visit.client_id))
    await tab.page.get_by_role("link", name="Begin").click()
    await recovering.nothing(tab.page, 4)
    await tab.page.get_by_role("button", name="Send").click()
    await expect(tab.page.get_by_role("heading", level=1)).to_have_text("Thank you")


async def _auditor_looks(tab: Tab, treatment_id: str, visit: Visit) -> None:
    """The refused start, what stands behind the one that was allowed, whom the sterilizer touched, and the chain."""
    page, rows = tab.page, tab.page.locator(".record tbody tr")
    await tab.be("auditor")
    await page.goto(tab.clinic.board.removesuffix("/board"))
    await page.wait_for_url("**/record")
    await page.get_by_label("Type", exact=True).select_option("treatment.refused")
    await page.get_by_role("button", name="Search").click()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text("A start was refused")
    await page.get_by_label("Type", exact=True).select_option("")
    await page.get_by_label("About", exact=True).fill(treatment_id)
    await page.get_by_role("button", name="Search").click()
    await page.get_by_role("link", name="What stands behind it").click()
    picture, who = page.locator(".picture svg"), f"Client {visit.client_id[:4].upper()}"
    await expect(picture).to_contain_text(who)
    await picture.get_by_role("link", name=f"Sterilizer {str(tab.clinic.example.sterilizer_id)[:4].upper()}").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Whom Sterilizer")
    await expect(picture).to_contain_text(who)
    await page.goto(tab.clinic.board.removesuffix("board") + "record/chain")
    await page.get_by_role("button", name="Check every entry").click()
    await expect(page.get_by_role("status")).to_contain_text("entries, chain intact.")


def _next_time(clinic: Clinic) -> date:
    """Six weeks from today."""
    return clinic.tomorrow + timedelta(days=41)
