"""Makes the installation: roles, schemas, tables, functions, rights. Only `asepsis migrate` does this.

Safe to run from several processes at once (advisory lock) and again and again.
"""

import hashlib
import secrets
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

import events.access
import events.checking.kept
import events.dead_letters
import events.mailboxes
import events.outbox
from events.database import SERVICES, Base

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is imported where it is needed: a start that finds everything as it must be needs it nowhere.

DEPLOY = Path(__file__).parent.parent / "deploy"
R = TypeVar("R")

SCHEMAS = ("ledger", "machinery", "access", *SERVICES)
_MIGRATION_LOCK = 0x61736570
_MIGRATED = "migrated to "

_MACHINERY = (events.access, events.checking.kept, events.dead_letters, events.mailboxes, events.outbox)
"""Named so that their tables are known to `Base.metadata`."""


def load_tables() -> None:
    """Import every service's tables, so that `Base.metadata` is whole."""
    for service in SERVICES:
        if find_spec(f"services.{service}.models"):
            import_module(f"services.{service}.models")


def _make_roles(connection: Connection, prefix: str) -> None:
    """An owner that cannot log in, a role per service, and one login that may become each service but inherits nothing."""
    roles = [f"{prefix}{name}" for name in ("owner", *SERVICES, "relay", "app")]
    known = set(connection.execute(text("select rolname from pg_roles where rolname = any(:names)"), {"names": roles}).scalars())
    for role in roles:
        login = "nologin" if role == f"{prefix}owner" else "login"
        if role not in known:
            connection.execute(text(f'create role "{role}" {login} nosuperuser nobypassrls noinherit'))
    for name in (*SERVICES, "relay"):
        connection.execute(text(f'grant "{prefix}{name}" to "{prefix}app"'))
    connection.execute(text(f'grant "{prefix}owner" to current_user'))


def _make_schemas(connection: Connection, prefix: str) -> None:
    for schema in SCHEMAS:
        connection.execute(text(f'create schema if not exists {schema} authorization "{prefix}owner"'))


def _alembic(connection: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(DEPLOY / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _run_sql(connection: Connection, path: Path, prefix: str) -> None:
    statements = path.read_text().replace("{prefix}", prefix)
    # The driver's own execute takes a whole file; SQLAlchemy prepares statements one by one.
    driver = connection.connection.driver_connection
    if driver is None:
        message = "the connection was closed"
        raise RuntimeError(message)
    await_only(driver.execute(statements))


def _digest(prefix: str) -> str:
    """Of everything that `_migrate` does: this file, the steps, the functions, the rights, the names of the roles."""
    parts = [Path(__file__), DEPLOY / "grants.sql", *sorted((DEPLOY / "migrations").glob("versions/*.py")), *_functions()]
    told = hashlib.sha256(prefix.encode())
    for part in parts:
        told.update(hashlib.sha256(part.read_bytes()).digest())
    return told.hexdigest()


def _functions() -> list[Path]:
    return sorted((DEPLOY / "migrations" / "sql").glob("*.sql"))


async def is_migrated(url: str, prefix: str = "asepsis_") -> bool:
    """Whether `migrate` of exactly this version was the last that ran on this database, which takes a moment to ask."""
    driver = await asyncpg.connect(url.replace("+asyncpg", "", 1), timeout=5)
    try:
        said = await driver.fetchval("select obj_description(oid, 'pg_namespace') from pg_namespace where nspname = 'ledger'")
    finally:
        await driver.close()
    return bool(said == _MIGRATED + _digest(prefix))


def _migrate(connection: Connection, prefix: str) -> list[str]:
    from alembic import command
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
    _make_roles(connection, prefix)
    _make_schemas(connection, prefix)
    connection.execute(text(f'set local role "{prefix}owner"'))
    config = _alembic(connection)
    context = MigrationContext.configure(connection, opts={"version_table": "migrations", "version_table_schema": "ledger"})
    before = context.get_current_heads()
    command.upgrade(config, "head")
    steps = ScriptDirectory.from_config(config).iterate_revisions(context.get_current_heads(), before)
    new = [step.revision for step in steps][::-1]
    connection.execute(text("select set_config('search_path', 'pg_catalog', true)"))
    for path in _functions():
        _run_sql(connection, path, prefix)
    _run_sql(connection, DEPLOY / "grants.sql", prefix)
    connection.execute(text(f"comment on schema ledger is '{_MIGRATED}{_digest(prefix)}'"))
    return new


async def _execute(url: str, work: Callable[..., R], *arguments: object) -> R:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work, *arguments)
    finally:
        await engine.dispose()


async def migrate(url: str, prefix: str = "asepsis_") -> list[str]:
    """Bring the database at `url` (a login that may create roles) to this program's version; returns the steps that were new."""
    load_tables()
    return await _execute(url, _migrate, prefix)


def _differences(connection: Connection) -> list[str]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    context = MigrationContext.configure(
        connection,
        opts={"include_schemas": True, "include_name": lambda name, kind, _: name in SCHEMAS if kind == "schema" else name != "migrations"},
    )
    return [str(difference) for difference in compare_metadata(context, Base.metadata)]


async def drift(url: str) -> list[str]:
    """What the migrations make differently from what the models say; empty when they agree."""
    load_tables()
    return await _execute(url, _differences)


def new_secret() -> str:
    """A secret for `ASEPSIS_SECRET`: 64 hex digits."""
    return secrets.token_hex(32)
