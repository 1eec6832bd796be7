"""At the chair: from the checklist to the end of a treatment, in a real browser, before the real program."""

import asyncio
import gzip
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page, Request, Route, expect

from services.screens.assets import FOLDER
from tests.screens.chair import (
    be_refused_with_every_reason,
    be_stopped,
    call_in,
    end_it,
    pause_and_supply,
    put_it_right,
    scan_in_a_row,
    start_it_once,
)
from tests.screens.conftest import Clinic
from tests.screens.room import Room, ago, scan


@pytest.mark.timeout(120)  # many pages, each looked at in light, in dark and small
async def test_what_is_missing_is_said_put_right_and_started_once(clinic: Clinic) -> None:
    room = Room(clinic, "practitioner", 0)
    await room.book("Ana")
    async with clinic.tab() as tab:
        tab.expected += ["409", "422"]
        await tab.be("practitioner")
        await call_in(tab, room)
        await be_refused_with_every_reason(tab)
        await put_it_right(tab, room)
        await room.end(await start_it_once(tab, room))


@pytest.mark.timeout(120)  # many pages, each looked at in light, in dark and small
async def test_a_treatment_is_paused_supplied_stopped_and_ended(clinic: Clinic) -> None:
    room = Room(clinic, "practitioner_2", 1)
    await room.everything("Bo", 1)
    treatment_id = await room.start(1)
    async with clinic.tab() as tab:
        tab.expected += ["409", "422"]
        await tab.be("practitioner_2")
        await tab.page.goto(f"{room.chair}/treatments/{treatment_id}")
        await tab.is_sound("a treatment")
        await pause_and_supply(tab, room, treatment_id)
        await be_stopped(tab, room, treatment_id)
        await end_it(tab, room, treatment_id)


async def test_the_clock_of_numbing_cream_runs_from_the_servers_time_and_says_its_milestones_once(clinic: Clinic) -> None:
    room = Room(clinic, "practitioner", 0)
    await room.book("Eef", minutes=120)
    cream = {"product": "lidocaine_cream", "lidocaine_permille": 40, "milligrams": 2000, "areas": ["cheeks"], "occurred_at": ago(10)}
    await clinic.ask("PUT", f"/bookings/{room.booking_id}/numbings/{uuid4()}", cream, "practitioner")
    async with clinic.tab() as tab:
        page, clock, milestone = tab.page, tab.page.locator(".timer .clock"), tab.page.locator("#milestone")
        tab.expected += ["ERR_", "network", "fetch"]  # an hour without an answer, as far as the page knows
        await page.clock.install(time=datetime(2031, 5, 4, tzinfo=UTC))  # this device's own clock is wrong by years
        await tab.be("practitioner")
        await page.goto(room.page)
        await expect(clock).to_have_text(re.compile(r"^10:\d\d min$"))
        await expect(page.get_by_text("It works: it may come off at 20 minutes.")).to_be_visible()
        await expect(milestone).to_have_text("")
        await expect(page.locator("#live")).to_have_text("Live")  # or the hour below would pass while it waits for an answer
        for minutes, tone, said in ((11, "green", "It may come off"), (25, "amber", "Take it off: at 60"), (15, "red", "Take it off now")):
            await page.clock.fast_forward(minutes * 60_000)
            await expect(milestone).to_contain_text(said)
            await expect(page.locator(f".timer.{tone}")).to_contain_text(said)
        await expect(clock).to_have_text("1 h 1 min")
        await page.reload()
        await expect(clock).to_have_text(re.compile(r"^10:\d\d min$"))


async def test_a_clinician_lets_a_rule_pass_and_two_tabs_start_one_treatment(clinic: Clinic) -> None:
    """The client is younger than the device is cleared for."""
    room = Room(clinic, "practitioner_3", 2)
    young = datetime.now(UTC).year - 20  # noqa: TID251 - a birthday
    await room.everything("Cato", 0, f"{young}-01-02")
    named = f"{room.page}?handpiece={clinic.example.handpieces[0]}&cartridge={room.units[0]}"
    async with clinic.tab() as one, clinic.tab() as other, clinic.tab() as clinician:
        clinician.expected.append("409")
        for tab in (one, other):
            await tab.be("practitioner_3")
            await tab.page.goto(named)
            await expect(tab.page.get_by_text("a clinician must acknowledge it")).to_be_visible()
            await expect(tab.page.get_by_role("link", name="Let it pass")).to_have_count(0)
            await expect(tab.page.locator("#live")).to_have_text("Live")
        await clinician.be("clinician")
        await clinician.page.goto(f"{room.chair}?whose=all")
        await clinician.page.get_by_role("link", name="Cato Visser").click()
        await clinician.page.get_by_role("link", name="Let it pass (Age)").click()
        await clinician.is_sound("let it pass")
        await clinician.page.get_by_role("button", name="Let it pass").click()
        await expect(clinician.page.get_by_text("this booking may pass that rule")).to_be_visible()
        await expect(one.page.get_by_text("Ready to start")).to_be_visible()
        await asyncio.gather(*(tab.page.get_by_role("button", name="Start treatment").click() for tab in (one, other)))
        for tab in (one, other):
            await tab.page.wait_for_url("**/chair/treatments/*done=started")
        assert one.page.url == other.page.url
        assert await room.started() == 1
        await _one_pauses_and_the_other_goes_on(one.page, other.page)
        await room.end(one.page.url.rpartition("/")[2].partition("?")[0])
        for tab in (one, other):
            await expect(tab.page.get_by_role("link", name="See what was done")).to_be_visible()
            await expect(tab.page.get_by_role("link", name="End treatment")).to_be_hidden()
            await expect(tab.page.get_by_role("button", name="Pause")).to_be_hidden()
        await one.is_sound("ended elsewhere")


