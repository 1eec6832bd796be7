"""Hygiene's pages without a browser: what is looked up by a scan, what is decided there, and that a form sent twice is one command."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from html import unescape
from uuid import UUID, uuid4

import httpx
import pytest
import segno

from events.catalog.hygiene import (
    HygieneRefused,
    LoadReleased,
    LotQuarantined,
    PackQuarantined,
    RecallDecided,
    RecallOpened,
    SterilizerRemoved,
    SterilizerReturned,
)
from events.database import Database
from schemas.hygiene import HandpieceReport
from schemas.policy import policy_from_toml
from schemas.vocabulary import Role
from services.hygiene import commands
from tests.conftest import House, open_house
from tests.doors.conftest import Door, token_for
from tests.services.hygiene_words import BI, GTIN, SCAN, Bench

NOBODY = UUID("00000000-0000-4000-8000-00000000dead")  # one that stays, for tests are collected twice


@pytest.fixture(scope="module")
async def house(database: Database) -> House:
    """A clinic whose recalls wait for a decision."""
    return await open_house(database, policy_from_toml('[recall]\nmode = "cdc_steam"\n'))


@pytest.fixture
async def bench(door: Door) -> Bench:
    return Bench(door.house, await door.house.now("hygiene"))


@asynccontextmanager
async def signed_in(door: Door, role: Role) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, as far as cookies go, on hygiene's pages."""
    for service in ("hygiene", "compliance"):
        await door.house.caught_up(service)
    base = f"http://asepsis/clinics/{door.house.clinic_id}/hygiene/"
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
    async with httpx.AsyncClient(transport=door.client._transport, base_url=base, headers=headers) as client:
        answer = await client.post("../sign-in", data={"token": door.tokens[role]})
        assert answer.status_code == 303, answer.text
        yield client


def below(address: str) -> str:
    """An address as one below hygiene's."""
    return address.partition("/hygiene/")[2]


async def form(browser: httpx.AsyncClient, path: str, action: str) -> tuple[str, dict[str, str]]:
    """Where a form of a page is sent, and what it carries unseen."""
    shown = await browser.get(path)
    assert shown.status_code == 200, shown.text
    found = re.search(rf'<form method="post" action="([^"]*{action})".*?</form>', shown.text, re.DOTALL)
    assert found, shown.text
    return below(unescape(found[1])), dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', found[0]))


async def once(browser: httpx.AsyncClient, where: str, sent: dict[str, str], status: int = 303) -> httpx.Response:
    """Sent twice, as by a finger in a glove."""
    first, second = await browser.post(where, data=sent), await browser.post(where, data=sent)
    assert (first.status_code, second.status_code) == (status, status), first.text
    return first


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        (Role.TECHNICIAN, "lots", 200),
        (Role.AUDITOR, "recalls", 200),
        (Role.MANAGER, "labels", 200),
        (Role.FRONT_DESK, "lots", 403),
        (Role.FRONT_DESK, "recalls", 403),
        (Role.TECHNICIAN, f"lots/{NOBODY}", 404),
        (Role.TECHNICIAN, f"packs/{NOBODY}", 404),
        (Role.TECHNICIAN, f"recalls/{NOBODY}", 404),
        (Role.TECHNICIAN, f"sterilizers/{NOBODY}", 404),
        (Role.TECHNICIAN, f"lots?code={NOBODY}", 200),
        (Role.TECHNICIAN, "lots?code=%00", 200),
        (Role.TECHNICIAN, "lots?code=" + "9" * 400, 200),
    ],
)
async def test_who_is_shown_what(door: Door, role: Role, path: str, status: int) -> None:
    async with signed_in(door, role) as browser:
        answer = await browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8"), answer.text


async def test_a_release_that_is_sent_twice_is_asked_once(door: Door, bench: Bench) -> None:
    machine = await bench.sterilizer("MX-10")
    await bench.read(await bench.cycle(machine, 6, indicator=BI), 5)
    good = await bench.cycle(machine, 3, [uuid4()])
    bad = await bench.cycle(machine, 2, [uuid4()], external_indicator="unchanged")
    async with signed_in(door, Role.TECHNICIAN) as browser:
        done = await once(browser, *await form(browser, "today", f"{good}/release"))
        assert "Released: the packs" in (await browser.get(below(done.headers["location"]))).text
        where, sent = await form(browser, "today", f"{bad}/release")
        refused = await once(browser, where, sent, 409)
        assert "The load was not released" in refused.text
        assert "This form is not complete" in (await browser.post(where, data={"occurred_at": sent["occurred_at"]})).text
        assert f'value="{sent["command_id"]}"' not in refused.text, "asked again, it is another question"
    assert [said.cycle_id for said in await door.house.said(LoadReleased)] == [good]
    assert [said.subject_id for said in await door.house.said(HygieneRefused)] == [bad]


