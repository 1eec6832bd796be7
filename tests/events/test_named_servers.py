"""Servers other than those of the wheels: the ones that were named are the ones that run, and what is no server is refused."""

import re
import subprocess
from pathlib import Path

import asyncpg
import pytest
from redis.asyncio import Redis

from events.embedded import Programs, Servers, ServersError
from tests.servers import chosen


def _says(program: Path, pattern: str) -> str:
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    found = re.search(pattern, said)
    assert found is not None, said
    return found[1]


async def test_the_servers_are_those_that_were_named(servers: Servers) -> None:
    named = chosen()
    connection = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""))
    try:
        version = await connection.fetchval("show server_version")
        assert await connection.fetchval("show data_directory") == str(servers.data_dir / "postgres")
    finally:
        await connection.close()
    assert version.split()[0] == _says(named.postgres_bin / "postgres", r"\(PostgreSQL\) (\S+)")
    async with Redis.from_url(servers.redis_url) as redis:
        told = await redis.info("server")
    # Valkey says in redis_version which Redis it stands for.
    assert told.get("valkey_version", told["redis_version"]) == _says(named.redis_server, r"v=(\S+)")


@pytest.mark.parametrize(
    ("program", "said"),
    [("echo --version", "is no PostgreSQL that runs here: --version"), ("exit 1", "it cannot be started"), (None, "it cannot be started")],
)
def test_what_is_no_postgresql_is_refused_in_a_sentence(tmp_path: Path, program: str | None, said: str) -> None:
    if program is not None:
        (tmp_path / "postgres").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "postgres").chmod(0o755)
    with pytest.raises(ServersError, match=said):
        Servers.start(tmp_path / "data", Programs(tmp_path, chosen().redis_server))
