"""Identities, grants, tokens, systems, skips: what is decided, and what is recorded."""

from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from events import ledger
from events.access import hash_of, new_token
from events.catalog.compliance import (
    AccessGranted,
    AccessRevoked,
    ClinicOpened,
    ComplianceRefused,
    EntrySkipped,
    SystemConnected,
    SystemDisconnected,
    TokenCreated,
    TokenRevoked,
)
from events.database import Database
from events.transaction import IdReusedError, aside
from schemas.compliance import (
    ConnectSystem,
    CreateToken,
    DisconnectSystem,
    GrantAccess,
    OpenClinic,
    RevokeAccess,
    RevokeToken,
    SkipEntry,
)
from schemas.vocabulary import Actor, Role
from services.compliance.commands import (
    connect_system,
    create_token,
    disconnect_system,
    grant_access,
    open_clinic,
    revoke_access,
    revoke_token,
    skip_entry,
)
from services.compliance.queries import identities, tokens
from tests.conftest import House


def refused(event: object) -> list[str]:
    assert isinstance(event, ComplianceRefused)
    return [finding.rule for finding in event.findings]


async def asked_token(house: House, identity_id: UUID, role: Role | None = None, *, lasts: timedelta = timedelta(days=1)) -> CreateToken:
    return CreateToken(
        identity_id=identity_id, label="tablet 1", expires_at=await house.now() + lasts, role=role, token_hash=hash_of(new_token()).hex()
    )


async def test_a_clinic_is_opened_by_entry_0_and_never_again(database: Database) -> None:
    house = House(database, uuid4())
    async with aside(database, None, "compliance") as rows:
        assert await ledger.open_clinic(rows, house.clinic_id)
    opened = await house.doing("compliance", open_clinic, OpenClinic(timezone="Europe/Amsterdam"), command_id="open")
    assert opened.entry.index == 0
    assert opened.event == ClinicOpened(timezone="Europe/Amsterdam")
    again = await house.doing("compliance", open_clinic, OpenClinic(timezone="Europe/Amsterdam"))
    assert refused(again.event) == ["clinic_must_be_new"]


async def test_a_grant_is_recorded_and_the_name_stays_beside_the_ledger(house: House, owner: asyncpg.Connection) -> None:
    who = uuid4()
    asked = GrantAccess(identity_id=who, role=Role.CLINICIAN, display_name="Dr Ada Quist")
    answer = await house.doing("compliance", grant_access, asked)
    assert answer.event == AccessGranted(identity_id=who, role=Role.CLINICIAN)
    async with house.look("compliance") as view:
        (identity,) = await identities(view)
    assert (identity.identity_id, identity.display_name, identity.roles) == (who, "Dr Ada Quist", (Role.CLINICIAN,))
    assert await owner.fetchval("select count(*) from ledger.entries where position('Quist'::bytea in body) > 0") == 0


async def test_an_impossible_grant_is_refused_with_every_reason(house: House) -> None:
    asked = GrantAccess(identity_id=uuid4(), role=Role.SERVICE, until=await house.now() - timedelta(days=1), display_name="Robot")
    answer = await house.doing("compliance", grant_access, asked)
    assert refused(answer.event) == ["role_must_be_a_persons_or_a_systems", "end_must_lie_ahead"]
    async with house.look("compliance") as view:
        assert await identities(view) == (), "nothing of a refused request is kept"


async def test_the_last_admin_cannot_be_taken_away(house: House) -> None:
    ann, ben = uuid4(), uuid4()
    await house.doing("compliance", grant_access, GrantAccess(identity_id=ann, role=Role.ADMIN))
    last = await house.doing("compliance", revoke_access, RevokeAccess(identity_id=ann, role=Role.ADMIN))
    assert refused(last.event) == ["an_admin_must_remain"]
    await house.doing("compliance", grant_access, GrantAccess(identity_id=ben, role=Role.ADMIN))
    answer = await house.doing("compliance", revoke_access, RevokeAccess(identity_id=ann, role=Role.ADMIN))
    assert answer.event == AccessRevoked(identity_id=ann, role=Role.ADMIN)
    again = await house.doing("compliance", revoke_access, RevokeAccess(identity_id=ann, role=Role.ADMIN))
    assert refused(again.event) == ["grant_must_exist"]


async def test_a_token_brings_its_role_once(house: House) -> None:
    who = uuid4()
    for _ in range(2):
        answer = await house.doing("compliance", create_token, await asked_token(house, who, Role.MANAGER))
        assert isinstance(answer.event, TokenCreated)
    assert await house.said(AccessGranted) == [AccessGranted(identity_id=who, role=Role.MANAGER)]
    assert len(await house.said(TokenCreated)) == 2


