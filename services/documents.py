"""The two documents that a stranger integrates from, without any server."""

from typing import Any

from events.database import SERVICES
from services.app import create_app, load
from services.asyncapi import describe
from services.settings import Settings

_NOWHERE = Settings(
    database_url="postgresql+asyncpg://nobody@nowhere/none",
    migration_url="postgresql+asyncpg://nobody@nowhere/none",
    redis_url="redis://nowhere",
    secret=bytes(32),
)
"""An application that is described and never started."""


def openapi() -> dict[str, Any]:
    """Everything over HTTP: OpenAPI 3.1."""
    return create_app(_NOWHERE).openapi()


def asyncapi() -> dict[str, Any]:
    """Everything over streams: AsyncAPI 3.0."""
    for service in SERVICES:
        load(service)
    return describe()
