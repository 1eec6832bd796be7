"""Handing a tablet to a client, and what the client does with it."""

import json
import re
from typing import Any
from uuid import uuid4

from playwright.async_api import Page, expect

from events.catalog.consent import ConsentSigned
from events.envelope import Entry
from tests.conftest import House
from tests.screens.conftest import Clinic, Tab

TABLET: dict[str, Any] = {"viewport": {"width": 820, "height": 1180}}
DUTCH = (
    "Microneedling maakt vele fijne kanalen in de huid.\r\nRoodheid is gewoon; u mag altijd nee zeggen.\r\n\r\n"
    "Ik heb alles gevraagd wat ik wilde – “echt”."
)
"""With the line ends of another system, which a page's source would swallow."""


def consent_page(clinic: Clinic, client: str, query: str = "") -> str:
    return f"{clinic.program.address}/clinics/{clinic.example.clinic_id}/consent/{client}{query}"


async def handed(tab: Tab, client: str, *, questions: str = "None", sign: bool = True, person: str = "practitioner") -> str:
    """A practitioner hands the tablet over, for cheeks and one millimeter. Gives the session that they had until then."""
    await tab.be(person)
    (session,) = [cookie["value"] for cookie in await tab.context.cookies() if cookie["name"] == "asepsis"]
    await tab.page.goto(consent_page(tab.clinic, client, "?areas=cheeks&depth_um=1000"))
    await tab.page.get_by_label(re.compile(f"^{questions}")).check()
    await tab.page.get_by_label("The client reads the text and signs").set_checked(sign)
    await tab.page.get_by_label("Explained by").select_option(label="Priya")
    await tab.page.get_by_role("button", name="Hand the tablet to the client").click()
    await expect(tab.page.get_by_role("heading", level=1)).to_have_text("Welcome")
    return session


async def at_the_text(tab: Tab, client: str) -> str:
    session = await handed(tab, client)
    await tab.page.get_by_role("link", name="Begin").click()
    await expect(tab.page.get_by_role("heading", level=1)).to_have_text("Read and sign")
    return session


async def draw(page: Page) -> None:
    """Two strokes with the mouse."""
    pad = page.locator("#pad")
    await pad.scroll_into_view_if_needed()
    box = await pad.bounding_box()
    assert box is not None
    for places in ([(0.1, 0.3), (0.3, 0.8), (0.5, 0.2), (0.9, 0.7)], [(0.2, 0.5), (0.8, 0.5)]):
        x, y = places[0]
        await page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y)
        await page.mouse.down()
        for x, y in places[1:]:
            await page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=5)
        await page.mouse.up()


async def ink(page: Page) -> float:
    """How much of the pad is not white, in parts of a thousand."""
    return float(await page.evaluate(INK))


INK = """() => {
  const pad = document.getElementById('pad');
  const seen = pad.getContext('2d').getImageData(0, 0, pad.width, pad.height).data;
  let dark = 0;
  for (let at = 0; at < seen.length; at += 4) if (seen[at] < 200) dark += 1;
  return dark * 4000 / seen.length;
}"""


async def signed(clinic: Clinic, client: str) -> list[dict[str, Any]]:
    """The client's consents, as a program sees them."""
    found: Any = await clinic.ask("GET", f"/clients/{client}/consents", person="practitioner")
    return list(found)


async def sheet_of(clinic: Clinic, consent: str) -> dict[str, Any]:
    """What is kept of a signature beside the ledger."""
    content = await clinic.stage.owner.fetchval("select content from consent.signatures where consent_id = $1", consent)
    found: dict[str, Any] = json.loads(content)
    return found


async def entry_of(clinic: Clinic, consent: str) -> Entry[Any]:
    """The signature as the ledger tells it."""
    entries = await House(clinic.stage.database, clinic.example.clinic_id).entries()
    return next(entry for entry in entries if isinstance(entry.event, ConsentSigned) and str(entry.event.consent_id) == consent)


async def publish(clinic: Clinic, text: str, *, language: str = "en", form: str | None = None, version: int = 1, depth: int = 1500) -> str:
    """A text of the clinic's, published by another program. Gives the form's id."""
    form = form or str(uuid4())
    body = {"language": language, "text": text, "modality": "microneedling", "areas": ["cheeks", "forehead", "chin"], "max_depth_um": depth}
    await clinic.ask("PUT", f"/forms/{form}/versions/{version}", body, person="clinician")
    return form


async def answered_no(tab: Tab, first: int, last: int) -> None:
    """The questions in between, sent as the forms send them."""
    here = f"{tab.clinic.program.address}/clinics/{tab.clinic.example.clinic_id}/signing/questions"
    headers = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}
    for number in range(first, last + 1):
        answer = await tab.context.request.post(f"{here}/{number}", data="answer=no", headers=headers, max_redirects=0)
        assert answer.status == 303, await answer.text()
