"""Tablets and PINs as decisions: what is recorded, what is refused, and that all of it can be checked afterwards."""

from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest

from events import ledger
from events.access import Caller, authenticate, hash_of, new_token
from events.checking.check import Checker
from events.database import Database
from events.transaction import aside
from schemas.compliance import EnrollTablet, GrantAccess, KeptPin, LockPin, OpenClinic, RemoveTablet, RevokeAccess, SetPin, UnlockTablet
from schemas.vocabulary import Actor, Role
from services.compliance.commands import (
    Try,
    enroll_tablet,
    grant_access,
    lock_pin,
    open_clinic,
    remove_tablet,
    revoke_access,
    set_pin,
    take_a_try,
    unlock_tablet,
)
from services.compliance.queries import pins_shut
from services.compliance.rules.pins import FREE_TRIES, MOST_TRIES, wait_after
from services.opening import decide
from tests.conftest import House, actor

ADMIN = actor(Role.ADMIN)
KEPT = KeptPin(salt="ab" * 32, hash="cd" * 32)
OTHER = KeptPin(salt="ef" * 32, hash="cd" * 32)


@pytest.fixture
async def sound(database: Database) -> House:
    """A clinic that was opened by the commands themselves, with a technician."""
    house = House(database, uuid4())
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, house.clinic_id)
    await decide(database, house.clinic_id, ADMIN, open_clinic, OpenClinic(timezone="Europe/Amsterdam"), "open")
    return house


async def technician(house: House) -> Actor:
    found = actor(Role.TECHNICIAN)
    await house.doing("compliance", grant_access, GrantAccess(identity_id=found.identity_id, role=Role.TECHNICIAN), by=ADMIN)
    return found


async def enrolled(house: House) -> UUID:
    answer = await house.doing("compliance", enroll_tablet, EnrollTablet(name="Room 2", secret_hash="0" * 64), by=ADMIN)
    found: UUID = answer.event.tablet_id
    return found


async def unlocked(house: House, tablet_id: UUID, who: UUID, kept: KeptPin = KEPT) -> tuple[str, Any]:
    token = new_token()
    until = await house.now("compliance") + timedelta(hours=4)
    request = UnlockTablet(tablet_id=tablet_id, identity_id=who, kept=kept, token_hash=hash_of(token).hex(), expires_at=until)
    by = Actor(identity_id=tablet_id, role=Role.SERVICE, device=f"tablet:{tablet_id}")
    return token, (await house.doing("compliance", unlock_tablet, request, by=by)).event


def rules(event: Any) -> list[str]:
    assert event.type == "compliance.refused"
    return [finding.rule for finding in event.findings if finding.verdict == "unmet"]


async def test_what_tablets_and_pins_leave_behind_is_checked_like_everything(sound: House) -> None:
    who = await technician(sound)
    await sound.doing("compliance", set_pin, SetPin(kept=KEPT, guessable=False), by=who)
    tablet_id = await enrolled(sound)
    token, made = await unlocked(sound, tablet_id, who.identity_id)
    assert made.type == "token.created"
    assert await authenticate(sound.database, token, sound.clinic_id) == Caller(who.identity_id, frozenset({Role.TECHNICIAN}), tablet_id)
    await sound.doing("compliance", lock_pin, LockPin(tablet_id=tablet_id, identity_id=who.identity_id, kept=KEPT, tries=5), by=ADMIN)
    await sound.doing("compliance", remove_tablet, RemoveTablet(tablet_id=tablet_id), by=ADMIN)
    assert await authenticate(sound.database, token, sound.clinic_id) is None
    async with Checker(sound.database, ("compliance",)) as checker:
        found = await checker.check(sound.clinic_id)
        assert (found.whole, found.report.wrongs) == (True, [])
        async with aside(sound.database, sound.clinic_id, "compliance") as rows:
            connection = await rows.connection()
            await connection.exec_driver_sql("delete from compliance.tablets")
        wrongs = [str(wrong) for wrong in (await checker.check(sound.clinic_id)).report.wrongs]
        assert len(wrongs) == 1
        assert "compliance.tablets" in wrongs[0]


async def test_what_was_true_when_the_pin_was_typed_must_be_true_behind_the_lock(sound: House) -> None:
    """Set anew, the tablet removed, the role gone: each between the comparison and the decision."""
    who = await technician(sound)
    await sound.doing("compliance", set_pin, SetPin(kept=KEPT, guessable=False), by=who)
    tablet_id = await enrolled(sound)
    assert rules((await unlocked(sound, tablet_id, who.identity_id, OTHER))[1]) == ["pin_must_be_in_force"]
    assert rules((await unlocked(sound, uuid4(), who.identity_id))[1]) == ["tablet_must_be_in_force"]
    await sound.doing("compliance", grant_access, GrantAccess(identity_id=who.identity_id, role=Role.ADMIN), by=ADMIN)
    await sound.doing("compliance", grant_access, GrantAccess(identity_id=ADMIN.identity_id, role=Role.ADMIN), by=ADMIN)
    await sound.doing("compliance", revoke_access, RevokeAccess(identity_id=who.identity_id, role=Role.TECHNICIAN), by=ADMIN)
    assert rules((await unlocked(sound, tablet_id, who.identity_id))[1]) == ["identity_must_have_a_role"]
    await sound.doing("compliance", revoke_access, RevokeAccess(identity_id=who.identity_id, role=Role.ADMIN), by=ADMIN)
    assert rules((await unlocked(sound, tablet_id, who.identity_id))[1]) == ["pin_must_be_in_force", "identity_must_have_a_role"]


