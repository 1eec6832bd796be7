"""The tablet's door: what it keeps to go on without the network, and how a report that was refused is corrected under its id."""

import json
import re
from typing import Any
from uuid import uuid4

from schemas.vocabulary import Role
from services.hygiene.pages.tablet import CAMERA, ICONS, LATER, MODULES, SHELL
from services.screens.assets import FOLDER, address, version
from tests.doors.conftest import Door

STEPS = ["sharps_discarded", "surfaces_cleaned", "surfaces_disinfected", "barriers_renewed"]


async def _turnover(door: Door, wet: int) -> dict[str, Any]:
    now = await door.house.now("hygiene")
    return {
        "room_id": str(uuid4()),
        "product": "wipes",
        "wet_seconds": wet,
        "label_seconds": 120,
        "steps": STEPS,
        "occurred_at": now.isoformat(),
    }


async def test_a_refused_report_is_corrected_under_its_own_id_and_repeated_like_any_other(door: Door) -> None:
    path = f"/clinics/{door.house.clinic_id}/turnovers/{uuid4()}"
    wrong = await _turnover(door, 20)
    right = wrong | {"wet_seconds": 140}
    asked = [(wrong, 0), (wrong, 0), (right, 0), (right, 1), (right, 1), (wrong, 2)]
    answers = [await door.ask("PUT", path, Role.TECHNICIAN, json=body, params={"correction": number}) for body, number in asked]
    assert [found.status_code for found in answers] == [409, 409, 409, 201, 200, 409]
    assert answers[0].json()["event_id"] == answers[1].json()["event_id"]
    assert answers[2].json()["type"].endswith("id_reused")
    assert "used before with other content" in answers[5].json()["detail"]
    other = await door.ask("PUT", path, Role.PRACTITIONER, json=right, params={"correction": 1})
    assert (other.status_code, other.json()["event_id"]) == (200, answers[3].json()["event_id"])


async def test_the_worker_keeps_everything_that_the_page_is_made_of_and_nothing_else(door: Door) -> None:
    """Nobody has to be signed in: a tablet gets the new deploy all the same."""
    here = f"/clinics/{door.house.clinic_id}/tablet"
    worker = await door.client.get(f"{here}/sw.js")
    assert (worker.status_code, worker.headers["service-worker-allowed"]) == (200, here)
    assert worker.headers["cache-control"] == "no-cache"
    shell = json.loads(worker.text.partition("const SHELL = ")[2].partition(";\n")[0])
    assert (shell["version"], shell["page"]) == (version(), here)
    assert shell["files"] == [address(name) for name in SHELL]
    named = {name for module in (*MODULES, *LATER) for name in re.findall(r'from "\./(\w+\.js)"', (FOLDER / module).read_text())}
    asked = {name for module in (*MODULES, *LATER) for name in re.findall(r'import\("\./(\w+\.js)"\)', (FOLDER / module).read_text())}
    assert asked == set(LATER), "what a tap asks for first is kept with the rest"
    read = set(re.findall(r'new URL\("([^"]+)"', (FOLDER / "scan.js").read_text()))
    assert (named - set(MODULES), read) == (set(), set(CAMERA))
    page = (await door.ask("GET", here, Role.TECHNICIAN)).text
    drawn = set(re.findall(r"/static/[^/]+/([^\"#]+)", page)) - {*ICONS}
    assert drawn <= set(SHELL)
    for name in SHELL:
        assert (await door.client.get(address(name))).status_code == 200


async def test_a_tablet_can_be_put_on_a_home_screen(door: Door) -> None:
    here = f"/clinics/{door.house.clinic_id}/tablet"
    found = await door.client.get(f"{here}/manifest.webmanifest")
    assert found.headers["content-type"] == "application/manifest+json"
    assert found.json()["start_url"] == here
    for icon in found.json()["icons"]:
        drawn = await door.client.get(icon["src"])
        assert (drawn.headers["content-type"], drawn.content[1:4]) == ("image/png", b"PNG")


async def test_the_page_and_what_it_keeps_are_the_same_for_everybody_and_name_nobody(door: Door) -> None:
    await door.house.caught_up("hygiene")
    here = f"/clinics/{door.house.clinic_id}/tablet"
    pages = {(await door.ask("GET", here, role)).text for role in (Role.TECHNICIAN, Role.PRACTITIONER, Role.MANAGER)}
    assert len(pages) == 1
    policy = (await door.ask("GET", here, Role.TECHNICIAN)).headers["content-security-policy"]
    assert "'wasm-unsafe-eval'" in policy
    assert "unsafe-inline" not in policy
    facts = await door.ask("GET", f"{here}/facts", Role.TECHNICIAN)
    kept = {"now", "sterilizers", "programs", "products", "contact_seconds", "rooms", "handpieces", "pending", "who", "session"}
    assert set(facts.json()) == kept, facts.text
    assert (await door.ask("GET", f"{here}/facts", Role.FRONT_DESK)).status_code == 403
    assert (await door.ask("GET", f"{here}/people", Role.AUDITOR)).status_code == 403
