"""No browser and no proxy keeps an answer about a clinic, whoever asks: programs with a token, and scripts with a page's session."""

import pytest

from schemas.vocabulary import Role
from tests.doors.conftest import Door


@pytest.mark.parametrize(
    ("path", "role", "status"),
    [
        ("resources", Role.FRONT_DESK, 200),
        ("events", Role.SYSTEM, 200),
        ("bookings/00000000-0000-4000-8000-00000000dead", Role.FRONT_DESK, 404),
        ("nothing", Role.FRONT_DESK, 404),
        ("dead-letters", None, 401),
        ("board", Role.FRONT_DESK, 200),
    ],
)
async def test_nobody_keeps_what_was_answered_about_a_clinic(door: Door, path: str, role: Role | None, status: int) -> None:
    await door.house.caught_up("booking")
    answer = await door.ask("GET", f"/clinics/{door.house.clinic_id}/{path}", role)
    assert (answer.status_code, answer.headers.get_list("cache-control")) == (status, ["no-store"]), answer.text


async def test_what_names_nobody_may_be_kept(door: Door) -> None:
    worker = await door.client.get(f"/clinics/{door.house.clinic_id}/tablet/sw.js")
    assert worker.headers.get_list("cache-control") == ["no-cache"], "what a page says itself holds"
    assert "cache-control" not in (await door.client.get("/asyncapi.json")).headers
