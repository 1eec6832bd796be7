"""Hygiene through its HTTP door: shapes, status codes, refusals with every reason."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

import schemas.hygiene as shapes
from events.access import hash_of
from schemas.vocabulary import Role, Shape
from services.hygiene.routes import routes
from services.problems import handle_problems
from tests.conftest import House
from tests.services.hygiene_words import GTIN, SCAN


@dataclass
class Technician:
    """Somebody at the bench, with a token."""

    http: AsyncClient
    clinic_id: UUID
    token: str
    now: datetime

    def at(self, hours_ago: float = 0) -> str:
        return (self.now - timedelta(hours=hours_ago)).isoformat()

    async def send(self, method: str, path: str, body: Any = None, **params: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid4())}
        return await self.http.request(method, f"/clinics/{self.clinic_id}{path}", json=body, headers=headers, params=params)

    def cycle(self, sterilizer_id: str, number: int, packs: list[str], **more: Any) -> dict[str, Any]:
        return {
            "sterilizer_id": sterilizer_id,
            "cycle_number": number,
            "program": "prevac_wrapped_134",
            "started_at": self.at(3),
            "ended_at": self.at(2.5),
            "samples": [{"second": 10 * n, "temperature_mc": 134_500} for n in range(20)],
            "external_indicator": "changed",
            "internal_indicator": "changed",
            "packs": [{"pack_id": pack, "contents": "extractor_set"} for pack in packs],
            "occurred_at": self.at(2),
            **more,
        }


@pytest.fixture
async def bench(owner: asyncpg.Connection, house: House) -> AsyncIterator[Technician]:
    """A manager, who may do everything of hygiene."""
    app = FastAPI()
    app.state.database = house.database
    app.include_router(routes)
    handle_problems(app)
    token, identity_id = f"asp_{uuid4().hex}", uuid4()
    await owner.execute(
        "insert into access.tokens (clinic_id, token_hash, token_id, identity_id, label, created_at, expires_at)"
        " values ($1, $2, $3, $4, 'test', now(), now() + interval '1 hour')",
        house.clinic_id,
        hash_of(token),
        uuid4(),
        identity_id,
    )
    for role in (Role.MANAGER, Role.PRACTITIONER):
        await owner.execute(
            "insert into access.grants (clinic_id, identity_id, role, granted, epoch, size) values ($1, $2, $3, true, 1, 0)",
            house.clinic_id,
            identity_id,
            role.value,
        )
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as http:
        yield Technician(http, house.clinic_id, token, await house.now())


async def commission(bench: Technician) -> str:
    sterilizer = str(uuid4())
    body = {"serial": "MX-1", "air_removal": "prevac", "programs": ["prevac_wrapped_134"], "occurred_at": bench.at(48)}
    assert (await bench.send("PUT", f"/sterilizers/{sterilizer}", body)).status_code == 201
    return sterilizer


async def test_a_load_is_recorded_released_read_and_recalled(bench: Technician) -> None:
    sterilizer, cycle, pack = await commission(bench), str(uuid4()), str(uuid4())
    body = bench.cycle(sterilizer, 1, [pack], indicator={"product": "rapid_24_minutes", "lot": "B1"})
    first = await bench.send("PUT", f"/cycles/{cycle}", body)
    again = await bench.send("PUT", f"/cycles/{cycle}", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["event_id"] == again.json()["event_id"]
    assert first.json()["data"]["mechanical"] == "passed"
    released = await bench.send("POST", f"/cycles/{cycle}/release", {"occurred_at": bench.at()})
    assert released.status_code == 201
    assert released.json()["data"]["basis"] == "bi_pending"
    day = (await bench.send("GET", "/hygiene")).json()
    assert [found["pack_id"] for found in day["usable_packs"]] == [pack]
    reading = {
        "cycle_id": cycle,
        "product": "rapid_24_minutes",
        "lot": "B1",
        "control_lot": "B1",
        "incubation_started_at": bench.at(2),
        "grew": True,
        "control_grew": True,
        "occurred_at": bench.at(1),
    }
    assert (await bench.send("PUT", f"/indicators/{uuid4()}", reading)).status_code == 201
    [recall] = (await bench.send("GET", "/recalls")).json()
    assert recall["cycle_ids"] == [cycle]
    assert (await bench.send("GET", f"/recalls/{recall['recall_id']}")).json() == recall
    assert (await bench.send("GET", f"/cycles/{cycle}")).json()["recall_ids"] == [recall["recall_id"]]
    assert (await bench.send("GET", "/hygiene")).json()["usable_packs"] == []
    back = await bench.send("POST", f"/sterilizers/{sterilizer}/return", {"occurred_at": bench.at()})
    assert back.status_code == 409
    [reason] = [finding["reason"] for finding in back.json()["findings"] if finding["verdict"] == "unmet"]
    assert reason.startswith("0 of 3 cycles in a row are good")


async def test_a_failed_cycle_is_granted_and_its_release_is_refused_in_plain_words(bench: Technician) -> None:
    sterilizer, cycle = await commission(bench), str(uuid4())
    samples = [{"second": 10 * n, "temperature_mc": 133_999 if n == 7 else 134_500} for n in range(20)]
    reply = await bench.send("PUT", f"/cycles/{cycle}", bench.cycle(sterilizer, 1, [], samples=samples))
    assert reply.status_code == 201
    assert reply.json()["data"]["mechanical"] == "failed"
    refused = await bench.send("POST", f"/cycles/{cycle}/release", {"occurred_at": bench.at()})
    assert refused.status_code == 409
    assert "The cycle failed." in refused.json()["detail"]


@pytest.mark.parametrize(
    ("scan", "field"),
    [
        (f"01{GTIN}10SP4471", "body.expires_on"),
        (SCAN.replace(GTIN, "09501101530004"), "body.gtin"),
        ("hello", "body.scan"),
    ],
)
async def test_a_label_that_cannot_be_read_is_input_not_a_refusal(bench: Technician, house: House, scan: str, field: str) -> None:
    size = len(await house.entries())
    reply = await bench.send("PUT", f"/lots/{uuid4()}", {"scan": scan, "quantity": 20, "occurred_at": bench.at()})
    assert reply.status_code == 422
    [finding] = reply.json()["findings"]
    assert finding["field"] == field
    assert finding["reason"]
    assert len(await house.entries()) == size


async def test_a_lot_its_labels_its_waste_and_its_recall(bench: Technician) -> None:
    lot = str(uuid4())
    await bench.send("PUT", f"/lots/{lot}", {"scan": SCAN, "quantity": 3, "occurred_at": bench.at()})
    made = await bench.send("POST", f"/lots/{lot}/units", {"units": 3, "occurred_at": bench.at()})
    units = made.json()["data"]["unit_ids"]
    page = (await bench.send("GET", f"/lots/{lot}/labels", limit=2)).json()
    rest = (await bench.send("GET", f"/lots/{lot}/labels", limit=2, after=page["next_after"])).json()
    assert sorted(label["unit_id"] for label in page["labels"] + rest["labels"]) == sorted(units)
    wasted = await bench.send("POST", f"/units/{units[0]}/waste", {"reason": "dropped", "occurred_at": bench.at()})
    assert wasted.status_code == 201
    assert (await bench.send("GET", f"/units/{units[0]}")).json()["state"] == "wasted"
    assert (await bench.send("GET", f"/lots/{lot}")).json()["on_hand"] == 2
    assert [found["lot_id"] for found in (await bench.send("GET", "/lots", gtin=GTIN, lot="sp4471")).json()["exact"]] == [lot]
    held = await bench.send("POST", f"/lots/{lot}/quarantine", {"reason": "manufacturer_recall", "occurred_at": bench.at()})
    assert held.status_code == 201
    assert (await bench.send("GET", f"/lots/{lot}")).json()["quarantined"] == "manufacturer_recall"


async def test_a_handpiece_and_a_room_are_made_ready(bench: Technician) -> None:
    handpiece, room = str(uuid4()), str(uuid4())
    pen = {"serial": "PEN-1", "fits_gtins": [GTIN], "max_depth_um": 2500, "occurred_at": bench.at()}
    assert (await bench.send("PUT", f"/handpieces/{handpiece}", pen)).status_code == 201
    wipe = {"product": "quat_wipes", "wet_seconds": 130, "label_seconds": 120, "occurred_at": bench.at()}
    steps = [step.value for step in shapes.TurnoverStep]
    assert (await bench.send("PUT", f"/reprocessings/{uuid4()}", wipe | {"handpiece_id": handpiece})).status_code == 201
    assert (await bench.send("PUT", f"/turnovers/{uuid4()}", wipe | {"room_id": room, "steps": steps})).status_code == 201
    brief = wipe | {"room_id": room, "steps": steps[:2], "wet_seconds": 40}
    refused = (await bench.send("PUT", f"/turnovers/{uuid4()}", brief)).json()
    rules = {finding["rule"] for finding in refused["findings"] if finding["verdict"] == "unmet"}
    assert rules == {"contact_time_must_reach_the_label", "every_step_must_be_done"}
    day = (await bench.send("GET", "/hygiene")).json()
    assert day["handpieces"][0]["ready"]
    assert day["rooms"][0]["ready"]


async def test_what_does_not_exist_is_not_found(bench: Technician) -> None:
    for path in ("cycles", "lots", "units", "recalls"):
        assert (await bench.send("GET", f"/{path}/{uuid4()}")).status_code == 404


def test_every_example_in_the_documentation_is_valid() -> None:
    checked = 0
    for name in shapes.__all__:
        shape = getattr(shapes, name)
        extra = getattr(shape, "model_config", {}).get("json_schema_extra")
        if isinstance(shape, type) and issubclass(shape, Shape) and isinstance(extra, dict):
            for example in extra["examples"]:
                shape.model_validate(example)
                checked += 1
    assert checked == 15
