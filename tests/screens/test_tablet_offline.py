"""The tablet with the network gone and the server dead: nothing is lost, nothing is doubled, and each entry says where it is."""

import signal

from playwright.async_api import expect

from tests.screens.bench import cards, enter_turnover, opened, recorded
from tests.screens.conftest import Clinic

TURNED = "room.turned_over"


async def _known(clinic: Clinic) -> int:
    return len(await recorded(clinic, TURNED))


async def test_three_entries_outlive_the_server_and_a_reload(clinic: Clinic) -> None:
    """Killed, and the page opened again while it is dead: it opens from the tablet, and the entries come in order."""
    async with clinic.tab() as tab:
        page = await opened(tab)
        before = await _known(clinic)
        await clinic.program.end(signal.SIGKILL)
        await page.reload()
        await expect(page.locator("#link")).to_contain_text("No connection")
        for room in (2, 0, 1):
            await enter_turnover(page, clinic, room)
            await expect(page.locator("#saved")).to_contain_text("Saved on this tablet")
        await expect(cards(page, "waiting")).to_have_count(3)
        await expect(page.locator("#link")).to_contain_text("3 not sent")
        await clinic.program.start()
        await expect(cards(page, "sent")).to_have_count(3, timeout=15_000)
        found = (await recorded(clinic, TURNED))[before:]
        assert [entry["data"]["room_id"] for entry in found] == [str(clinic.example.rooms[room]) for room in (2, 0, 1)]
        assert {entry["actor"]["identity_id"] for entry in found} == {str(clinic.example.people["technician"].identity_id)}
        assert all(entry["data"]["device"].startswith("tablet-") for entry in found)
