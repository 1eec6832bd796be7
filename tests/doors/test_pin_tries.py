"""Wrong PINs: each counts, the next one waits longer, the last one locks one tablet for one person; and tablets that nobody uses."""

import asyncio
import re
from uuid import uuid4

import pytest
from sqlalchemy import text

from events.catalog.compliance import PinLocked
from events.transaction import aside
from schemas.vocabulary import Role
from services.compliance.commands import MOST_TRIES, wait_after
from services.compliance.queries import UNUSED
from services.compliance.rules.pins import FREE_TRIES
from services.session import KEPT_SECONDS
from tests.doors.conftest import Door
from tests.doors.test_pin import OTHER, PIN, browser, entries, person, tablet

pytestmark = pytest.mark.usefixtures("quick_pins")


async def change(door: Door, statement: str) -> None:
    """Something that only time, or many tries, would bring about."""
    async with aside(door.house.database, door.house.clinic_id, "compliance") as rows:
        await rows.execute(text(statement))


async def later(door: Door) -> None:
    """The waits between tries are over."""
    await change(door, "update compliance.pin_tries set opens_at = now() - interval '1 second'")


async def test_wrong_pins_lock_it_on_that_tablet_only_and_a_token_unlocks_it(door: Door) -> None:
    identity, token = await person(door)
    async with tablet(door) as here, tablet(door) as there:
        for tries in range(1, MOST_TRIES):
            answer = await here.type_pin(identity, OTHER)
            assert answer.status_code == 401
            assert f"{MOST_TRIES - tries} more" in answer.text
            if wait_after(tries):
                assert "too many wrong PINs" in (await here.type_pin(identity)).text, "the right one must wait too"
            await later(door)
        assert "is locked" in (await here.type_pin(identity, OTHER)).text
        (locked,) = [found for found in await entries(door.house, PinLocked) if found.event.identity_id == identity]
        assert locked.event.tries == MOST_TRIES
        assert locked.actor.device == f"tablet:{locked.event.tablet_id}"
        await later(door)
        for _ in range(2):
            answer = await here.type_pin(identity)
            assert "is locked on this tablet" in answer.text, "the right one comes too late"
            assert not here.session
        assert (await there.type_pin(identity)).status_code == 303, "nobody is locked out by what is done on another tablet"
        async with browser(door) as manager:
            await manager.sign_in(door.tokens[Role.MANAGER])
            today = (await manager.get("today")).text
            assert f"is locked on the tablet Room 2 after {MOST_TRIES} wrong tries" in today
            assert f"/record?about={locked.event.tablet_id}" in today
        async with browser(door) as own:
            await own.sign_in(token)
            assert (await own.post("pin", pin=OTHER, again=OTHER, command_id="anew")).status_code == 303
        assert (await here.type_pin(identity)).status_code == 401
        assert (await here.type_pin(identity, OTHER)).status_code == 303
        assert f"is wrong. {MOST_TRIES - 1} more" in (await here.type_pin(identity, PIN)).text, "set anew, it has all of its tries"


async def test_the_right_pin_takes_back_one_wrong_try_and_its_own(door: Door) -> None:
    """Or somebody could guess nine times whenever its owner has signed in."""
    identity, _ = await person(door)
    async with tablet(door) as here:
        for _ in range(FREE_TRIES - 1):
            await here.type_pin(identity, OTHER)
        assert (await here.type_pin(identity)).status_code == 303
        assert f"{MOST_TRIES - FREE_TRIES + 1} more" in (await here.type_pin(identity, OTHER)).text
        await later(door)
        for _ in range(FREE_TRIES):
            assert (await here.type_pin(identity)).status_code == 303, "the right ones are counted as none"
        assert f"{MOST_TRIES - 1} more" in (await here.type_pin(identity, OTHER)).text


async def test_many_tries_at_once_are_no_more_than_one_by_one(door: Door) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here:
        pins = [f"{number:06}" for number in range(7, 7 + 3 * FREE_TRIES)]
        answers = await asyncio.gather(*(here.type_pin(identity, pin) for pin in pins))
        compared = [answer for answer in answers if "is wrong" in answer.text or "wrong too often" in answer.text]
        assert len(compared) == FREE_TRIES
        assert all("Try again in 30 seconds" in answer.text for answer in answers if answer not in compared)
        await change(door, f"update compliance.pin_tries set tries = {MOST_TRIES - 1}")
        await later(door)
        answers = await asyncio.gather(*(here.type_pin(identity, pin) for pin in pins))
        assert len([answer for answer in answers if "wrong too often" in answer.text]) == 1
        assert len([found for found in await entries(door.house, PinLocked) if found.event.identity_id == identity]) == 1
        assert (await here.type_pin(identity)).status_code == 401


async def test_a_tablet_stays_one_by_being_used_and_ends_when_nobody_does(door: Door) -> None:
    identity, _ = await person(door)
    async with tablet(door) as here:

        async def unused(days: float) -> None:
            await change(door, f"update compliance.tablets set used_at = now() - make_interval(secs => {days * 86_400})")

        await unused(UNUSED.days - 0.01)
        answer = await here.type_pin(identity)
        assert answer.status_code == 303
        renewed = [cookie for cookie in answer.headers.get_list("set-cookie") if cookie.startswith("asepsis-tablet=")]
        assert len(renewed) == 1
        assert f"Max-Age={KEPT_SECONDS}" in renewed[0], "no browser forgets what is used"
        await here.post("sign-out")
        await unused(0.01)
        assert (await here.type_pin(identity)).status_code == 303
        await here.post("sign-out")
        await unused(UNUSED.days + 0.01)
        assert (await here.type_pin(identity)).headers["location"].endswith("/sign-in?with=token")
        async with browser(door) as manager:
            await manager.sign_in(door.tokens[Role.MANAGER])
            listed = (await manager.get("tablets")).text
            assert f"Not used for {UNUSED.days} days" in listed
            tablet_id = re.findall(r"/tablets/([0-9a-f-]{36})/remove", listed)[-1]
            assert (await manager.post(f"tablets/{tablet_id}/remove", command_id=str(uuid4()))).status_code == 303