async def test_a_lot_is_found_by_any_of_its_codes(door: Door, bench: Bench) -> None:
    lot = await bench.lot(quantity=3)
    one, two = await bench.units(lot, 2)
    pack = uuid4()
    machine = await bench.sterilizer("MX-11")
    await bench.cycle(machine, 3, [pack])
    there = {
        SCAN: f"lots/{lot}",
        f"01{GTIN}1729123110sp4471": f"lots/{lot}",
        "SP4471": f"lots/{lot}",
        f"]Q1urn:uuid:{one}": f"lots/{lot}?unit={one}",
        str(two)[-8:].upper(): f"lots/{lot}?unit={two}",
        f"urn:uuid:{pack}": f"packs/{pack}",
        "mx-11": f"sterilizers/{machine}",
    }
    async with signed_in(door, Role.TECHNICIAN) as browser:
        for code, path in there.items():
            answer = await browser.get("lots", params={"code": code})
            assert answer.headers.get("location") == f"/clinics/{door.house.clinic_id}/hygiene/{path}", code
            assert (await browser.get(below(answer.headers["location"]))).status_code == 200
        assert "Nothing here has this code" in (await browser.get("lots", params={"code": "SP9999"})).text
        assert "may have dropped a separator" in (await browser.get("lots", params={"code": f"]d201{GTIN}1729123110AB12321000045"})).text
        assert "SP4471" in (await browser.get("lots", params={"code": "p44"})).text, "a part of it will do"
        shown = (await browser.get(f"lots/{lot}?unit={one}")).text
        assert "3 of 3" in shown
        assert f"You scanned cartridge {one.hex[-8:].upper()}: unused" in shown
        waste = (await browser.get(f"units/{one}/waste")).text
        sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', waste)) | {"reason": "dropped"}
        done = await once(browser, f"units/{one}/waste", sent)
        shown = (await browser.get(below(done.headers["location"]))).text
        assert "2 of 3" in shown, "wherever nobody came from, they go to the lot"
        assert "wasted: dropped" in shown


async def test_a_lot_that_is_recalled_is_held_and_says_who_is_to_be_reached(door: Door, bench: Bench) -> None:
    lot = await bench.lot(scan=SCAN.replace("SP4471", "RC0815"))
    again = await bench.lot(scan=SCAN.replace("SP4471", "rc0815"))
    near = await bench.lot(scan=SCAN.replace("SP4471", "RCO815"))
    [unit] = await bench.units(lot, 1)
    treated = await bench.treated(units=[unit])
    await door.house.react("hygiene")
    async with signed_in(door, Role.AUDITOR) as browser:
        assert "Hold this lot" not in (await browser.get(f"lots/{lot}")).text
        assert (await browser.post(f"lots/{lot}/quarantine", data={})).status_code == 403
    async with signed_in(door, Role.MANAGER) as browser:
        where, sent = await form(browser, f"lots/{lot}", "quarantine")
        assert str(near) in (await browser.get(f"lots/{lot}")).text, "almost alike: a person compares"
        sent["reason"] = "manufacturer_recall"
        unseen = await browser.post(where, data=sent)
        assert (unseen.status_code, "Compare product number and lot" in unseen.text) == (422, True), unseen.text
        done = await once(browser, where, sent | {"compared": "yes"})
        shown = (await browser.get(below(done.headers["location"]))).text
        assert "Held" in shown
        assert "1 client to be reached" in shown
        assert "Hold this lot" not in shown
        assert "Held" in (await browser.get("lots")).text
        [recall] = await door.house.said(RecallOpened)
        told = (await browser.get(f"recalls/{recall.recall_id}")).text
        assert "Recall of Lot RC0815" in told
        assert f"Client {treated.client_id.hex[:4].upper()}" in told
        assert f"lots/{again}" in told
        assert f"lots/{near}" not in told
    assert {said.lot_id for said in await door.house.said(LotQuarantined)} == {lot, again}


async def test_two_persons_decide_a_recall(door: Door, bench: Bench) -> None:
    machine, used, unused = await bench.sterilizer("MX-12"), uuid4(), uuid4()
    positive = await bench.cycle(machine, 20, [used, unused], indicator=BI)
    await bench.treated([used])
    await bench.read(positive, 19, grew=True)
    recall = (await door.house.said(RecallOpened))[-1]
    path, other = f"recalls/{recall.recall_id}", uuid4()
    token = await token_for(door.house, Role.MANAGER, other)
    async with signed_in(door, Role.TECHNICIAN) as browser:
        shown = (await browser.get("recalls")).text
        assert "Sterilizer MX-12" in shown
        assert "To be decided until" in shown
        assert "Record the decision" not in (await browser.get(path)).text
        assert path in (await browser.get("today")).text
    async with signed_in(door, Role.CLINICIAN) as browser:
        where, sent = await form(browser, path, "decision")
        shown = (await browser.get(path)).text
        assert "Clients to be reached: 1" in shown
        assert f"{unused.hex[-8:].upper()}" in shown
        sent |= {"root_cause": "wrong_bi", "second_signer_id": str(other), "shown": token}
        assert (await browser.post(where, data=sent)).status_code == 422, "nobody chose"
        refused = await once(browser, where, sent | {"decision": "released"}, 409)
        assert "Nothing was decided" in refused.text
        assert token not in refused.text
        where, fresh = await form(browser, path, "decision")
        done = await once(browser, where, sent | fresh | {"decision": "confirmed"})
        shown = (await browser.get(below(done.headers["location"]))).text
        assert "The decision of both of you is on record" in shown
        assert "Record the decision" not in shown
    [decided] = await door.house.said(RecallDecided)
    assert (decided.decision, decided.second_signer_id, decided.second_showed) == ("confirmed", other, "token")