async def tried(house: House, tablet_id: UUID, who: Actor, *, after_waiting: bool = True) -> Try | timedelta | None:
    async with aside(house.database, house.clinic_id, "compliance") as rows:
        if after_waiting:
            connection = await rows.connection()
            await connection.exec_driver_sql("update compliance.pin_tries set opens_at = now() - interval '1 second'")
    async with aside(house.database, house.clinic_id, "compliance") as rows:
        return await take_a_try(rows, house.clinic_id, tablet_id, who.identity_id)


async def test_tries_are_counted_for_each_tablet_until_none_is_left(sound: House) -> None:
    who, tablet_id, another = await technician(sound), uuid4(), uuid4()
    assert await tried(sound, tablet_id, who) is None
    await sound.doing("compliance", set_pin, SetPin(kept=KEPT, guessable=False), by=who)
    for number in range(1, MOST_TRIES + 1):
        assert await tried(sound, tablet_id, who) == Try(KEPT, number)
        if number < MOST_TRIES and wait_after(number):
            left = await tried(sound, tablet_id, who, after_waiting=False)
            assert isinstance(left, timedelta)
            assert wait_after(number) - timedelta(seconds=10) < left <= wait_after(number)
    assert await tried(sound, tablet_id, who) is None
    assert await tried(sound, another, who) == Try(KEPT, 1)
    await sound.doing("compliance", set_pin, SetPin(kept=OTHER, guessable=False), by=who)
    for tablet in (tablet_id, another):
        assert await tried(sound, tablet, who) == Try(OTHER, 1)


def test_the_tenth_try_comes_after_an_hour() -> None:
    waits = [wait_after(tries) for tries in range(1, MOST_TRIES)]
    assert waits[: FREE_TRIES - 1] == [timedelta()] * (FREE_TRIES - 1)
    assert all(later == 2 * before for before, later in pairwise(waits[FREE_TRIES - 1 :]))
    assert sum(waits, timedelta()) > timedelta(hours=1)


async def test_a_success_under_way_opens_no_pin_that_the_record_calls_locked(sound: House) -> None:
    """The right PIN was compared among the last tries; the last wrong one came to the lock before it."""
    who = await technician(sound)
    await sound.doing("compliance", set_pin, SetPin(kept=KEPT, guessable=False), by=who)
    tablet_id, another = await enrolled(sound), await enrolled(sound)

    async def locked(kept: KeptPin) -> Any:
        request = LockPin(tablet_id=tablet_id, identity_id=who.identity_id, kept=kept, tries=MOST_TRIES)
        return (await sound.doing("compliance", lock_pin, request, by=ADMIN)).event

    assert (await locked(KEPT)).type == "pin.locked"
    assert rules((await unlocked(sound, tablet_id, who.identity_id))[1]) == ["pin_must_be_in_force"]
    assert await tried(sound, tablet_id, who) is None
    assert (await unlocked(sound, another, who.identity_id))[1].type == "token.created", "it is locked on that tablet only"
    async with sound.look("compliance") as view:
        (shut,) = await pins_shut(view)
    assert (shut.identity_id, shut.tablet_id, shut.tablet, shut.tries) == (who.identity_id, tablet_id, "Room 2", MOST_TRIES)
    await sound.doing("compliance", set_pin, SetPin(kept=OTHER, guessable=False), by=who)
    assert rules(await locked(KEPT)) == ["pin_must_be_in_force"], "the wrong ones were tried on the PIN of before"
    assert await tried(sound, tablet_id, who) == Try(OTHER, 1)
    assert (await unlocked(sound, tablet_id, who.identity_id, OTHER))[1].type == "token.created"
    assert (await locked(OTHER)).type == "pin.locked", "and the other way round: what the record says holds"
    assert await tried(sound, tablet_id, who) is None
    await sound.doing("compliance", remove_tablet, RemoveTablet(tablet_id=tablet_id), by=ADMIN)
    async with sound.look("compliance") as view:
        assert await pins_shut(view) == ()


async def test_a_pin_is_no_way_to_another_key(sound: House) -> None:
    by_pin = (await technician(sound)).model_copy(update={"device": f"tablet:{uuid4()}"})
    for command, request in (
        (set_pin, SetPin(kept=KEPT, guessable=False)),
        (enroll_tablet, EnrollTablet(name="Mine", secret_hash="0" * 64)),
    ):
        assert rules((await sound.doing("compliance", command, request, by=by_pin)).event) == ["token_must_be_shown"]