async def _one_pauses_and_the_other_goes_on(one: Page, other: Page) -> None:
    """What another tablet does is offered no more here, and what follows from it is."""
    for presses, sees, button, follows in ((one, other, "Pause", "Go on"), (other, one, "Go on", "Pause")):
        await expect(sees.locator("#live")).to_have_text("Live")
        await presses.get_by_role("button", name=button).click()
        for page in (sees, presses):
            await expect(page.get_by_role("button", name=follows)).to_be_visible()
            await expect(page.get_by_role("button", name=button)).to_be_hidden()


async def test_scans_in_a_row_are_all_taken_and_start_waits_for_the_last(clinic: Clinic) -> None:
    """A scanner does not wait for a page. What the answer to one scan takes, the next is not lost in, and nothing starts without it."""
    room = Room(clinic, "practitioner", 0)
    await room.everything("Fem", 1, minutes=28)
    codes = ["]C1PEN-0002", *(f"]Q1urn:uuid:{thing}" for thing in (*room.units[:2], clinic.example.earlier_packs[1]))]
    async with clinic.tab() as tab:
        page, things, start = tab.page, tab.page.locator(".things"), tab.page.get_by_role("button", name="Start treatment")
        tab.expected += ["ERR_FAILED", "422"]
        lives: set[Request] = set()  # open connections: a browser has six to a server
        page.on("request", lambda asked: lives.add(asked) if "/live" in asked.url else None)
        page.on("requestfailed", lambda ended: lives.discard(ended))  # noqa: PLW0108 - Playwright writes on what it is given
        page.on("requestfinished", lambda ended: lives.discard(ended))  # noqa: PLW0108
        await tab.be("practitioner")
        await page.goto(room.page)
        await page.route("**/chair/*?*scan=*", lambda route: route.abort())
        await scan_in_a_row(tab, codes[0])
        await expect(page.get_by_text("There was no answer. Scan it again.")).to_be_visible()
        await page.unroute_all()
        await page.route("**/chair/*?*scan=*", slowly)
        await scan_in_a_row(tab, "]C1NOBODYS", codes[0])
        await start.click()
        await expect(page.get_by_role("alert")).to_contain_text("This code is not known here")
        await expect(page.get_by_text("What was scanned after it was not added either")).to_be_visible()
        assert await room.started() == 0
        await scan_in_a_row(tab, *codes)
        await expect(things.get_by_text("PEN-0002", exact=True)).to_be_visible()
        await page.get_by_label("Depth in mm").evaluate("(depth) => { depth.closest('details').open = true; }")
        await page.get_by_label("Depth in mm").fill("0.9")  # while answers are under way
        await expect(page.get_by_label("Dry and whole")).to_have_count(1)
        await expect(page.get_by_label("Depth in mm")).to_have_value("0.9")
        await page.get_by_label("Its indicator has changed").check()
        await page.get_by_label("Dry and whole").check()
        await expect(page.locator("#live")).to_have_text("Live")
        for _ in range(100):  # one that was given up before its answer came is closed by that answer
            if len(lives) == 1:
                break
            await asyncio.sleep(0.05)
        assert len(lives) == 1
        await page.get_by_role("button", name=f"Take off cartridge {room.units[1][-8:]}").click()
        await expect(things.locator("strong", has_text="Cartridge")).to_have_count(1)
        await page.get_by_role("button", name="Take off pack").click()
        await scan_in_a_row(tab, codes[2])
        await start.click()
        await page.wait_for_url("**/chair/treatments/*done=started")
        treatment_id = page.url.rpartition("/")[2].partition("?")[0]
        found = (await room.treatment(treatment_id))["treatment"]
        assert (found["cartridge_unit_ids"], found["pack_ids"]) == (room.units[:2], [])
        await page.route("**/cartridge", slowly)
        await scan_in_a_row(tab, f"]Q1urn:uuid:{room.units[2]}", codes[1])
        await expect(page.get_by_role("alert")).to_contain_text("on record for this treatment already")
        assert (await room.treatment(treatment_id))["treatment"]["cartridge_unit_ids"] == room.units
        await room.end(treatment_id)


async def slowly(route: Route) -> None:
    """A busy server."""
    await asyncio.sleep(0.4)
    await route.continue_()


