"""At the chair: from the checklist to the end of a treatment, in a real browser, before the real program."""

import asyncio
import gzip
import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import expect

from services.screens.assets import FOLDER
from tests.screens.conftest import Clinic, Tab
from tests.screens.room import Room, ago, scan


@pytest.mark.timeout(120)  # many pages, each looked at in light, in dark and small
async def test_what_is_missing_is_said_put_right_and_started_once(clinic: Clinic) -> None:
    room = Room(clinic, "practitioner", 0)
    await room.book("Ana")
    async with clinic.tab() as tab:
        tab.expected += ["409", "422"]
        await tab.be("practitioner")
        await _is_called_in(tab, room)
        await _is_refused_with_every_reason(tab)
        await _is_put_right(tab, room)
        await room.end(await _is_started_once(tab, room))


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
        await _is_paused_and_supplied(tab, room, treatment_id)
        await _is_stopped(tab, room)
        await _is_ended(tab, room, treatment_id)


async def _is_called_in(tab: Tab, room: Room) -> None:
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


async def _is_refused_with_every_reason(tab: Tab) -> None:
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


async def _is_put_right(tab: Tab, room: Room) -> None:
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


async def _is_started_once(tab: Tab, room: Room) -> str:
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


async def _is_paused_and_supplied(tab: Tab, room: Room, treatment_id: str) -> None:
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


async def _is_stopped(tab: Tab, room: Room) -> None:
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


async def _is_ended(tab: Tab, room: Room, treatment_id: str) -> None:
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
        await room.end(one.page.url.rpartition("/")[2].partition("?")[0])


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
    loaded = ("vendor/htmx-4.0.1+sse.min.js", "treatment.js", "wedge.js")
    assert sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in loaded) <= 25_000
