"""Tokens and grants: expiring, revocable, of one clinic; only hashes are kept."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from events.access import TOKEN_PREFIX, Caller, authenticate, hash_of, new_token
from events.catalog.compliance import AccessGranted, AccessRevoked
from events.database import Database
from events.transaction import project
from schemas.compliance import CreateToken, RevokeToken
from schemas.vocabulary import Role
from services.compliance.commands import create_token, revoke_token
from tests.conftest import House, open_house

HOUR = timedelta(hours=1)


async def token_for(house: House, identity_id: UUID, role: Role | None = None, *, lasts: timedelta = HOUR) -> str:
    token = new_token()
    asked = CreateToken(
        identity_id=identity_id, label="desk", expires_at=await house.now() + lasts, role=role, token_hash=hash_of(token).hex()
    )
    await house.doing("compliance", create_token, asked)
    return token


async def seen(house: House, token: str, clinic_id: UUID | None = None) -> Caller | None:
    return await authenticate(house.database, token, clinic_id or house.clinic_id)


def test_tokens_are_32_random_bytes_with_our_prefix() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200
    assert all(token.startswith(TOKEN_PREFIX) and len(token) == len(TOKEN_PREFIX) + 43 for token in tokens)


async def test_a_token_says_who_and_in_which_roles(house: House) -> None:
    who = uuid4()
    token = await token_for(house, who, Role.MANAGER)
    await house.given("compliance", AccessGranted(identity_id=who, role=Role.AUDITOR))
    assert await seen(house, token) == Caller(who, frozenset({Role.MANAGER, Role.AUDITOR}))


@pytest.mark.parametrize("token", ["", "asp_", "asp_" + "A" * 43, "x" * 10_000, "asp_\udcff", "asp_ü"])
async def test_an_unknown_token_is_nobody(house: House, token: str) -> None:
    assert await seen(house, token) is None


async def test_a_token_opens_nothing_in_another_clinic(house: House, database: Database) -> None:
    who = uuid4()
    token = await token_for(house, who, Role.ADMIN)
    other = await open_house(database)
    assert await seen(house, token, other.clinic_id) == Caller(who, frozenset())
    await other.given("compliance", AccessGranted(identity_id=who, role=Role.MANAGER))
    assert await seen(house, token, other.clinic_id) == Caller(who, frozenset()), "the roles there are for tokens made there"
    assert await seen(house, token, uuid4()) == Caller(who, frozenset())


async def test_a_token_expires(house: House, owner: asyncpg.Connection) -> None:
    token = await token_for(house, uuid4(), Role.MANAGER)
    await owner.execute(
        "update access.tokens set expires_at = clock_timestamp() - interval '1 microsecond' where clinic_id = $1", house.clinic_id
    )
    assert await seen(house, token) is None


async def test_a_revoked_token_is_nobody_at_once_and_others_stay(house: House, owner: asyncpg.Connection) -> None:
    who = uuid4()
    lost, kept = await token_for(house, who, Role.MANAGER), await token_for(house, who)
    token_id = await owner.fetchval("select token_id from access.tokens where token_hash = $1", hash_of(lost))
    await house.doing("compliance", revoke_token, RevokeToken(token_id=token_id))
    assert await seen(house, lost) is None
    assert await seen(house, kept) == Caller(who, frozenset({Role.MANAGER}))


async def test_a_revoked_role_is_gone_at_once(house: House) -> None:
    who = uuid4()
    token = await token_for(house, who, Role.MANAGER)
    await house.given("compliance", AccessRevoked(identity_id=who, role=Role.MANAGER))
    assert await seen(house, token) == Caller(who, frozenset())


async def test_a_role_ends_when_it_was_said_to(house: House, owner: asyncpg.Connection) -> None:
    who = uuid4()
    token = await token_for(house, who, Role.MANAGER)
    await house.given("compliance", AccessGranted(identity_id=who, role=Role.AUDITOR, until=await house.now() + HOUR))
    assert await seen(house, token) == Caller(who, frozenset({Role.MANAGER, Role.AUDITOR}))
    await owner.execute("update access.grants set until = clock_timestamp() where role = 'auditor' and clinic_id = $1", house.clinic_id)
    assert await seen(house, token) == Caller(who, frozenset({Role.MANAGER}))


async def test_the_secret_is_nowhere_in_the_database(house: House, owner: asyncpg.Connection) -> None:
    token = await token_for(house, uuid4(), Role.MANAGER)
    bodies: Sequence[asyncpg.Record] = await owner.fetch("select body from ledger.entries")
    assert all(token.encode() not in row["body"] and hash_of(token).hex().encode() not in row["body"] for row in bodies)
    stored = await owner.fetch("select * from access.tokens where clinic_id = $1", house.clinic_id)
    assert len(stored) == 1
    assert token not in str(dict(stored[0]))
    assert stored[0]["token_hash"] == hash_of(token)


async def test_the_door_reads_no_token_itself(house: House) -> None:
    """The login that serves requests may ask the function and nothing else."""
    await token_for(house, uuid4(), Role.MANAGER)
    async with AsyncSession(house.database.engine) as rows:
        with pytest.raises(DBAPIError, match="permission denied"):
            await rows.execute(text("select * from access.tokens"))


@pytest.mark.parametrize("service", ["booking", "hygiene", "treatment", "recovery", "consent"])
async def test_no_other_service_reads_or_writes_access(house: House, service: str) -> None:
    async with AsyncSession(house.database.engine) as rows:
        await rows.execute(text("select set_config('role', :role, true)"), {"role": house.database.role(service)})
        with pytest.raises(DBAPIError, match="permission denied"):
            await rows.execute(text("select * from access.grants"))


async def test_compliance_sees_the_tokens_of_its_clinic_only(house: House, database: Database) -> None:
    await token_for(house, uuid4(), Role.MANAGER)
    other = await open_house(database)
    async with other.look("compliance") as view:
        assert (await view.rows.execute(text("select count(*) from access.tokens"))).scalar_one() == 0
    async with house.look("compliance") as view:
        assert (await view.rows.execute(text("select count(*) from access.tokens"))).scalar_one() == 1


async def test_an_old_grant_that_is_projected_again_opens_nothing(house: House, owner: asyncpg.Connection) -> None:
    """A rebuild passes every grant again; a door that was closed since must not open meanwhile."""
    who = uuid4()
    token = await token_for(house, who, Role.MANAGER)
    await house.given("compliance", AccessRevoked(identity_id=who, role=Role.MANAGER))
    begin = "update ledger.bookmarks set size = 0, chain = ledger.genesis(clinic_id, epoch)"
    await owner.execute(f"{begin} where service = 'compliance' and stage = 'projected' and clinic_id = $1", house.clinic_id)
    opened: list[datetime] = []

    while await project(house.database, house.clinic_id, "compliance", 1):
        caller = await seen(house, token)
        if caller is not None and caller.roles:
            opened.append(await house.now())
    assert opened == []
