"""Tests of services share a database per file: each has a clinic of its own, and a clinic sees nothing of another."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from events.embedded import Servers
from tests.conftest import administer


@pytest.fixture(scope="module")
async def database_name(servers: Servers, template: str) -> AsyncIterator[str]:
    """A fresh database of this file's own."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{template}" strategy wal_log')
    yield name
    await administer(servers, f'drop database "{name}" with (force)')
