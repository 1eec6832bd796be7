"""A treatment that is over, and the message that follows it."""

import asyncio
import json
from typing import Any
from uuid import UUID

from playwright.async_api import Page, expect

from events.catalog.recovery import CheckinAnswered, ReactionReported, SafetyHoldPlaced
from services.recovery.projectors import checkin_id
from tests.conftest import House
from tests.screens.conftest import Clinic
from tests.services.recovery_care import Care

PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}
STEP = "at_once"


class Treated(Care):
    """A client after a treatment, with the link that was sent to them."""

    treatment_id: UUID
    link: str

    @property
    def checkin(self) -> UUID:
        return checkin_id(self.treatment_id, STEP)

    async def tiers(self) -> list[str]:
        """What was answered, as the ledger tells it, in order."""
        return [said.tier for said in await self.house.said(CheckinAnswered) if said.checkin_id == self.checkin]

    async def reactions(self) -> list[ReactionReported]:
        return [said for said in await self.house.said(ReactionReported) if said.client_id == self.client_id]

    async def holds(self) -> list[SafetyHoldPlaced]:
        return [said for said in await self.house.said(SafetyHoldPlaced) if said.client_id == self.client_id]


async def treated(clinic: Clinic, client_id: UUID | None = None) -> Treated:
    """The treatment ends, the program asks, and the message arrives."""
    care = Treated(House(clinic.stage.database, clinic.example.clinic_id))
    care.client_id = client_id or care.client_id
    care.treatment_id = await care.start()
    await care.end(care.treatment_id)
    spool = clinic.program.settings.spool
    assert spool is not None
    for _ in range(400):
        for line in spool.read_text().splitlines() if spool.exists() else ():
            message = json.loads(line)
            if message["template"] == "checkin_due" and message["recipient_id"] == str(care.client_id):
                care.link = clinic.program.address + message["parameters"]["link"]
                return care
        await asyncio.sleep(0.05)
    message = "no message came"
    raise AssertionError(message)


async def tick(page: Page, *symptoms: str) -> None:
    for symptom in symptoms:
        await page.get_by_label(symptom, exact=True).check()
    await page.get_by_role("button", name="Go on").click()


async def nothing(page: Page, times: int = 1) -> None:
    for _ in range(times):
        await page.get_by_role("button", name="None of these").click()


async def reach(page: Page, words: str) -> None:
    """By the keyboard alone: to the link, button or tick with these words."""
    for _ in range(80):
        await page.keyboard.press("Tab")
        if await page.evaluate(FOCUSED) == words:
            return
    raise AssertionError(f"no key leads to {words}")


async def press(page: Page, words: str) -> None:
    await reach(page, words)
    await page.keyboard.press("Enter")


FOCUSED = "() => (document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"


async def at_question(page: Page, number: int) -> None:
    await expect(page.locator("h1 .nth")).to_have_text(f"Question {number} of 4")
