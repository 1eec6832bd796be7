"""Check the chain, of a record that was restored: every epoch with its seams, and a kept head against its own epoch."""

import asyncio
from argparse import Namespace
from dataclasses import dataclass
from types import SimpleNamespace
from uuid import uuid4

import asyncpg
import pytest

from events import verification
from events.catalog.compliance import AccessGranted, EpochOpened
from events.chain import genesis
from events.reopening import bring_level
from schemas.compliance import OpenEpoch
from schemas.vocabulary import Role
from services.compliance.commands import open_epoch
from services.compliance.queries import ledger_head, verify_ledger
from services.verification import verify
from tests.conftest import House, open_house
from tests.doors.conftest import Door

PAGE = {"Accept": "text/html"}
ANY = "ab" * 32


@dataclass(frozen=True)
class Restored:
    """A clinic in its second epoch; `first` ended with `kept`."""

    house: House
    kept: str
    first: int
    size: int


@pytest.fixture
async def restored(house: House) -> Restored:
    """A clinic of its own."""
    return await restore(await open_house(house.database))


async def restore(house: House) -> Restored:
    managers = (uuid4(), uuid4())
    await house.given("compliance", *(AccessGranted(identity_id=manager, role=Role.MANAGER) for manager in managers))
    kept = await head_of(house)
    await bring_level(house.database, house.clinic_id)
    opened = (await house.doing("compliance", open_epoch, OpenEpoch(approvers=managers, reason="restored"))).event
    assert isinstance(opened, EpochOpened)
    await house.given("compliance", *(AccessGranted(identity_id=uuid4(), role=Role.AUDITOR) for _ in range(2)))
    return Restored(house, kept, opened.former_size, opened.former_size + 3)


async def head_of(house: House) -> str:
    async with house.look("compliance") as view:
        head = await ledger_head(view)
    return f"{head.epoch}:{head.size}:{head.chain}"


async def broken(at: Restored, kept: str | None = None) -> tuple[int, int, str] | None:
    """Where, what is proven before it, and why."""
    verdict = await verify_ledger(at.house.database, at.house.clinic_id, kept)
    assert verdict.sound is (verdict.broken is None)
    return None if verdict.broken is None else (verdict.broken.index, verdict.broken.sound, verdict.broken.reason)


async def forge(owner: asyncpg.Connection, statement: str, clinic: object) -> None:
    await owner.execute("set session_replication_role = replica")
    await owner.execute(statement, clinic)
    await owner.execute("set session_replication_role = origin")


async def test_every_epoch_is_verified_and_counted(restored: Restored) -> None:
    verdict = await verify_ledger(restored.house.database, restored.house.clinic_id)
    assert (verdict.sound, verdict.verified, verdict.epochs, verdict.head.size) == (True, restored.size, 2, restored.size)
    assert f"{verdict.head.epoch}:{verdict.head.size}:{verdict.head.chain}" == await head_of(restored.house)


async def test_a_changed_byte_of_a_former_epoch_is_found(restored: Restored, owner: asyncpg.Connection) -> None:
    byte = "update ledger.entries set body = set_byte(body, 20, get_byte(body, 20) # 1) where clinic_id = $1 and index = 1"
    await forge(owner, byte, restored.house.clinic_id)
    assert await broken(restored) == (1, 1, "chain")
    verdict = await verify_ledger(restored.house.database, restored.house.clinic_id)
    assert verdict.verified == 1


async def test_a_former_epoch_that_was_cut_short_is_found(restored: Restored, owner: asyncpg.Connection) -> None:
    cut = f"delete from ledger.entries where clinic_id = $1 and index = {restored.first - 1}"
    await forge(owner, cut, restored.house.clinic_id)
    assert await broken(restored) == (restored.first - 1, 0, "truncated")


async def test_an_epoch_that_nothing_opens_is_found(restored: Restored, owner: asyncpg.Connection) -> None:
    begin = f"delete from ledger.entries where clinic_id = $1 and index = {restored.first}"
    await forge(owner, begin, restored.house.clinic_id)
    found = await broken(restored)
    assert found is not None


async def test_a_kept_head_is_held_against_its_own_epoch(restored: Restored) -> None:
    assert await broken(restored, restored.kept) is None
    assert await broken(restored, await head_of(restored.house)) is None
    size = restored.kept.split(":")[1]
    assert await broken(restored, f"1:{size}:{ANY}") == (int(size) - 1, 0, "rewritten")
    assert await broken(restored, f"1:{restored.size}:{ANY}") == (restored.first, 0, "truncated")
    # Epoch 1 may have been written anew together with what epoch 2 says of it: nothing is proven.
    assert await broken(restored, f"2:{restored.size}:{ANY}") == (restored.size - 1, 0, "rewritten")
    beginning = genesis(restored.house.clinic_id, 2).hex()
    assert await broken(restored, f"2:{restored.first}:{beginning}") is None
    assert await broken(restored, f"2:{restored.first}:{ANY}") == (restored.first - 1, 0, "rewritten")
    assert await broken(restored, f"3:{restored.size}:{ANY}") == (restored.first, 0, "epoch")


async def test_a_long_record_is_verified_by_processes_while_others_are_served(restored: Restored, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three entries are much already, so that there are several shares."""
    monkeypatch.setattr(verification, "SHARE", 3)
    monkeypatch.delattr(verification, "_alone")  # nothing is in doubt here
    two = [asyncio.create_task(verify_ledger(restored.house.database, restored.house.clinic_id)) for _ in range(2)]
    served = 0
    while not all(one.done() for one in two):
        await head_of(restored.house)
        served += 1
    assert [(one.result().sound, one.result().verified) for one in two] == [(True, restored.size)] * 2
    assert served > 3


async def test_the_command_refuses_a_head_of_before_its_epoch_too(
    restored: Restored, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database, clinic = restored.house.database, restored.house.clinic_id
    settings = SimpleNamespace(database_url=database.url, role_prefix=database.role_prefix)
    monkeypatch.setattr("services.verification.find_settings", lambda: settings)
    assert await verify(Namespace(against=f"2:{restored.first - 1}:{ANY}", clinic=clinic, file=None)) == 2
    assert f"epoch 2 begins after {restored.first} entries" in capsys.readouterr().err
    assert await verify(Namespace(against=restored.kept, clinic=clinic, file=None)) == 0


async def test_the_page_says_what_was_verified_and_refuses_a_head_of_before_its_epoch(door: Door) -> None:
    at = await restore(door.house)
    where, route = f"/clinics/{door.house.clinic_id}/record/chain", f"/clinics/{door.house.clinic_id}/ledger/verify"
    shown = await door.ask("GET", f"{where}?check=yes&kept={at.kept}", Role.AUDITOR, headers=PAGE)
    assert shown.status_code == 200
    assert f"{at.size} entries, chain intact. All 2 epochs were checked" in shown.text
    assert "It agrees with the head that you kept." in shown.text
    early = f"2:{at.first - 1}:{ANY}"
    shown = await door.ask("GET", f"{where}?check=yes&kept={early}", Role.AUDITOR, headers=PAGE)
    assert shown.status_code == 422
    said = f"Epoch 2 begins after {at.first} entries: no head of it has {at.first - 1}."
    assert said in shown.text
    assert "intact" not in shown.text
    answer = await door.ask("GET", f"{route}?kept={early}", Role.AUDITOR)
    assert (answer.status_code, answer.json()["detail"]) == (422, said)
    answer = await door.ask("GET", f"{route}?kept={at.kept}", Role.AUDITOR)
    assert (answer.json()["sound"], answer.json()["epochs"]) == (True, 2)
