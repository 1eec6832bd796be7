"""The auditor's screens before the real program: search, an entry, the trace in both directions, the chain, what is taken away."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest
from playwright.async_api import expect

from tests.faults.morning import Client, Morning
from tests.screens.auditing import receive, refused, treated
from tests.screens.conftest import Clinic
from tests.screens.keys import past_the_head, press, write
from tests.screens.record_steps import (
    STARTED,
    exports,
    is_answered_again_after_an_outage,
    is_asked_once_for_several_letters,
    record,
    search,
    streams,
    taken,
    tamper,
    what,
)

Story = tuple[Morning, Client]

MARKUP = '#panic("x")*bold*'
FORMULA = "=cmd()"


@pytest.fixture(scope="module")
async def story(clinic: Clinic) -> AsyncIterator[Story]:
    """A lawful treatment, two lots with names that mean something to programs, and a refusal."""
    async with treated(clinic) as told:
        await receive(clinic, MARKUP)
        await receive(clinic, FORMULA, device="+1-tablet")
        await refused(clinic)
        yield told


async def test_a_search_is_answered_while_it_is_typed_and_stands_in_the_address(clinic: Clinic, story: Story) -> None:
    morning, client = story
    async with clinic.tab() as tab:
        page, asked = tab.page, list[str]()
        page.on("request", lambda sent: asked.append(sent.url) if sent.resource_type == "fetch" else None)
        await tab.be("auditor")
        await page.goto(clinic.board.removesuffix("/board"))
        await page.wait_for_url("**/record")
        await expect(what(page).first).to_contain_text("Not accepted: receive lot")
        await expect(what(page).filter(has_text=FORMULA)).to_contain_text("5 cartridges came in")
        await tab.is_sound("the record")
        await page.get_by_label("Type").select_option("treatment.started")
        await page.wait_for_url("**/record?type=treatment.started")
        await expect(page.get_by_role("status")).to_have_text("1 entry answers this.")
        await expect(what(page)).to_have_count(1)
        await expect(what(page)).to_contain_text("was started by Priya, microneedling, cheeks to 1.5 mm")
        assert await page.title() == "Record: Type: treatment.started – Asepsis"
        exports = page.get_by_role("link", name="These entries as CSV")
        await expect(exports).to_have_attribute("href", re.compile(r"export\.csv\?type=treatment\.started$"))
        await page.get_by_role("link", name="Everything", exact=True).click()
        await page.wait_for_url("**/record")
        await is_asked_once_for_several_letters(page, asked)
        await is_answered_again_after_an_outage(tab)
        await page.go_back()
        await expect(what(page)).to_have_count(1)
        await expect(page.get_by_label("Type")).to_have_value("treatment.started")
        about = record(clinic, "?about=")
        for words in (client.client_id, f"Client {client.client_id[:4]}", f"]Q1urn:uuid:{client.client_id}"):
            await page.goto(about + words)
            await expect(page.locator(".counts .id")).to_have_text(client.client_id)
            await expect(what(page).last).to_contain_text("was registered")
        for scanned in ("SP4471", f"]d201{clinic.example.gtin}1727113010SP4471"):
            await page.goto(about + scanned)
            await expect(what(page).last).to_contain_text("20 cartridges came in: lot SP4471")
        assert len(morning.units) == 3


async def test_without_javascript_each_search_is_a_page_to_go_back_to(clinic: Clinic, story: Story) -> None:
    assert story
    async with clinic.tab(java_script_enabled=False) as tab:
        page = tab.page
        await tab.be("auditor")
        await page.goto(record(clinic))
        await search(page, Type="treatment.started")
        await page.wait_for_url("**/record?type=treatment.started")
        await expect(what(page)).to_have_count(1)
        await page.get_by_role("link", name="Everything", exact=True).click()
        await search(page, About="Priya")
        await expect(page.locator(".counts")).to_contain_text("Priya")
        await expect(what(page).first).to_contain_text("Priya")
        await page.go_back()
        await page.go_back()
        await expect(what(page)).to_have_count(1)
        await expect(page.get_by_label("Type")).to_have_value("treatment.started")


async def test_refusals_and_looks_are_found_when_asked_for_and_nonsense_is_answered(clinic: Clinic, story: Story) -> None:
    assert story
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected.append("422")
        await tab.be("auditor")
        await page.goto(record(clinic))
        await page.get_by_label("Refusals only").check()
        await page.wait_for_url("**/record?refused=yes")
        rows = what(page)
        await expect(rows).to_have_count(await rows.filter(has_text="Refused").count())
        await page.goto(record(clinic, "?looks=yes"))
        await expect(rows.first).to_contain_text("The record was looked at: ledger")
        await expect(rows.first).to_contain_text("Augusta, auditor")
        today = clinic.tomorrow.isoformat()
        await page.goto(record(clinic, f"?from={today}"))
        await expect(page.get_by_text("Nothing in the record answers this.")).to_be_visible()
        await tab.is_sound("nothing found")
        await page.goto(record(clinic, "?about=nobody%20at%20all"))
        await expect(page.get_by_text("Nothing is called “nobody at all”")).to_be_visible()
        await page.goto(record(clinic, f"?from={today}&until=2020-01-01"))
        await expect(page.get_by_role("alert")).to_contain_text("The last day lies before the first.")
        await tab.is_sound("no question")


async def test_an_entry_has_its_links_its_neighbors_and_its_exact_bytes(clinic: Clinic, story: Story) -> None:
    _, client = story
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("auditor")
        await page.goto(record(clinic, "?type=treatment.started"))
        await what(page).get_by_role("link").click()
        index = int(page.url.rpartition("/")[2])
        await expect(page.get_by_role("heading", level=1)).to_contain_text("was started by Priya")
        await tab.is_sound("an entry")
        links = page.get_by_role("list").filter(has_text="All entries")
        await expect(links).to_contain_text(client.client_id)
        await expect(page.get_by_text("Its hash is right")).to_be_visible()
        await page.get_by_text("Raw, as it was hashed").click()
        header, body = [await page.locator("pre").nth(number).text_content() or "" for number in (0, 1)]
        before, chain = [await page.locator("dl.stacked .id").nth(number).inner_text() for number in (1, 2)]
        assert sha256(body.encode()).hexdigest() in header, "the header seals the body"
        leaf = sha256(b"\x00" + header.encode()).digest()
        assert sha256(b"\x02" + bytes.fromhex(before) + leaf).hexdigest() == chain
        await tab.is_sound("raw")
        await tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.get_by_role("button", name=f"Copy {chain}").click()
        await expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert await page.evaluate("() => navigator.clipboard.readText()") == chain
        await page.get_by_role("link", name=f"Entry {index + 1}").click()
        await page.wait_for_url(f"**/record/entries/{index + 1}")
        await page.go_back()
        await links.get_by_role("link", name=f"All entries about Client {client.client_id[:4].upper()}").click()
        await page.wait_for_url(f"**/record?about={client.client_id}")
        tab.expected.append("404")
        await page.goto(record(clinic, "/entries/99999"))
        await expect(page.get_by_role("alert")).to_be_visible()


async def test_the_trace_leads_from_the_sterilizer_to_the_client_and_back(clinic: Clinic, story: Story) -> None:
    morning, client = story
    sterilizer = str(clinic.example.sterilizer_id)
    async with clinic.tab() as tab:
        page = tab.page
        await tab.be("auditor")
        # From the search to the entry, the trace and back by keys alone.
        await page.goto(record(clinic))
        await past_the_head(page)
        await write(page, page.get_by_label("About", exact=True), sterilizer)
        await page.wait_for_url(f"**/record?about={sterilizer}")
        await press(page, what(page).last.get_by_role("link"))
        await expect(page.get_by_role("heading", level=1)).to_contain_text("MX-40021")
        await press(page, page.get_by_role("link", name=f"Trace Sterilizer {sterilizer[:4].upper()}"))
        await expect(page.get_by_text("Everything is accounted for")).to_be_visible()
        await press(page, page.get_by_role("link", name="All entries about it"))
        await expect(page.get_by_label("About", exact=True)).to_have_value(sterilizer)
        await press(page, page.get_by_role("link", name="Whom it touched"))
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"Whom Sterilizer {sterilizer[:4].upper()} touched")
        await expect(page.get_by_text("Everything is accounted for")).to_be_visible()
        picture = page.locator(".picture svg")
        await expect(picture).to_contain_text(f"Pack {morning.packs[0][:4].upper()}")
        await expect(picture).to_contain_text(f"Client {client.client_id[:4].upper()}")
        await tab.is_sound("from a sterilizer")
        name = f"Treatment {client.treatment_id[:4].upper()}"
        await press(page, picture.get_by_role("link", name=name))
        await expect(page.get_by_role("heading", level=1)).to_have_text(f"What stands behind {name}")
        await expect(page.get_by_text("under policy version 2, approved by Dr. Kim")).to_be_visible()
        for heading in ("The start and its certificate", "Consent", "Health questions", "Sterilization", "Room", "Policy"):
            await expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        await tab.is_sound("behind a treatment")
        for way in (f"Sterilizer {sterilizer[:4].upper()}", "Priya", f"Client {client.client_id[:4].upper()}"):
            await page.locator(".picture").get_by_role("link", name=way).click()
            await expect(page.get_by_role("heading", level=1)).to_have_text(f"Whom {way} touched")
            await expect(page.get_by_role("table").get_by_role("link", name=name)).to_be_visible()
            await page.go_back()
        await page.goto(record(clinic, f"/touched?kind=sterilizer&id={sterilizer}&until=2020-01-01"))
        await expect(page.get_by_text("It touched no treatment in these days.")).to_be_visible()


async def test_the_chain_is_checked_and_a_changed_entry_is_found_where_it_is(clinic: Clinic, story: Story) -> None:
    _, client = story
    async with clinic.tab() as tab:
        page = tab.page
        tab.expected.append("422")
        await tab.be("auditor")
        await page.goto(record(clinic))
        await page.get_by_role("link", name="Check the chain").click()
        head = await page.locator("#head").inner_text()
        await page.get_by_label("A head that you kept earlier").fill(head)
        await page.get_by_role("button", name="Check every entry").click()
        await expect(page.get_by_role("status")).to_contain_text("entries, chain intact. It agrees with the head that you kept.")
        await tab.is_sound("intact")
        await page.goto(record(clinic, "/chain?check=yes&kept=1:2:3"))
        await expect(page.get_by_role("alert")).to_contain_text("A kept head is epoch, size and chain")
        await tab.is_sound("no head")
        owner, mine = clinic.stage.owner, clinic.example.clinic_id
        index, body = await owner.fetchrow(STARTED, mine)
        try:
            await tamper(clinic, index, body.replace(b'"needling"', b'"needlins"').replace(b'"cheeks"', b'"cheekz"'))
            await page.goto(record(clinic, "/chain?check=yes"))
            await expect(page.get_by_role("alert")).to_contain_text(f"Chain broken at entry {index}")
            await expect(page.get_by_role("alert")).to_contain_text(f"Every entry before {index} is as it was recorded.")
            await tab.is_sound("broken")
            await page.get_by_role("link", name=f"Look at entry {index}").click()
            await expect(page.get_by_text("Its hash is wrong")).to_be_visible()
            for spoiled in (b"", b"\xff not JSON", b"{}", body.replace(b'"findings":[', b'"findings":[1,'), body.replace(b"20", b"99")):
                await tamper(clinic, index, spoiled)
                await page.goto(record(clinic, f"/entries/{index}"))
                await expect(page.get_by_text("Its hash is wrong")).to_be_visible()
                await page.goto(record(clinic, "?type=treatment.started"))
                await expect(what(page)).to_have_count(1)
                for path in (
                    "/export.csv",
                    "/export.pdf",
                    f"/touched?kind=client&id={client.client_id}",
                    f"/treatments/{client.treatment_id}",
                ):
                    assert (await tab.context.request.get(record(clinic, path))).ok, (path, spoiled)
        finally:
            await tamper(clinic, index, body)


async def test_the_record_is_taken_away_as_a_table_and_as_a_document(clinic: Clinic, story: Story) -> None:
    assert story
    before = await exports(clinic)
    async with clinic.tab(accept_downloads=True) as tab:
        await tab.be("auditor")
        await tab.page.goto(record(clinic))
        table = await taken(tab, "CSV")
        assert table.startswith(b"\xef\xbb\xbf")
        rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
        ledger = await clinic.ask("GET", "/ledger?limit=500", person="auditor")
        entries = {entry["index"]: entry for entry in ledger["entries"]}
        assert [int(row["index"]) for row in rows] == sorted((int(row["index"]) for row in rows), reverse=True)
        assert len(rows) > 50
        for row in rows:
            entry = entries[int(row["index"])]
            assert (row["chain"], row["chain_position"]) == (entry["chain"], f"1:{entry['index'] + 1}")
            assert json.loads(row["data"]) == entry["data"]
            assert not any(value.startswith(("=", "+", "-", "@")) for value in row.values())
        odd = [row for row in rows if FORMULA in row["what"]]
        assert [row["device"] for row in odd] == ["'+1-tablet"]

        document = await taken(tab, "PDF")
        assert document.startswith(b"%PDF-1.7")
        assert all(said in document for said in (b"<pdfaid:part>3</pdfaid:part>", b"<pdfuaid:part>1</pdfuaid:part>", b"/MarkInfo"))
        assert document.count(b"/Type/Page") + document.count(b"/Type /Page") > 3
        inside = next(found for stream in streams(document) if stream.startswith(b'{"clinic_id"') for found in [json.loads(stream)])
        assert inside["complete"]
        assert len(inside["entries"]) >= len(rows)
        assert {MARKUP, FORMULA} <= {entry["data"].get("lot") for entry in inside["entries"]}
        narrowed = await tab.context.request.get(record(clinic, "/export.csv?type=lot.received"))
        assert len(list(csv.reader(io.StringIO(await narrowed.text())))) == 1 + 3
        assert await exports(clinic) == before + 3, "who took it away is recorded"


async def test_who_may_not_look_is_told_who_may(clinic: Clinic) -> None:
    async with clinic.tab() as tab:
        tab.expected.append("403")
        await tab.be("technician")
        for path in ("", "/chain", "/entries/3", "/export.csv", "/export.pdf"):
            await tab.page.goto(record(clinic, path))
            await expect(tab.page.get_by_role("alert")).to_be_visible()
            await expect(tab.page.get_by_text("These roles may:")).to_contain_text("auditor, manager")
