"""Times and dates at the ends of the calendar: no arithmetic of ours may fall off it, at no door."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from events.inbox import NotUnderstood, inbox_of, understand
from schemas.vocabulary import Role
from services.app import load
from tests.doors.conftest import Door

load("booking")

INSTANTS = ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "9999-12-31T23:59:59Z")
DATES = ("0001-01-01", "9999-12-31")
SOME_ID = UUID(int=7)
"""Fixed: both processes of a test run must name their tests alike."""
DEPTHS = [{"area": "cheeks", "depth_um": 1000}]


def _booking(at: str) -> dict[str, Any]:
    ids = {name: str(uuid4()) for name in ("booking_id", "client_id", "practitioner_id", "room_id")}
    return ids | {"starts_at": at, "ends_at": at, "areas": ["cheeks"], "depth_um": 1000}


def _late(at: str) -> dict[str, Any]:
    past = {"client_id": str(uuid4()), "room_id": str(uuid4()), "needle_contact": True, "depths": DEPTHS}
    return past | {"started_at": at, "ended_at": "2026-01-01T00:00:00Z" if at < "2" else at, "reason": "other"}


def _screening(on: str) -> dict[str, Any]:
    answers = [{"code": "neurotoxin", "answer": "yes", "on": on, "areas": ["forehead"]}]
    return {"client_id": str(uuid4()), "extent": "full", "answered_at": "2026-01-01T00:00:00Z", "answers": answers}


def _search(on: str) -> dict[str, Any]:
    return {"client_id": str(uuid4()), "areas": ["cheeks"], "depth_um": 1000, "minutes": 60, "from_on": on, "days": 31}


@pytest.mark.parametrize("at", INSTANTS)
@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        (Role.FRONT_DESK, "POST", "/bookings", _booking),
        (Role.FRONT_DESK, "POST", "/bookings/announce", _booking),
        (Role.PRACTITIONER, "PUT", f"/past-treatments/{SOME_ID}", _late),
        (Role.PRACTITIONER, "PUT", f"/bookings/{SOME_ID}/cleansings/{SOME_ID}", lambda at: {"product": "a", "occurred_at": at}),
        (Role.ADMIN, "POST", f"/identities/{SOME_ID}/grants", lambda at: {"role": "auditor", "until": at}),
    ],
)
async def test_a_moment_beyond_the_calendar_is_no_input(door: Door, role: Role, method: str, path: str, body: Any, at: str) -> None:
    reply = await door.ask(method, f"/clinics/{door.house.clinic_id}{path}", role, json=body(at))
    assert reply.status_code == 422, reply.text
    assert not [finding for finding in reply.json()["findings"] if finding["field"] == "body"]


@pytest.mark.parametrize("on", DATES)
@pytest.mark.parametrize(
    ("role", "method", "path", "body"),
    [
        (Role.FRONT_DESK, "GET", "/day-sheet?on={on}", None),
        (Role.FRONT_DESK, "GET", "/clients?date_of_birth={on}", None),
        (Role.PRACTITIONER, "GET", "/check-ins?on={on}", None),
        (Role.FRONT_DESK, "POST", "/open-slots", _search),
        (Role.PRACTITIONER, "PUT", f"/screenings/{SOME_ID}", _screening),
    ],
)
async def test_a_day_beyond_the_calendar_is_no_input(door: Door, role: Role, method: str, path: str, body: Any, on: str) -> None:
    more = {} if body is None else {"json": body(on)}
    reply = await door.ask(method, f"/clinics/{door.house.clinic_id}{path.format(on=on)}", role, **more)
    assert reply.status_code == 422, reply.text


@pytest.mark.parametrize("at", INSTANTS)
def test_an_inbox_understands_no_moment_beyond_the_calendar(at: str) -> None:
    """What raised instead was tried five times, and everything behind it in the inbox waited."""
    good = {"specversion": "1.0", "id": "a", "source": "urn:x", "type": "booking.request", "data": _booking("2030-01-01T10:00:00Z")}
    assert not isinstance(understand(inbox_of("booking"), {b"event": orjson.dumps(good)}), NotUnderstood)
    for wrong in ({"time": at}, {"expirytime": at}, {"data": _booking(at)}):
        assert isinstance(understand(inbox_of("booking"), {b"event": orjson.dumps(good | wrong)}), NotUnderstood)
