"""Booking through its HTTP door, as a front desk and a manager use it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient, Response

from events.access import hash_of
from schemas.vocabulary import Role
from services.booking.routes import routes
from services.problems import handle_problems
from tests.conftest import House

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@dataclass
class Caller:
    """Somebody with a token."""

    http: AsyncClient
    clinic_id: UUID
    token: str

    async def send(self, method: str, path: str, body: Any = None, key: str | None = None, **params: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4())}
        return await self.http.request(method, f"/clinics/{self.clinic_id}{path}", json=body, headers=headers, params=params)


@pytest.fixture
async def http(house: House) -> AsyncIterator[AsyncClient]:
    app = FastAPI()
    app.state.database = house.database
    app.include_router(routes)
    handle_problems(app)
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        yield client


async def caller(owner: asyncpg.Connection, house: House, http: AsyncClient, role: Role) -> Caller:
    token, identity_id = f"asp_{uuid4().hex}", uuid4()
    await owner.execute(
        "insert into access.tokens (clinic_id, token_hash, token_id, identity_id, label, created_at, expires_at)"
        " values ($1, $2, $3, $4, 'test', now(), now() + interval '1 hour')",
        house.clinic_id,
        hash_of(token),
        uuid4(),
        identity_id,
    )
    await owner.execute(
        "insert into access.grants (clinic_id, identity_id, role, granted, epoch, size) values ($1, $2, $3, true, 1, 0)",
        house.clinic_id,
        identity_id,
        role.value,
    )
    return Caller(http, house.clinic_id, token)


@pytest.fixture
async def manager(owner: asyncpg.Connection, house: House, http: AsyncClient) -> Caller:
    return await caller(owner, house, http, Role.MANAGER)


@pytest.fixture
async def front_desk(owner: asyncpg.Connection, house: House, http: AsyncClient) -> Caller:
    return await caller(owner, house, http, Role.FRONT_DESK)


async def next_tuesday(house: House) -> datetime:
    now = (await house.now()).astimezone(AMSTERDAM)
    day = next(d for d in (now + timedelta(days=n) for n in range(3, 11)) if d.weekday() == 1)
    return day.replace(hour=10, minute=0, second=0, microsecond=0)


async def furnish(manager: Caller) -> dict[str, str]:
    ids = {name: str(uuid4()) for name in ("room_id", "device_id", "practitioner_id", "client_id")}
    made = [
        await manager.send("PUT", f"/resources/{ids['room_id']}", {"kind": "room"}),
        await manager.send("PUT", f"/resources/{ids['device_id']}", {"kind": "device", "turnover_minutes": 10}),
        await manager.send(
            "PUT",
            f"/practitioners/{ids['practitioner_id']}",
            {"role": "practitioner", "modalities": ["microneedling"], "max_depth_um": 1500, "valid_until": "2099-12-31"},
        ),
        await manager.send(
            "PUT",
            f"/clients/{ids['client_id']}",
            {"given_name": "Noor", "family_name": "de Vries", "date_of_birth": "1991-04-12", "phone": "+31201234567"},
        ),
    ]
    assert [reply.status_code for reply in made] == [201] * 4, [reply.text for reply in made]
    return ids


async def test_a_day_at_the_desk(house: House, manager: Caller, front_desk: Caller) -> None:
    ids = await furnish(manager)
    starts_at = await next_tuesday(house)
    slot = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=1)).isoformat()}
    wish = {**ids, **slot, "booking_id": str(uuid4()), "areas": ["cheeks"], "depth_um": 1000}

    confirmed = await front_desk.send("POST", "/bookings", wish, key="k-1")
    assert (confirmed.status_code, confirmed.json()["event"]) == (201, "booking.confirmed")
    again = await front_desk.send("POST", "/bookings", wish, key="k-1")
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    reused = await front_desk.send("POST", "/bookings", {**wish, "depth_um": 500}, key="k-1")
    assert reused.status_code == 409

    refused = await front_desk.send("POST", "/bookings", {**wish, "booking_id": str(uuid4())})
    assert refused.status_code == 409
    problem = refused.json()
    assert problem["event"] == "booking.refused"
    said = {finding["rule"]: finding["reason"] for finding in problem["findings"]}
    assert "being cleaned (15 min after each visit)" in said["room_must_be_free"]
    assert "…" not in " ".join(said.values())
    assert len(problem["next_slots"]) == 5
    chosen = {**wish, "booking_id": str(uuid4()), **problem["next_slots"][0]}
    taken = await front_desk.send("POST", "/bookings", chosen)
    assert taken.status_code == 201
    assert (await front_desk.send("POST", f"/bookings/{chosen['booking_id']}/cancel", {})).status_code == 201

    sheet = await front_desk.send("GET", "/day-sheet", on=starts_at.date().isoformat())
    assert [booking["visit"]["booking_id"] for booking in sheet.json()["bookings"]] == [wish["booking_id"]]
    moved = await front_desk.send(
        "POST",
        f"/bookings/{wish['booking_id']}/reschedule",
        {"starts_at": (starts_at + timedelta(hours=3)).isoformat(), "ends_at": (starts_at + timedelta(hours=4)).isoformat()},
    )
    assert moved.json()["event"] == "booking.rescheduled"
    canceled = await front_desk.send("POST", f"/bookings/{wish['booking_id']}/cancel", {})
    assert canceled.json()["event"] == "booking.canceled"
    stands = await front_desk.send("GET", f"/bookings/{wish['booking_id']}")
    assert stands.json()["state"] == "canceled"


async def test_open_slots_are_asked_without_recording(house: House, manager: Caller, front_desk: Caller) -> None:
    ids = await furnish(manager)
    size = len(await house.entries())
    starts_at = await next_tuesday(house)
    search = {"client_id": ids["client_id"], "areas": ["cheeks"], "depth_um": 1000, "from_on": starts_at.date().isoformat(), "days": 1}
    found = await front_desk.send("POST", "/open-slots", search)
    assert found.status_code == 200
    slots = found.json()["slots"]
    assert len(slots) == 45
    assert {slot["room_id"] for slot in slots} == {ids["room_id"]}
    assert len(await house.entries()) == size
    unknown = await front_desk.send("POST", "/open-slots", {**search, "client_id": str(uuid4())})
    assert unknown.json()["slots"] == []
    assert [finding["rule"] for finding in unknown.json()["findings"]] == ["client_must_be_known"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"starts_at": "2026-12-01T10:00:00"},
        {"starts_at": 1_800_000_000},
        {"note": "prefers mornings"},
        {"areas": ["left foot"]},
        {"depth_um": 1.5},
        {"booking_id": "42"},
    ],
    ids=["no offset", "a number", "unknown field", "unknown area", "half a micrometer", "no uuid"],
)
async def test_what_is_not_understood_is_422_and_recorded_nowhere(house: House, front_desk: Caller, wrong: dict[str, Any]) -> None:
    wish = {name: str(uuid4()) for name in ("booking_id", "client_id", "practitioner_id", "room_id")}
    times = {"starts_at": "2026-12-01T10:00:00+01:00", "ends_at": "2026-12-01T11:00:00+01:00"}
    reply = await front_desk.send("POST", "/bookings", {**wish, **times, **wrong})
    assert reply.status_code == 422
    assert len(await house.entries()) == 2


async def test_roles_and_strangers(house: House, front_desk: Caller) -> None:
    assert (await front_desk.send("PUT", f"/resources/{uuid4()}", {"kind": "room"})).status_code == 403
    assert (await front_desk.send("GET", f"/clients/{uuid4()}")).status_code == 404
    assert (await front_desk.send("GET", f"/bookings/{uuid4()}")).status_code == 404
    stranger = Caller(front_desk.http, house.clinic_id, "asp_nobody")
    assert (await stranger.send("GET", "/resources")).status_code == 401


async def test_a_client_is_found_by_date_of_birth(manager: Caller, front_desk: Caller) -> None:
    ids = await furnish(manager)
    found = await front_desk.send("GET", "/clients", date_of_birth="1991-04-12")
    assert [client["client_id"] for client in found.json()["clients"]] == [ids["client_id"]]
    one = await front_desk.send("GET", f"/clients/{ids['client_id']}")
    assert one.json()["family_name"] == "de Vries"
    other = await front_desk.send(
        "PUT", f"/clients/{ids['client_id']}", {"given_name": "X", "family_name": "Y", "date_of_birth": "1990-01-01"}
    )
    assert other.status_code == 409
    things = await front_desk.send("GET", "/resources")
    assert [room["turnover_minutes"] for room in things.json()["rooms"]] == [15]
