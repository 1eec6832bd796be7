"""A furnished clinic, the real program as a process, and Debian's Chromium in front of it."""

import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Browser, BrowserContext, Error, Page, async_playwright, expect

from events.embedded import Servers
from services.example import Example, draw_up
from services.session import seal
from tests.conftest import SECRET
from tests.faults.doors import Journal
from tests.faults.stage import Stage, furnished, set_up
from tests.screens.filmed import FILMED, film
from tests.screens.program import Program

AXE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text()
CHROMIUM = next(
    (found for name in ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
"""Debian's, at best its headless shell: the same pages by the same engine, without the processes of a desktop's windows."""
FLAGS = [
    "--disable-gpu",
    "--in-process-gpu",  # nothing is drawn by one: a process less for each test to wait for
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ALARM_MS = 15_000
"""Whatever is waited for is there sooner, on a machine that does three other things as well; if it is not, it will not come."""
expect.set_options(timeout=ALARM_MS)
PICTURES = Path(os.environ["ASEPSIS_PICTURES"]) if "ASEPSIS_PICTURES" in os.environ else None
"""A folder for a picture of every page and error state that is looked at: `ASEPSIS_PICTURES=/some/folder make test`."""


@dataclass(frozen=True)
class Clinic:
    """What a browser test stands on."""

    stage: Stage
    program: Program
    browser: Browser

    @property
    def example(self) -> Example:
        return self.stage.example

    @property
    def board(self) -> str:
        return f"{self.program.address}/clinics/{self.example.clinic_id}/board"

    async def ask(self, method: str, path: str, body: Any = None, person: str = "front_desk") -> dict[str, Any]:
        """Something asked by another program, over the API."""
        headers = {"Authorization": f"Bearer {self.example.people[person].token}", "Idempotency-Key": str(uuid4())}
        base = f"{self.program.address}/clinics/{self.example.clinic_id}"
        # Plain http: reading the certificates of the world would take longer than most answers.
        async with httpx.AsyncClient(base_url=base, headers=headers, verify=False) as client:  # noqa: S501
            answer = await client.request(method, path, json=body)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def client(self, name: str) -> str:
        """A client, registered by another program. Gives the id."""
        identity = str(uuid4())
        body = {"given_name": name, "family_name": "Visser", "date_of_birth": "1990-05-17", "phone": "+31201234567"}
        await self.ask("PUT", f"/clients/{identity}", body)
        return identity

    @property
    def tomorrow(self) -> date:
        """A whole day in front of everybody, on the clinic's wall."""
        return (datetime.now(UTC).astimezone(ZoneInfo(self.example.timezone)) + timedelta(days=1)).date()  # noqa: TID251 - the tests' own clock

    def visit(self, client: str, practitioner: str, room: int, at: str) -> dict[str, Any]:
        """A consultation of half an hour tomorrow: nothing but the slot can speak against it."""
        starts_at = datetime.combine(self.tomorrow, time.fromisoformat(at), ZoneInfo(self.example.timezone))
        return {
            "booking_id": str(uuid4()),
            "client_id": client,
            "practitioner_id": str(self.example.people[practitioner].identity_id),
            "room_id": str(self.example.rooms[room]),
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=30)).isoformat(),
            "visit_type": "consultation",
        }

    async def book(self, name: str, practitioner: str, room: int, at: str) -> str:
        """A client and a booking, made by another program. Gives the booking's id."""
        visit = self.visit(await self.client(name), practitioner, room, at)
        await self.ask("POST", "/bookings", visit)
        return str(visit["booking_id"])

    @asynccontextmanager
    async def tab(self, **options: Any) -> AsyncIterator["Tab"]:
        """A browser of nobody's, in one tab. Whatever it complains about in its console fails the test."""
        context = await self.browser.new_context(base_url=self.program.address, **options)
        context.set_default_timeout(ALARM_MS)
        try:
            tab = Tab(self, context, await context.new_page())
            tab.page.on("console", lambda said: tab.complaints.append(said.text) if said.type in ("error", "warning") else None)
            tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
            yield tab
            assert [said for said in tab.complaints if not any(word in said for word in tab.expected)] == []
        finally:
            await context.close()


@dataclass
class Tab:
    """What somebody sees, and may not see."""

    clinic: Clinic
    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Words of complaints that belong to the test: a browser reports each 401 and each lost connection."""

    async def sign_in(self, person: str = "front_desk") -> None:
        await self.page.goto(self.clinic.board.removesuffix("board") + "sign-in")
        await self.page.get_by_label("Access token").fill(self.clinic.example.people[person].token)
        await self.page.get_by_role("button", name="Sign in").click()
        await self.page.wait_for_url("**/board*")

    async def be(self, person: str = "front_desk") -> None:
        """The same, done before: the cookie is there already."""
        program, example = self.clinic.program, self.clinic.example
        value = seal(program.settings.secret, example.clinic_id, example.people[person].token)
        await self.context.add_cookies(
            [{"name": "asepsis", "value": value, "url": program.address, "httpOnly": True, "sameSite": "Strict"}]
        )

    async def see_tomorrow(self) -> None:
        """The board of the day that tests book on, live."""
        await self.page.goto(f"{self.clinic.board}?on={self.clinic.tomorrow}")
        await expect(self.page.locator("#live")).to_have_text("Live")

    async def is_sound(self, name: str) -> None:
        """In light and in dark: axe finds nothing; at 320 px nothing is wider; whatever can be pressed is 44 px high."""
        await self.page.wait_for_load_state()  # a page that a click led to has begun, no more: it may have no content yet
        for scheme in ("light", "dark"):
            await self.page.emulate_media(color_scheme=scheme)
            if PICTURES is not None:
                await self.page.screenshot(path=PICTURES / f"{name.replace(' ', '_')}-{scheme}.png", full_page=True)
            if not await self.page.evaluate("() => 'axe' in window"):
                await self.page.evaluate(AXE)
            found = await self.page.evaluate(AXE_FINDS, None if scheme == "light" else OF_COLORS)
            assert [(name, scheme, wrong["id"], [node["html"] for node in wrong["nodes"]]) for wrong in found] == []
        size = self.page.viewport_size
        assert size is not None
        await self.page.set_viewport_size({"width": 320, "height": 640})
        assert await self.page.evaluate("() => document.documentElement.scrollWidth") <= 320, name
        assert await self.page.evaluate(SMALL_TARGETS) == [], name
        await self.page.set_viewport_size(size)


OF_COLORS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""All that the scheme changes: everything else was looked at in light."""

AXE_FINDS = """async (only) => {
  const found = await axe.run(document, {resultTypes: ['violations'], ...(only && {runOnly: only})});
  return found.violations;
}"""

SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), select, summary')]
  .map(found => (found.matches('[type=checkbox], [type=radio]') ? found.closest('label') : found))
  .filter(found => found.checkVisibility() && !found.matches('.skip'))
  .map(found => [found.outerHTML.slice(0, 90), found.getBoundingClientRect()])
  .filter(([_, box]) => box.height < 43.5 || box.width < 43.5)
  .map(([html, box]) => `${html} ${box.width}x${box.height}`)"""


@asynccontextmanager
async def chromium(*more: str) -> AsyncIterator[Browser]:
    """A browser of its own, with more flags."""
    if CHROMIUM is None:
        # A machine may have no browser; where changes are checked, there is one, or that is the failure.
        assert os.environ.get("CI") != "true", "There is no Chromium: .ci/run installs Debian's."
        pytest.skip("NO BROWSER TEST RUNS: there is no Chromium here. `make browser` installs Debian's.")
    async with async_playwright() as playwright:
        launch = partial(playwright.chromium.launch, executable_path=CHROMIUM, args=[*FLAGS, *more], chromium_sandbox=os.geteuid() != 0)
        try:
            started = await launch()
        except Error:  # once in hundreds of times it crashes as it starts, and with it all tests of the screens
            started = await launch()
        yield started
        await started.close()


@pytest.fixture(scope="package")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """One for all tests of the screens; each has contexts of its own in it. It has a camera, and a label lies before it."""
    label = tmp_path_factory.mktemp("camera") / "label.y4m"
    film(f"urn:uuid:{FILMED}", label)
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={label}"]
    async with chromium(*camera) as started:
        yield started


@dataclass(frozen=True)
class House:
    """Where the clinics of all files stand: one database, one program before it."""

    stage: Stage
    program: Program


@pytest.fixture(scope="package")
async def house(browser: Browser, servers: Servers, template: str) -> AsyncIterator[House]:
    """The program that serves the clinics of all files. It is ended with the last of them: it reads the streams of nobody else's tests."""
    directory = Path(tempfile.mkdtemp(prefix="asepsis-"))
    try:
        async with set_up(directory, servers, template, [draw_up(datetime.now(UTC))]) as stage:  # noqa: TID251 - of a clinic that is never opened
            program = Program(stage.order.settings, directory / "log")
            assert program.settings.secret == SECRET
            await program.start()
            try:
                yield House(stage, program)
            finally:
                await program.end(signal.SIGKILL)
    finally:
        shutil.rmtree(directory)


@pytest.fixture(scope="module")
async def clinic(house: House, browser: Browser) -> Clinic:
    """A clinic of this file's own."""
    if not house.program.is_up:  # the file before may have ended it last
        await house.program.start()
    example = await furnished(house.stage.database)
    return Clinic(replace(house.stage, example=example, journal=Journal()), house.program, browser)