async def test_a_pack_is_rejected_where_it_was_to_be_used(door: Door, bench: Bench) -> None:
    machine, pack, other = await bench.sterilizer("MX-13"), uuid4(), uuid4()
    await bench.release(await bench.cycle(machine, 3, [pack, other]))
    before = len(await door.house.said(PackQuarantined))
    async with signed_in(door, Role.PRACTITIONER) as browser:
        assert "May be used" in (await browser.get(f"packs/{pack}")).text
        where, sent = await form(browser, f"packs/{pack}", "reject")
        done = await once(browser, where, sent | {"reason": "indicator_unchanged"})
        shown = (await browser.get(below(done.headers["location"]))).text
        assert "This pack is held" in shown
        assert "Reject this pack" not in shown
        assert "Indicator unchanged" in (await browser.get(f"packs/{other}")).text, "no steam may have reached the rest of its load"
    [held] = (await door.house.said(PackQuarantined))[before:]
    assert set(held.pack_ids) == {pack, other}


async def test_whoever_stands_near_a_sterilizer_stops_it_and_the_manager_answers_for_its_return(door: Door, bench: Bench) -> None:
    machine, pack = await bench.sterilizer("MX-14"), uuid4()
    await bench.release(await bench.cycle(machine, 3, [pack]))
    path = f"sterilizers/{machine}"
    async with signed_in(door, Role.TECHNICIAN) as browser:
        where, sent = await form(browser, path, "remove")
        sent |= {"reason": "defect", "since": "soon"}
        assert (await browser.post(where, data=sent)).status_code == 422
        done = await once(browser, where, sent | {"since": f"{bench.now.year - 1}-01-01T08:00"})
        assert "It is out of service" in (await browser.get(below(done.headers["location"]))).text
        assert "Held" in (await browser.get(f"packs/{pack}")).text, "it came out after that"
        assert "The manager brings it back" in (await browser.get(path)).text
    [removed] = [said for said in await door.house.said(SterilizerRemoved) if said.sterilizer_id == machine]
    assert removed.occurred_at.astimezone(UTC).hour == 7, "eight on the clinic's wall"
    async with signed_in(door, Role.MANAGER) as browser:
        refused = await once(browser, *await form(browser, path, "return"), 409)
        assert "This was not recorded" in refused.text
        for hours in (0.9, 0.7, 0.5):
            await bench.read(await bench.cycle(machine, hours + 0.6, indicator=BI, purpose="qualification"), hours)
        done = await once(browser, *await form(browser, path, "return"))
        assert "It is in service again" in (await browser.get(below(done.headers["location"]))).text
    assert [said.sterilizer_id for said in await door.house.said(SterilizerReturned)] == [machine]


async def test_a_machine_that_was_commissioned_anew_is_stopped_as_what_it_is_now(door: Door, bench: Bench) -> None:
    """An old label, or its serial: out of service goes what loads are logged under, not a former count of cycles."""
    old, new = await bench.sterilizer("MX-16", days_ago=9), await bench.sterilizer("MX-16")
    there = f"/clinics/{door.house.clinic_id}/hygiene/sterilizers/{new}"
    async with signed_in(door, Role.TECHNICIAN) as browser:
        assert (await browser.get("lots", params={"code": "mx-16"})).headers.get("location") == there
        assert (await browser.get(f"sterilizers/{old}")).headers.get("location") == there
        assert (await browser.get(f"sterilizers/{new}")).status_code == 200


async def test_what_stands_in_the_clinic_for_years_has_labels_too(door: Door, bench: Bench) -> None:
    old, new, pen, room = await bench.sterilizer("MX-15", days_ago=9), await bench.sterilizer("MX-15"), uuid4(), uuid4()
    report = HandpieceReport(serial="PEN-0007", fits_gtins=(GTIN,), max_depth_um=2500, occurred_at=bench.now)
    await bench.do(commands.commission_handpiece, pen, report)
    await door.ask("PUT", f"/clinics/{door.house.clinic_id}/resources/{room}", Role.MANAGER, json={"kind": "room"})
    await door.house.caught_up("booking")
    async with signed_in(door, Role.TECHNICIAN) as browser:
        shown = (await browser.get("labels")).text
    for identity in (new, pen, room):
        assert segno.make(f"urn:uuid:{identity}", error="q", micro=False).svg_inline(border=4, omitsize=True) in shown
    assert segno.make(f"urn:uuid:{old}", error="q", micro=False).svg_inline(border=4, omitsize=True) not in shown
    assert {"Sterilizer MX-15", "Handpiece PEN-0007", f"Room {room.hex[:4].upper()}"} <= set(re.findall(r"<span>([^<]+)</span>", shown))
