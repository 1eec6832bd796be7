"""The tablet with the network gone and the server dead: nothing is lost, nothing is doubled, and each entry says where it is."""

import asyncio
import shutil
import signal
from pathlib import Path

from playwright.async_api import Route, expect

from tests.screens.bench import READY, cards, enter_turnover, opened, recorded, sent, tablet
from tests.screens.conftest import Clinic
from tests.screens.program import ROOT

TURNED = "room.turned_over"
ONLINE = "() => window.dispatchEvent(new Event('online'))"
"""The network says that it is back: it may be wrong, so the page asks the server."""


async def test_an_entry_outlives_its_tab_while_the_network_is_gone(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await tab.context.set_offline(True)
        await enter_turnover(page, clinic)
        await expect(cards(page, "waiting")).to_have_count(1)
        await page.close()
        again = await tab.context.new_page()
        await again.goto(tablet(clinic))
        await expect(cards(again, "waiting")).to_have_count(1)
        await tab.context.set_offline(False)
        await sent(again, 1)
        assert len(await recorded(clinic, TURNED)) == before + 1


async def test_three_entries_outlive_the_server_and_a_reload(clinic: Clinic) -> None:
    """Killed, and the page opened again while it is dead: it opens from the tablet, and the entries come in order."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await clinic.program.end(signal.SIGKILL)
        await page.reload()
        await expect(page.locator("#link")).to_contain_text("No connection")
        for room in (2, 0, 1):
            await enter_turnover(page, clinic, room)
            await expect(page.locator("#saved")).to_contain_text("Saved on this tablet")
        await expect(cards(page, "waiting")).to_have_count(3)
        await expect(page.locator("#link")).to_contain_text("3 not sent")
        await page.locator("#this-tablet summary").click()
        async with page.expect_download() as download:
            await page.get_by_role("button", name="Export unsent entries").click()
        assert (await (await download.value).path()).read_text().count('"state": "waiting"') == 3
        await tab.is_sound("three entries wait")
        await clinic.program.start()
        await page.evaluate(ONLINE)
        await sent(page, 3)
        await expect(page.locator("#link")).to_have_text("Connected")
        found = (await recorded(clinic, TURNED))[before:]
        assert [entry["data"]["room_id"] for entry in found] == [str(clinic.example.rooms[room]) for room in (2, 0, 1)]
        assert {entry["actor"]["identity_id"] for entry in found} == {str(clinic.example.people["technician"].identity_id)}
        assert all(entry["data"]["device"].startswith("tablet-") for entry in found)


async def test_an_answer_lost_twice_records_once(clinic: Clinic) -> None:
    """The server has recorded it, and the tablet cannot know: it asks again under the same id, and is answered alike.

    A 200 from somebody else, like the page of a hotel's network, is no answer at all.
    """
    async with clinic.tab() as tab:
        await tab.page.clock.install()
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        answers: list[int] = []
        portal: list[Route] = []

        async def lose(route: Route) -> None:
            if not portal:
                portal.append(route)
                await route.fulfill(status=200, content_type="text/html", body="<h1>Welcome to our hotel</h1>")
                return
            answer = await route.fetch()
            answers.append(answer.status)
            if len(answers) < 3:
                await route.abort()
            else:
                await route.fulfill(response=answer)

        await page.route("**/turnovers/*", lose)
        await enter_turnover(page, clinic)
        await expect(page.locator("#link")).to_contain_text("No connection")
        await expect(cards(page, "waiting")).to_have_count(1)
        for pause in (2000, 4000):
            async with page.expect_event("requestfailed"):
                await page.clock.fast_forward(pause)  # it tries again by itself, later each time
        await page.clock.fast_forward(8000)
        await sent(page, 1)
        assert answers == [201, 200, 200]
        assert len(await recorded(clinic, TURNED)) == before + 1


async def test_two_tabs_send_one_queue_once(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        other = await tab.context.new_page()
        await other.goto(tablet(clinic))
        await expect(other.locator("#shell")).to_have_text(READY)
        await tab.context.set_offline(True)
        await page.bring_to_front()  # a tab behind another one is slow on purpose
        for room in (0, 1, 2, 0):
            await enter_turnover(page, clinic, room)
        await expect(cards(other, "waiting")).to_have_count(4)
        answers: list[int] = []

        async def slow(route: Route) -> None:
            await asyncio.sleep(0.25)  # a line on which both would be under way at once
            await route.continue_()

        await tab.context.route("**/turnovers/*", slow)
        tab.context.on("response", lambda found: answers.append(found.status) if "/turnovers/" in found.url else None)
        await tab.context.set_offline(False)
        await asyncio.gather(page.evaluate(ONLINE), other.evaluate(ONLINE))
        await sent(page, 4)
        await sent(other, 4)
        assert answers == [201] * 4
        assert len(await recorded(clinic, TURNED)) == before + 4


async def test_what_was_saved_after_the_session_ended_is_sent_after_signing_in(clinic: Clinic) -> None:
    """And somebody else who signs in sends nothing under their own name that they were not asked about."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await tab.context.clear_cookies()
        await enter_turnover(page, clinic)
        await expect(cards(page, "signin")).to_have_count(1)
        await expect(page.locator("#link")).to_contain_text("Signed out")
        await tab.be("practitioner")
        await page.evaluate(ONLINE)
        await expect(cards(page, "other")).to_have_count(1)
        await tab.context.clear_cookies()
        await page.evaluate(ONLINE)
        await page.locator("#sign-in").click()
        await page.get_by_label("Access token").fill(clinic.example.people["technician"].token)
        await page.get_by_role("button", name="Sign in").click()
        await sent(page, 1)
        found = (await recorded(clinic, TURNED))[before:]
        assert [entry["actor"]["identity_id"] for entry in found] == [str(clinic.example.people["technician"].identity_id)]


async def test_what_is_saved_before_an_answer_names_anybody_goes_out_under_the_same_sign_in_or_is_claimed(clinic: Clinic) -> None:
    """Somebody else signed in, the page opened from the tablet, and the line dropped: it is not the entry of whoever worked here before."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        await page.route("**/tablet/facts*", lambda route: route.abort())
        await page.reload()
        await enter_turnover(page, clinic, 0, wet=131)  # alone all day: the same sign-in as before
        await expect(cards(page, "waiting")).to_have_count(1)
        await page.unroute("**/tablet/facts*")
        await page.evaluate(ONLINE)
        await sent(page, 1)
        await page.route("**/tablet/facts*", lambda route: route.abort())
        await tab.be("practitioner")
        await page.reload()
        await enter_turnover(page, clinic, 1, wet=132)
        await expect(cards(page, "waiting")).to_have_count(1)
        await tab.be("technician")
        await page.unroute("**/tablet/facts*")
        await page.evaluate(ONLINE)
        await expect(cards(page, "other")).to_have_count(1)
        assert [entry["data"]["wet_seconds"] for entry in (await recorded(clinic, TURNED))[before:]] == [131]
        await page.get_by_role("button", name="Send under my sign-in").click()
        await sent(page, 2)


async def test_a_request_that_hangs_holds_nobody_up_for_long(clinic: Clinic) -> None:
    """The network is there and nothing comes back: Save answers at once, and what hangs is asked again."""
    async with clinic.tab() as tab:
        await tab.page.clock.install()
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        hung: list[Route] = []

        async def hang_once(route: Route) -> None:
            if not hung:
                hung.append(route)
                return
            await route.continue_()

        await page.route("**/turnovers/*", hang_once)
        for room in (0, 1):
            await enter_turnover(page, clinic, room)
            await expect(page.locator("#saved")).to_contain_text("Saved on this tablet", timeout=1000)
        await expect(cards(page, "waiting")).to_have_count(2)
        await page.clock.fast_forward(8000)
        await expect(page.locator("#link")).to_contain_text("No connection")
        await page.evaluate(ONLINE)
        await sent(page, 2)
        await hung[0].abort()
        assert len(await recorded(clinic, TURNED)) == before + 2


async def test_trouble_with_one_entry_holds_no_other_up_and_a_full_tablet_says_so(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = len(await recorded(clinic, TURNED))
        first: list[str] = []

        async def trouble(route: Route) -> None:
            first.extend([] if first else [route.request.url])
            if route.request.url == first[0]:
                await route.fulfill(status=500, content_type="application/problem+json", body='{"title": "Internal error"}')
            else:
                await route.continue_()

        await page.route("**/turnovers/*", trouble)
        for room in (0, 1):
            await enter_turnover(page, clinic, room)
        await sent(page, 1)
        await expect(cards(page, "waiting")).to_have_count(1)
        await page.unroute("**/turnovers/*")
        await page.evaluate(ONLINE)
        await sent(page, 2)

        await page.evaluate(FULL)
        await enter_turnover(page, clinic, 2, wet=222)
        await expect(page.locator("#problem")).to_contain_text("This is NOT saved")
        assert await page.locator("#room-wet").input_value() == "222"
        assert len(await recorded(clinic, TURNED)) == before + 2


FULL = "() => { IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); }; }"


async def test_a_new_deploy_while_the_tablet_is_offline_changes_nothing_until_it_is_opened_again(clinic: Clinic, tmp_path: Path) -> None:
    for part in ("schemas", "events", "services"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    with (tmp_path / "services" / "screens" / "static" / "screens.css").open("a") as newer:
        newer.write("/* newer */\n")
    async with clinic.tab() as tab:
        page = await opened(tab)
        old = await page.locator("link[rel=stylesheet]").get_attribute("href")
        await tab.context.set_offline(True)
        await enter_turnover(page, clinic)
        await clinic.program.end()
        clinic.program.root = tmp_path
        try:
            await clinic.program.start()
            await tab.context.set_offline(False)
            await page.reload()
            assert await page.locator("link[rel=stylesheet]").get_attribute("href") == old
            await sent(page, 1)
            await page.evaluate(REPLACED, old)
            await page.reload()
            assert await page.locator("link[rel=stylesheet]").get_attribute("href") != old
            await tab.context.set_offline(True)
            await page.reload()
            await expect(page.locator("#save")).to_be_visible()
        finally:
            clinic.program.root = ROOT  # for the next one; what runs is the same program


REPLACED = """async (old) => {
  for (let names = []; names.length !== 1 || names[0].includes(old.split('/')[2]); names = await caches.keys()) {
    await new Promise((next) => setTimeout(next, 50));
  }
}"""