async def test_a_token_for_nobody_in_particular_is_refused(house: House) -> None:
    answer = await house.doing("compliance", create_token, await asked_token(house, uuid4(), lasts=-timedelta(days=1)))
    assert refused(answer.event) == ["identity_must_have_a_role", "end_must_lie_ahead"]
    async with house.look("compliance") as view:
        assert await tokens(view) == ()


async def test_the_same_secret_is_not_handed_out_twice(house: House) -> None:
    asked = await asked_token(house, uuid4(), Role.MANAGER)
    await house.doing("compliance", create_token, asked)
    again = await house.doing("compliance", create_token, asked.model_copy(update={"identity_id": uuid4()}))
    assert refused(again.event) == ["token_must_be_new"]


async def test_a_repeated_request_for_a_token_with_another_secret_is_an_id_reused(house: House) -> None:
    who, by = uuid4(), Actor(identity_id=uuid4(), role=Role.ADMIN)
    await house.doing("compliance", create_token, await asked_token(house, who, Role.MANAGER), by=by, command_id="t-1")
    with pytest.raises(IdReusedError):
        await house.doing("compliance", create_token, await asked_token(house, who, Role.MANAGER), by=by, command_id="t-1")


async def test_a_token_is_revoked_once(house: House) -> None:
    created = await house.doing("compliance", create_token, await asked_token(house, uuid4(), Role.MANAGER))
    token_id = created.event.token_id
    revoked = await house.doing("compliance", revoke_token, RevokeToken(token_id=token_id))
    assert revoked.event == TokenRevoked(token_id=token_id, identity_id=created.event.identity_id)
    async with house.look("compliance") as view:
        (seen,) = await tokens(view)
    assert seen.revoked_at == revoked.entry.recorded_at
    again = await house.doing("compliance", revoke_token, RevokeToken(token_id=token_id))
    assert refused(again.event) == ["token_must_be_in_force"]
    unknown = await house.doing("compliance", revoke_token, RevokeToken(token_id=uuid4()))
    assert refused(unknown.event) == ["token_must_be_in_force"]


async def test_a_system_gets_an_inbox_and_its_role_and_loses_both(house: House, owner: asyncpg.Connection) -> None:
    desk = uuid4()
    await house.doing("compliance", connect_system, ConnectSystem(system="agenda", identity_id=desk))
    assert await house.said(AccessGranted) == [AccessGranted(identity_id=desk, role=Role.SYSTEM)]
    assert await house.said(SystemConnected) == [SystemConnected(system="agenda", identity_id=desk)]
    assert await owner.fetchval("select connected from machinery.systems where clinic_id = $1", house.clinic_id) is True
    await house.doing("compliance", disconnect_system, DisconnectSystem(system="agenda"))
    assert await house.said(SystemDisconnected) == [SystemDisconnected(system="agenda", identity_id=desk)]
    assert await house.said(AccessRevoked) == [AccessRevoked(identity_id=desk, role=Role.SYSTEM)]
    assert await owner.fetchval("select connected from machinery.systems where clinic_id = $1", house.clinic_id) is False
    again = await house.doing("compliance", disconnect_system, DisconnectSystem(system="agenda"))
    assert refused(again.event) == ["system_must_be_connected"]


async def test_two_persons_of_the_house_let_a_service_pass_an_entry(house: House) -> None:
    ann, ben = uuid4(), uuid4()
    for who in (ann, ben):
        await house.doing("compliance", grant_access, GrantAccess(identity_id=who, role=Role.MANAGER))
    asked = SkipEntry(service="recovery", stage="reacted", epoch=1, index=1, approvers=(ann, ben), reason="unknown-template")
    answer = await house.doing("compliance", skip_entry, asked)
    assert isinstance(answer.event, EntrySkipped)
    assert (answer.event.skipped_index, answer.event.approvers) == (1, (ann, ben))


async def test_one_person_skips_nothing(house: House) -> None:
    desk = uuid4()
    await house.doing("compliance", grant_access, GrantAccess(identity_id=desk, role=Role.FRONT_DESK))
    asked = SkipEntry(service="recovery", stage="reacted", epoch=1, index=99, approvers=(desk, desk), reason="x")
    answer = await house.doing("compliance", skip_entry, asked)
    assert refused(answer.event) == [
        "approvers_must_be_two_persons",
        "approver_must_answer_for_the_clinic",
        "approver_must_answer_for_the_clinic",
        "skipped_entry_must_exist",
    ]
    assert await house.said(EntrySkipped) == []
