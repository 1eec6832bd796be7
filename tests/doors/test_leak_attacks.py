"""Attacks on what leaves by the side: logs and error texts hold no value that a client or the staff wrote."""

import logging
from uuid import uuid4

import pytest
from pydantic import ValidationError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events.transaction import aside
from schemas.booking import ClientRegistration
from schemas.consent import ScreeningSheet
from schemas.vocabulary import Role
from tests.doors.conftest import Door

CANARY = "Canary-van-Dalen"


async def test_an_error_of_the_database_says_no_parameters(door: Door) -> None:
    """Its text ends in logs: of the door, of jobs, of halted services."""
    with pytest.raises(DBAPIError) as raised:
        async with aside(door.house.database, door.house.clinic_id, "booking") as rows:
            await rows.execute(text("select cast(:name as text), 1/0"), {"name": CANARY})
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize("shape", [ClientRegistration, ScreeningSheet])
def test_an_error_of_a_shape_says_no_input(shape: type[ClientRegistration | ScreeningSheet]) -> None:
    with pytest.raises(ValidationError) as raised:
        shape.model_validate({"client_id": CANARY, "given_name": CANARY * 20, CANARY: CANARY, "answers": [{"code": CANARY}]})
    assert CANARY not in str(raised.value).replace(f"\n{CANARY}\n", "\n")


async def test_what_a_client_is_called_stands_in_no_log(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    body = {"given_name": CANARY, "family_name": CANARY, "date_of_birth": "1991-04-12", "email": f"{CANARY}@example.org"}
    path = f"/clinics/{door.house.clinic_id}/clients/{uuid4()}"
    assert (await door.ask("PUT", path, Role.FRONT_DESK, json=body)).status_code == 201
    assert (await door.ask("PUT", path, Role.FRONT_DESK, json=body | {"given_name": f"{CANARY}s"})).status_code == 409
    assert (await door.ask("PUT", path, Role.FRONT_DESK, json=body | {"phone": CANARY})).status_code == 422
    assert CANARY not in caplog.text