async def test_start_and_end_work_without_javascript(clinic: Clinic) -> None:
    room = Room(clinic, "practitioner_3", 2)
    await room.everything("Bas", 1, minutes=28)
    async with clinic.tab(java_script_enabled=False) as tab:
        page = tab.page
        tab.expected += ["409"]
        await tab.be("practitioner_3")
        await page.goto(room.chair)
        await page.get_by_role("link", name="Bas Visser").click()
        await page.get_by_role("button", name="Start treatment").click()
        await expect(page.get_by_role("alert")).to_contain_text("Handpiece: No handpiece was named.")
        await scan(page, "pen-0002", room.units[0], str(clinic.example.earlier_packs[1]))
        await page.get_by_label("Its indicator has changed").check()
        await page.get_by_label("Dry and whole").check()
        await page.get_by_role("button", name="Check again").click()
        await expect(page.get_by_text("Ready to start")).to_be_visible()
        await expect(page.get_by_label("Dry and whole")).to_be_checked()
        await page.get_by_role("button", name="Take off the handpiece").click()
        await expect(page.get_by_text("2 things are missing")).to_be_visible()
        await scan(page, "pen-0002")
        async with page.expect_request("**/start") as sent:
            await page.get_by_role("button", name="Start treatment").click()
        await page.wait_for_url("**/chair/treatments/*done=started")
        form = await sent.value
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        again = await tab.context.request.post(form.url, data=form.post_data, headers=headers)
        assert (again.status, again.url) == (200, page.url), "sent again, it is the same treatment"
        assert await room.started() == 1
        await page.get_by_role("link", name="End treatment").click()
        await page.get_by_label("Depth in mm, everywhere").fill("1")
        for label in ("The skin is cleansed", "Cartridges and sharps", "Aftercare is explained"):
            await page.get_by_label(label).check()
        await page.get_by_role("button", name="End treatment").click()
        await expect(page.get_by_text("Cheeks 1 mm")).to_be_visible()


async def test_what_was_done_on_paper_is_entered_afterwards(clinic: Clinic) -> None:
    room = Room(clinic, "practitioner_2", 1)
    await room.book("Daan", minutes=45)
    await room.supply()
    began = datetime.fromisoformat(ago(50)).astimezone(ZoneInfo(clinic.example.timezone))
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected += ["409", "422"]
        await tab.be("practitioner_2")
        await page.goto(room.chair)
        await page.get_by_role("link", name="Done on paper").click()
        await tab.is_sound("which booking")
        await page.get_by_role("link", name="Daan Visser").click()
        await page.get_by_label("Day").fill(f"{began:%Y-%m-%d}")
        await page.get_by_label("From").fill(f"{began:%H:%M}")
        await page.get_by_label("Until").fill(f"{began + timedelta(minutes=200):%H:%M}")
        await page.get_by_label("Handpiece").fill("PEN-0002")
        await page.get_by_label("Cartridges").fill(f"{room.units[0]}\n12345678")
        await page.get_by_label("Depth in mm, everywhere").fill("0.8")
        await page.get_by_role("button", name="Record it").click()
        await expect(page.get_by_role("alert")).to_contain_text("12345678: This code is not known here.")
        await page.get_by_label("Cartridges").fill(room.units[0])
        await page.get_by_role("button", name="Record it").click()
        await expect(page.get_by_role("alert")).to_contain_text("This time has not come yet.")
        await tab.is_sound("paper that was not taken")
        await page.get_by_label("Until").fill(f"{began + timedelta(minutes=30):%H:%M}")
        await page.get_by_role("button", name="Record it").dblclick()
        await expect(page.get_by_text("the treatment on paper counts from now on")).to_be_visible()
        found = (await room.treatment(page.url.rpartition("/")[2].partition("?")[0]))["treatment"]
        assert (found["state"], found["depths"]) == ("recorded_late", [{"area": "cheeks", "depth_um": 800}])
        assert await room.started() == 1
        await page.goto(f"{room.chair}/past")
        await page.get_by_text("It was not booked").click()
        await page.get_by_label("Whose treatment was it?").select_option(label="Daan Visser")
        await page.get_by_role("button", name="Go on").click()
        await page.get_by_label("From").fill(f"{began - timedelta(minutes=30):%H:%M}")
        await page.get_by_label("Until").fill(f"{began - timedelta(minutes=10):%H:%M}")
        await page.get_by_label("No, it ended before").check()
        await page.get_by_role("button", name="Record it").click()
        await expect(page.get_by_text("Needles did not touch the skin.")).to_be_visible()


async def test_other_roles_are_kept_out(clinic: Clinic) -> None:
    chair = f"/clinics/{clinic.example.clinic_id}/chair"
    async with clinic.tab() as tab:
        tab.expected.append("403")
        await tab.be("front_desk")
        await tab.page.goto(chair)
        await expect(tab.page.get_by_role("alert")).to_contain_text("Your role does not allow this")
        await tab.be("manager")
        await tab.page.goto(f"{chair}/past")
        await expect(tab.page.get_by_role("alert")).to_contain_text("Your role does not allow this")


def test_its_javascript_is_small() -> None:
    """In a fast test: what the board's page measures in a browser holds for these by the same sum."""
    loaded = ("vendor/htmx-4.0.1+sse.min.js", "treatment.js", "scans.js", "wedge.js")
    assert sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in loaded) <= 25_000
