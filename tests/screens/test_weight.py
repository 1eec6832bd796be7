"""What each page weighs, how soon it is there on a slow line and a slow processor, and whether it stands still."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import CDPSession, Request

from services.screens.assets import FOLDER
from tests.screens.conftest import Clinic, Tab

MOST_JAVASCRIPT = 25_000
"""Bytes of a page, compressed. What reads the camera is loaded by its button, and is no part of one."""

SLOW_4G: dict[str, Any] = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000}
PROCESSOR = 4

PAGES = {
    "nobody": ("sign-in",),
    "front_desk": ("board", "board/book", "board/{booking}"),
    "technician": ("hygiene/today", "tablet", "hygiene/calendar"),
    "practitioner": ("chair", "chair/{booking}", "consent", "recovery"),
    "manager": ("today", "tablets"),
    "auditor": ("record", "record/entries/0", "record/chain"),
}


async def _slow(tab: Tab) -> CDPSession:
    slow = await tab.context.new_cdp_session(tab.page)
    await slow.send("Network.enable")
    await slow.send("Network.emulateNetworkConditions", SLOW_4G)
    await slow.send("Emulation.setCPUThrottlingRate", {"rate": PROCESSOR})
    return slow


def _scripts_into(loaded: set[str]) -> Callable[[Request], None]:
    def note(request: Request) -> None:
        if request.resource_type == "script":
            loaded.add(request.url)

    return note


def _javascript(addresses: set[str]) -> int:
    names = {address.partition("/static/")[2].partition("/")[2] for address in addresses}
    return sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in names)


@pytest.mark.parametrize("person", PAGES)
async def test_pages_are_light_soon_there_and_stand_still(
    clinic: Clinic, person: str, record_property: Callable[[str, object], None]
) -> None:
    """How soon depends on what else this machine does: that is told, not held."""
    booking = await clinic.book("Weight", "practitioner", 0, f"{8 + list(PAGES).index(person):02}:00")
    for path in PAGES[person]:
        async with clinic.tab() as tab:
            tab.expected += ["Failed to load resource"]  # the tablet asks for what is not kept yet
            if person != "nobody":
                await tab.be(person)
            loaded: set[str] = set()
            sizes: list[float] = []
            slow = await _slow(tab)
            slow.on("Network.loadingFinished", lambda done, sizes=sizes: sizes.append(done["encodedDataLength"]))
            tab.page.on("request", _scripts_into(loaded))
            address = clinic.board.removesuffix("board") + path.format(booking=booking)
            answer = await tab.page.goto(address)
            assert answer is not None
            assert answer.status == 200, path
            largest, shifted = await tab.page.evaluate(PAINTED)
            assert round(shifted, 2) == 0, path  # as browsers show it: a word that changes moves by hundredths of a pixel
            assert _javascript(loaded) <= MOST_JAVASCRIPT, path
            record_property(
                "measured",
                f"{path.format(booking='…'):20} largest paint {largest:4.0f} ms, JavaScript {_javascript(loaded) / 1000:4.1f} kB,"
                f" all {sum(sizes) / 1000:4.0f} kB",
            )


PAINTED = """async () => {
  const seen = (type) => new Promise((done) => {
    new PerformanceObserver((found) => done(found.getEntries())).observe({type, buffered: true});
    setTimeout(() => done([]), 300);
  });
  const [largest, shifts] = [await seen('largest-contentful-paint'), await seen('layout-shift')];
  return [largest.at(-1)?.startTime ?? 0, shifts.reduce((sum, shift) => sum + shift.value, 0)];
}"""
