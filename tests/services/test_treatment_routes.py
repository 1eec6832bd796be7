"""The gate through its HTTP door: shapes, status codes, every finding in words."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from events.access import hash_of
from schemas.vocabulary import Role
from services.problems import handle_problems
from services.treatment.routes import routes
from services.treatment.rules import GATE
from tests.conftest import House
from tests.services.treatment_room import Room, a_room


@dataclass
class Tablet:
    """Somebody with a token."""

    http: AsyncClient
    clinic_id: UUID
    token: str

    async def send(self, method: str, path: str, body: Any = None, key: str | None = None) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4())}
        return await self.http.request(method, f"/clinics/{self.clinic_id}{path}", json=body, headers=headers)


@dataclass
class Doors:
    """Signs people in at this clinic."""

    http: AsyncClient
    owner: asyncpg.Connection
    house: House

    async def tablet(self, role: Role, identity_id: UUID | None = None) -> Tablet:
        token, who = f"asp_{uuid4().hex}", identity_id or uuid4()
        await self.owner.execute(
            "insert into access.tokens (clinic_id, token_hash, token_id, identity_id, label, created_at, expires_at)"
            " values ($1, $2, $3, $4, 'test', now(), now() + interval '1 hour')",
            self.house.clinic_id,
            hash_of(token),
            uuid4(),
            who,
        )
        await self.owner.execute(
            "insert into access.grants (clinic_id, identity_id, role, granted, epoch, size) values ($1, $2, $3, true, 1, 0)",
            self.house.clinic_id,
            who,
            role.value,
        )
        return Tablet(self.http, self.house.clinic_id, token)


@pytest.fixture
async def doors(owner: asyncpg.Connection, house: House) -> AsyncIterator[Doors]:
    app = FastAPI()
    app.state.database = house.database
    app.include_router(routes)
    handle_problems(app)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield Doors(client, owner, house)


def start_of(room: Room) -> dict[str, Any]:
    return {
        "booking_id": str(room.booking_id),
        "room_id": str(room.room_id),
        "handpiece_id": str(room.handpiece_id),
        "cartridge_unit_ids": [str(room.unit_id)],
        "packs": [{"pack_id": str(room.pack_id), "indicator_changed": True, "intact": True}],
    }


END = {
    "needle_contact": True,
    "depths": [{"area": "cheeks", "depth_um": 1000}],
    "skin_cleansed": True,
    "sharps_disposed": True,
    "aftercare_given": True,
}


async def test_a_visit_from_the_cleansing_to_the_end(house: House, doors: Doors) -> None:
    room = await (await a_room(house)).ready()
    tablet = await doors.tablet(Role.PRACTITIONER, room.practitioner_id)
    booking = f"/bookings/{room.booking_id}"
    cream = {"product": "emla_4", "lidocaine_permille": 40, "milligrams": 2000, "areas": ["cheeks"]}
    numbing = f"{booking}/numbings/{uuid4()}"
    assert (await tablet.send("PUT", numbing, cream)).status_code == 201
    assert (await tablet.send("POST", f"{numbing}/removal", {})).status_code == 201
    cleansing = f"{booking}/cleansings/{uuid4()}"
    first = await tablet.send("PUT", cleansing, {"product": "chlorhexidine"})
    again = await tablet.send("PUT", cleansing, {"product": "chlorhexidine"})
    assert (first.status_code, again.status_code, again.json()["event_id"]) == (201, 200, first.json()["event_id"])
    prepared = await tablet.send("GET", f"{booking}/preparation")
    assert len(prepared.json()["cleansings"]) == 2

    started = await tablet.send("POST", "/treatments", start_of(room), key="start-1")
    assert started.status_code == 201, started.text
    assert len(started.json()["findings"]) == len(GATE)
    repeated = await tablet.send("POST", "/treatments", start_of(room), key="start-2")
    assert (repeated.status_code, repeated.json()["event_id"]) == (200, started.json()["event_id"])

    treatment = f"/treatments/{started.json()['data']['treatment_id']}"
    assert (await tablet.send("POST", f"{treatment}/pause", {"reason": "bleeding"})).status_code == 201
    assert (await tablet.send("POST", f"{treatment}/resume", {})).status_code == 201
    assert (await tablet.send("PUT", f"{treatment}/cartridges/{room.spare_unit_id}")).status_code == 201
    undone = await tablet.send("POST", f"{treatment}/end", END | {"sharps_disposed": False})
    assert (undone.status_code, [found["rule"] for found in undone.json()["findings"]]) == (409, ["sharps_must_be_disposed_of"])
    assert (await tablet.send("POST", f"{treatment}/end", END)).status_code == 201
    certificate = (await tablet.send("GET", treatment)).json()
    assert certificate["treatment"]["state"] == "ended"
    assert certificate["treatment"]["depths"] == [{"area": "cheeks", "depth_um": 1000}]
    assert all(finding["reason"].endswith(".") for finding in certificate["findings"])
    assert len(certificate["findings"]) == len(GATE)


async def test_a_refusal_is_a_problem_with_every_finding_and_the_same_again(house: House, doors: Doors) -> None:
    room = await a_room(house)
    await room.book()
    tablet = await doors.tablet(Role.PRACTITIONER, room.practitioner_id)
    refused = await tablet.send("POST", "/treatments", start_of(room), key="start-1")
    problem = refused.json()
    assert (refused.status_code, problem["event"], len(problem["findings"])) == (409, "treatment.refused", len(GATE))
    assert "The client has not arrived today." in problem["detail"]
    repeated = await tablet.send("POST", "/treatments", start_of(room), key="start-1")
    assert (repeated.status_code, repeated.json()["event_id"]) == (409, problem["event_id"])


async def test_the_front_desk_may_look_ahead_but_sees_no_health_and_starts_nothing(house: House, doors: Doors) -> None:
    room = await a_room(house)
    await room.book()
    await room.arrive()
    desk = await doors.tablet(Role.FRONT_DESK)
    preview = await desk.send("POST", "/treatments/preview", {"booking_id": str(room.booking_id)})
    assert preview.status_code == 200
    shown = preview.json()["findings"]
    assert preview.json()["would_start"] is False
    assert not {"G02", "G04", "G05", "G06"} & {finding["code"] for finding in shown}
    assert "client_must_be_eligible_today" in {finding["rule"] for finding in shown}
    care = await doors.tablet(Role.PRACTITIONER, room.practitioner_id)
    seen = (await care.send("POST", "/treatments/preview", {"booking_id": str(room.booking_id)})).json()["findings"]
    assert {"G04", "G05", "G06"} <= {finding["code"] for finding in seen}
    assert (await desk.send("POST", "/treatments", start_of(room))).status_code == 403
    assert (await desk.send("GET", f"/treatments/{uuid4()}")).status_code == 403


async def test_what_is_not_known_is_404_and_what_is_not_understood_422(house: House, doors: Doors) -> None:
    room = await a_room(house)
    await room.book()
    tablet = await doors.tablet(Role.PRACTITIONER, room.practitioner_id)
    assert (await tablet.send("GET", f"/treatments/{uuid4()}")).status_code == 404
    assert (await tablet.send("GET", f"/bookings/{uuid4()}/preparation")).status_code == 404
    no_depths = END | {"depths": []}
    assert (await tablet.send("POST", f"/treatments/{uuid4()}/end", no_depths)).status_code == 422
    assert (await tablet.send("POST", "/treatments", start_of(room) | {"extra": 1})).status_code == 422


async def test_paper_and_overrides(house: House, doors: Doors) -> None:
    room = await a_room(house)
    await room.book()
    care = await doors.tablet(Role.PRACTITIONER, room.practitioner_id)
    note = {
        "client_id": str(room.client_id),
        "room_id": str(room.room_id),
        "needle_contact": True,
        "depths": [{"area": "cheeks", "depth_um": 800}],
        "started_at": room.now.isoformat(),
        "ended_at": room.now.isoformat(),
        "reason": "tablet_dead",
    }
    late = await care.send("PUT", f"/past-treatments/{uuid4()}", note)
    assert (late.status_code, len(late.json()["findings"])) == (201, len(GATE))
    clinician = await doors.tablet(Role.CLINICIAN)
    override = {
        "booking_id": str(room.booking_id),
        "rule": "spacing_must_have_passed",
        "reason": "clinical_judgment",
        "valid_until": room.visit().ends_at.isoformat(),
    }
    path = f"/overrides/{uuid4()}"
    assert (await care.send("PUT", path, override)).status_code == 403
    assert (await clinician.send("PUT", path, override)).status_code == 201
    holds = await clinician.send("PUT", f"/overrides/{uuid4()}", override | {"rule": "no_safety_hold_may_stand"})
    assert (holds.status_code, holds.json()["findings"][0]["code"]) == (409, "G10")
