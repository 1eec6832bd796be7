"""A start asks whether the database is of its version, and migrates where it is not."""

from pathlib import Path

import pytest

from events.embedded import Servers
from services import installation
from services.installation import is_migrated, migrate
from tests.conftest import administer, owner_url


async def test_a_database_says_which_version_migrated_it(
    servers: Servers, database_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = owner_url(servers, database_name)
    assert await is_migrated(url)
    assert not await is_migrated(url, "other_")
    more = tmp_path / "ledger.more.sql"
    more.write_text("create or replace function ledger.more() returns int language sql as 'select 1';")
    kept = installation._functions()
    monkeypatch.setattr(installation, "_functions", lambda: [*kept, more])
    assert not await is_migrated(url)
    assert await migrate(url) == []
    assert await is_migrated(url)
    more.write_text(more.read_text().replace("select 1", "select 2"))
    assert not await is_migrated(url)


async def test_an_empty_database_is_not_migrated(servers: Servers, database_name: str) -> None:
    empty = f"{database_name}_empty"
    await administer(servers, f'create database "{empty}"')
    try:
        assert not await is_migrated(owner_url(servers, empty))
    finally:
        await administer(servers, f'drop database "{empty}"')
