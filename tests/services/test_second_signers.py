"""Who may sign beside whoever decides a recall: by the roles of that moment, when it is decided and whenever it is checked."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from events.answer import Answer
from events.catalog.compliance import AccessGranted, AccessRevoked
from events.catalog.hygiene import HygieneRefused, RecallDecided, RecallOpened
from events.checking.check import Checker
from events.database import Database
from events.transaction import Transaction
from schemas.hygiene import JointDecision, RecallDecisionReport, Said
from schemas.policy import policy_from_toml
from schemas.vocabulary import Role
from services.hygiene import commands
from services.hygiene.queries import who_may
from tests.conftest import House, open_house
from tests.services.hygiene_words import BI, Bench, unmet
from tests.services.migration_step import step

RULE = "second_signer_must_be_able_to_decide"


@pytest.fixture
async def bench(database: Database) -> Bench:
    """A clinic whose recalls wait for a decision."""
    house = await open_house(database, policy_from_toml('[recall]\nmode = "cdc_steam"\n'))
    return Bench(house, await house.now())


async def pending(bench: Bench, serial: str = "MX-1") -> UUID:
    machine = await bench.sterilizer(serial)
    await bench.read(await bench.cycle(machine, 20, indicator=BI), 19, grew=True)
    found: UUID = (await bench.house.said(RecallOpened))[-1].recall_id
    return found


async def revoked(house: House, who: UUID, role: Role = Role.CLINICIAN) -> None:
    await house.given("compliance", AccessRevoked(identity_id=who, role=role))


async def test_a_second_signer_has_a_role_in_force_that_may_decide_itself(bench: Bench) -> None:
    recall = await pending(bench)
    gone, ended, both = await bench.signer(), uuid4(), await bench.signer(Role.TECHNICIAN)
    await revoked(bench.house, gone)
    past = AccessGranted(identity_id=ended, role=Role.MANAGER, until=bench.now - timedelta(seconds=1))
    await bench.house.given("compliance", past)
    for nobody in (uuid4(), gone, ended, both):
        assert unmet(await bench.decide(recall, nobody)) == {RULE}
    assert [said.command for said in await bench.house.said(HygieneRefused)] == ["decide_recall"] * 4
    await bench.house.given("compliance", AccessGranted(identity_id=both, role=Role.MANAGER, until=bench.now + timedelta(hours=1)))
    async with bench.house.look("hygiene") as view:
        assert await who_may(view, "decide_recall") == set(), "it knows no more than it has projected"
    await bench.house.caught_up("hygiene")
    async with bench.house.look("hygiene") as view:
        assert await who_may(view, "decide_recall") == {both}
    assert not (await bench.decide(recall, both)).event.refusal
    [decided] = await bench.house.said(RecallDecided)
    assert (decided.second_signer_id, decided.second_showed) == (both, "token")


async def checked(bench: Bench) -> list[str]:
    await bench.house.caught_up("hygiene")
    async with Checker(bench.house.database, ("hygiene",)) as checker:
        found = await checker.check(bench.house.clinic_id)
    assert found.whole
    return [str(wrong) for wrong in found.report.wrongs]


async def test_a_decision_stays_right_when_its_second_signer_loses_the_role_later(bench: Bench) -> None:
    recall, second = await pending(bench), await bench.signer()
    assert not (await bench.decide(recall, second)).event.refusal
    await revoked(bench.house, second)
    assert await checked(bench) == []


async def test_a_decision_is_named_whose_second_signer_had_lost_the_role_before(bench: Bench) -> None:
    recall, second = await pending(bench), await bench.signer()
    await revoked(bench.house, second)
    asked = {"decision": "confirmed", "root_cause": "wrong_bi", "second_signer_id": second, "occurred_at": bench.now}
    joint = JointDecision(subject_id=recall, report=RecallDecisionReport.model_validate(asked), second_showed="pin")

    async def carelessly(tx: Transaction, request: JointDecision) -> Answer[RecallDecided]:
        return await tx.answer(RecallDecided.model_validate(asked | {"recall_id": recall, "second_showed": "pin"}), policy=1)

    await bench.house.doing("hygiene", carelessly, joint)
    await bench.house.given("compliance", AccessGranted(identity_id=second, role=Role.CLINICIAN))
    [wrong] = await checked(bench)
    assert "recall.decided.v1" in wrong
    assert "was not decided so" in wrong


async def test_what_was_decided_before_second_signers_were_looked_at_is_asked_again_as_it_was_then(bench: Bench) -> None:
    recall = await pending(bench)
    asked = {"decision": "confirmed", "root_cause": "wrong_bi", "second_signer_id": uuid4(), "occurred_at": bench.now}
    then = Said[RecallDecisionReport](subject_id=recall, report=RecallDecisionReport.model_validate(asked))
    assert not (await bench.house.doing("hygiene", commands.decide_recall_unshown, then)).event.refusal
    [decided] = await bench.house.said(RecallDecided)
    assert decided.second_showed is None
    assert await checked(bench) == []


async def test_an_installation_from_before_knows_its_signers_after_the_migration(
    bench: Bench, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays, back = await bench.signer(), await bench.signer()
    until = AccessGranted(identity_id=stays, role=Role.MANAGER, until=bench.now + timedelta(hours=1))
    await bench.house.given("compliance", until, AccessRevoked(identity_id=back, role=Role.CLINICIAN))
    await bench.house.given("compliance", AccessGranted(identity_id=back, role=Role.CLINICIAN))
    await revoked(bench.house, await bench.signer(Role.MANAGER), Role.MANAGER)
    await bench.house.caught_up("hygiene")
    query = "select * from hygiene.held_roles order by clinic_id, identity_id, role"
    live = await owner.fetch(query)
    mine = {(row["identity_id"], row["role"]) for row in live if row["clinic_id"] == bench.house.clinic_id}
    assert mine == {(stays, "clinician"), (stays, "manager"), (back, "clinician")}
    await bench.house.given("compliance", AccessGranted(identity_id=uuid4(), role=Role.MANAGER))  # comes by when hygiene goes on
    await owner.execute("drop table hygiene.held_roles")
    upgrade = step("2026_11_23_signers")
    given: list[str] = []
    monkeypatch.setattr(upgrade.op, "execute", given.append)
    upgrade.upgrade()
    async with owner.transaction():
        for statement in given:
            await owner.execute(statement)
    assert await owner.fetch(query) == live
