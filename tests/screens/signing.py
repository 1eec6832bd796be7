"""Handing a tablet to a client, and what the client does with it."""

import gzip
import hashlib
import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from playwright.async_api import Page, expect
from starlette.requests import Request
from starlette.responses import Response

from events.catalog.consent import ConsentSigned
from events.envelope import Entry
from services.consent.pages.handing import Given, Handing, keep
from services.example import CONSENT_TEXT
from services.screens.assets import FOLDER
from services.screens.drafts import SIGNING
from tests.conftest import SECRET, House
from tests.screens.conftest import Clinic, Tab

TABLET: dict[str, Any] = {"viewport": {"width": 820, "height": 1180}}
DUTCH = (
    "Microneedling maakt vele fijne kanalen in de huid.\r\nRoodheid is gewoon; u mag altijd nee zeggen.\r\n\r\n"
    "Ik heb alles gevraagd wat ik wilde – “echt”."
)
"""With the line ends of another system, which a page's source would swallow."""
ARABIC = "تصنع الإبر قنوات دقيقة في الجلد (Microneedling).\nيمكنك دائمًا أن تقول لا."


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


async def signed_elsewhere(clinic: Clinic, client: str) -> None:
    """A consent of this client, recorded by another program."""
    form = await publish(clinic, CONSENT_TEXT, depth=900)
    sheet = {
        "client_id": client,
        "form_id": form,
        "form_version": 1,
        "text_digest": hashlib.sha256(CONSENT_TEXT.encode()).hexdigest(),
        "areas": ["cheeks"],
        "max_depth_um": 500,
        "explained_by": str(clinic.example.people["practitioner"].identity_id),
        "signed_at": datetime.now(UTC).isoformat(),  # noqa: TID251 - another program has its own clock
        "signature": {"method": "typed", "name": "Evi"},
    }
    await clinic.ask("PUT", f"/consents/{uuid4()}", sheet, person="practitioner")


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


async def answered_no(tab: Tab, codes: list[str]) -> None:
    """The questions in between: what their pages leave in the tablet's cookie, without opening forty of them."""
    (cookie,) = [found for found in await tab.context.cookies() if found["name"] == "asepsis-signing"]
    app = SimpleNamespace(state=SimpleNamespace(database=tab.clinic.stage.database))
    headers = [(b"cookie", f"asepsis-signing={cookie['value']}".encode())]
    asked = Request({"type": "http", "method": "GET", "scheme": "http", "path": "/", "headers": headers, "app": app})
    handing = Handing.model_validate(SIGNING.read(asked, SECRET))
    response = Response()
    answers = {code: Given(a="n") for code in codes} | handing.answers
    keep(asked, response, handing.model_copy(update={"answers": answers}))
    value = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
    where = {"domain": cookie["domain"], "path": cookie["path"]}
    await tab.context.add_cookies([{"name": "asepsis-signing", "value": value, "httpOnly": True, **where}])  # type: ignore[typeddict-item]


async def is_thanked(page: Page, words: str = "Please hand the tablet back.") -> None:
    await expect(page.get_by_text(words)).to_be_visible()


def javascript(loaded: list[str]) -> int:
    """Bytes of a page's scripts, compressed."""
    names = {url.partition("/static/")[2].partition("/")[2] for url in loaded}
    return sum(len(gzip.compress((FOLDER / name).read_bytes(), 9)) for name in names)


async def drawn_and_turned(page: Page) -> None:
    """The tablet is turned and turned back: the drawing stays."""
    await draw(page)
    before = await ink(page)
    assert before > 1
    for width, height in ((1180, 820), (820, 1180)):
        await page.set_viewport_size({"width": width, "height": height})
        await page.wait_for_function("() => Math.abs(pad.width - pad.getBoundingClientRect().width * devicePixelRatio) < 2")
        assert await ink(page) > before / 4


async def holds_no_way_to_the_staff(tab: Tab, client: str) -> None:
    """Whatever address is typed on the tablet, and however often somebody goes back."""
    names = {cookie["name"] for cookie in await tab.context.cookies()}
    assert names == {"asepsis-signing"}
    for address in (consent_page(tab.clinic, client), tab.clinic.board):
        await tab.page.goto(address)
        await expect(tab.page.get_by_role("heading", level=1)).to_have_text("Sign in")
