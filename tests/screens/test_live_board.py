"""What a live board says about itself while servers are away, in a real browser."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Route, expect

from events.embedded import Servers
from tests.outage import wire
from tests.screens.conftest import Clinic
from tests.screens.desk import card
from tests.screens.program import Program


def socket_of(servers: Servers) -> Path:
    """Where Valkey listens."""
    return Path(servers.redis_url.removeprefix("unix://").partition("?")[0])


async def test_the_word_changes_while_the_streams_are_away_and_the_board_goes_on(
    clinic: Clinic, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = clinic.program.log.parent
    async with wire(folder / "valkey.sock", socket_of(servers)) as valkey:
        settings = replace(clinic.program.settings, redis_url=f"unix://{folder / 'valkey.sock'}")
        program = Program(settings, folder / "log")
        await program.start()
        try:
            here = replace(clinic, program=program)
            async with here.tab() as tab:
                await tab.be()
                await tab.see_tomorrow()
                live = tab.page.locator("#live")
                await valkey.cut()
                await expect(live).to_have_text("Not quite live: looked up every few seconds.")
                await expect(live).to_have_attribute("data-state", "away")
                await here.book("Blind", "practitioner", 0, "10:00")
                await expect(card(tab.page, "Blind Visser")).to_be_visible(timeout=8000)
                await tab.is_sound("a board that is not quite live")
                await valkey.mend()
                await expect(live).to_have_text("Live", timeout=10_000)
                await here.book("Seen", "practitioner", 1, "11:00")
                await expect(card(tab.page, "Seen Visser")).to_be_visible()
        finally:
            await program.end()


async def test_it_is_live_however_late_a_pages_own_script_comes(clinic: Clinic) -> None:
    """The word is set by what the stream says, also by the first it says."""

    async def late(route: Route) -> None:
        await asyncio.sleep(1)
        await route.continue_()

    async with clinic.tab() as tab:
        await tab.be("practitioner")
        await tab.page.route(re.compile(r"/(board|wedge)\.js$"), late)
        for page in ("board", "chair"):
            await tab.page.goto(f"/clinics/{clinic.example.clinic_id}/{page}")
            await expect(tab.page.locator("#live")).to_have_text("Live")


async def test_signing_out_in_one_tab_ends_the_others_and_the_cookie_that_somebody_kept(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        tab.expected.append("401")
        await tab.sign_in()
        await tab.see_tomorrow()
        kept = await tab.context.cookies()
        other = await tab.context.new_page()
        await other.goto(clinic.board)
        await other.get_by_role("button", name="Sign out").click()
        await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
        await expect(tab.page.locator("#live")).to_contain_text("You are signed out", timeout=3000)
        await tab.context.add_cookies([{"name": found["name"], "value": found["value"], "url": clinic.program.address} for found in kept])
        await other.goto(clinic.board)
        await expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
