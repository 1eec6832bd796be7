"""What somebody at an enrolled tablet, or with a form of their own, tries on the PINs: none of it keeps others waiting, or breaks."""

import asyncio
from importlib import import_module
from typing import Any
from uuid import uuid4

import pytest

from schemas.vocabulary import Role
from services.compliance.pages import pins
from services.compliance.rules.pins import FREE_TRIES, MOST_TRIES
from tests.doors.conftest import Door
from tests.doors.test_pin import OTHER, PIN, browser, person, tablet
from tests.doors.test_pin_tries import later


async def test_a_pin_that_is_locked_or_has_to_wait_costs_no_slow_hash(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here:
        for _ in range(FREE_TRIES):
            await here.type_pin(identity, OTHER)

        async def hashed(*_: Any) -> Any:
            raise AssertionError("a PIN was hashed that opens nothing now")

        with monkeypatch.context() as patched:
            patched.setattr(import_module("services.compliance.pages.unlocking"), "kept_of", hashed)
            assert "too many wrong PINs" in (await here.type_pin(identity)).text
        for _ in range(MOST_TRIES - FREE_TRIES):
            await later(door)
            await here.type_pin(identity, OTHER)
        await later(door)
        monkeypatch.setattr(import_module("services.compliance.pages.unlocking"), "kept_of", hashed)
        assert "is locked" in (await here.type_pin(identity)).text


async def test_too_many_pins_at_once_are_told_so_in_words_and_cost_no_try(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here, browser(door) as own:
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        monkeypatch.setattr(pins, "MOST_WAITING", 0)
        refused = [await here.type_pin(identity, OTHER) for _ in range(MOST_TRIES)]
        refused.append(await own.post("pin", pin=PIN, again=PIN, command_id=str(uuid4())))
        for answer in refused:
            assert (answer.status_code, "Too many PINs" in answer.text) == (503, True), answer.text
        monkeypatch.setattr(pins, "MOST_WAITING", 2)
        answers = await asyncio.gather(*(here.type_pin(identity) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {303, 503}
        assert (await here.type_pin(identity)).status_code == 303, "whoever is done makes room"


@pytest.mark.parametrize("again", ["49381ä", "四九三八一七", "\U0001f511" * 6])
async def test_a_pin_that_is_typed_again_in_other_letters_is_a_finding(door: Door, again: str) -> None:
    async with browser(door) as own:
        await own.sign_in(door.tokens[Role.FRONT_DESK])
        answer = await own.post("pin", pin=PIN, again=again, command_id=str(uuid4()))
        assert (answer.status_code, "six digits" in answer.text) == (422, True), answer.text
