"""What somebody could do who took over one service's login: the database itself says no."""

from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events import ledger
from events.database import SERVICES
from events.ledger import Head
from events.transaction import aside
from tests.conftest import House

SCHEMAS = ("ledger", "machinery", "access", *SERVICES)


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(seconds=5), timedelta(days=36_500)])
async def test_no_service_can_date_an_entry_to_another_time(house: House, off: timedelta) -> None:
    """Backdated, it rewrites when something was known; in the far future, it stops the clinic's clock for everybody after."""
    empty = uuid4()
    async with aside(house.database, None, "compliance") as rows:
        await ledger.open_clinic(rows, empty)
    async with aside(house.database, empty, "booking") as rows:
        at = await ledger.head(rows, empty)
        assert at is not None
        claimed = Head(at.epoch, at.size, at.chain, None, at.clock + off)
        with pytest.raises(DBAPIError, match="not now"):
            await ledger.append(rows, empty, claimed, uuid4(), "record.viewed.v1", b"{}")
        await rows.rollback()


@pytest.mark.parametrize("epoch", [0, 2])
async def test_no_service_can_write_into_an_epoch_that_is_not_the_open_one(house: House, epoch: int) -> None:
    async with aside(house.database, house.clinic_id, "booking") as rows:
        at = await ledger.head(rows, house.clinic_id)
        assert at is not None
        other = Head(epoch, 0, b"", None, at.clock)
        with pytest.raises(DBAPIError, match="epoch"):
            await ledger.append(rows, house.clinic_id, other, uuid4(), "record.viewed.v1", b"{}")
        await rows.rollback()


async def test_only_compliance_opens_clinics(house: House) -> None:
    async with aside(house.database, None, "booking") as rows:
        with pytest.raises(DBAPIError, match="permission denied"):
            await ledger.open_clinic(rows, uuid4())
        await rows.rollback()


async def test_every_table_shows_a_clinic_only_its_own_rows(owner: asyncpg.Connection) -> None:
    tables = await owner.fetch(
        "select n.nspname || '.' || c.relname as name, c.relrowsecurity and c.relforcerowsecurity as walled,"
        " exists (select 1 from pg_attribute a where a.attrelid = c.oid and a.attname = 'clinic_id') as has_clinic"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm') and n.nspname = any($1)",
        list(SCHEMAS),
    )
    assert len(tables) > 50
    assert {row["name"] for row in tables if not (row["walled"] and row["has_clinic"])} == {"ledger.migrations"}


async def test_no_function_of_ours_is_open_to_everybody_or_looks_into_a_schema_of_the_callers(owner: asyncpg.Connection) -> None:
    functions = await owner.fetch(
        "select n.nspname || '.' || p.proname as name, p.prosecdef, p.proconfig, has_function_privilege('public', p.oid, 'execute') as open"
        " from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = any($1)",
        list(SCHEMAS),
    )
    assert len(functions) > 10
    assert {row["name"] for row in functions if row["open"]} == set()
    elevated = [row for row in functions if row["prosecdef"]]
    assert elevated
    assert {row["name"] for row in elevated if not (row["proconfig"] or [""])[0].replace('"', "").endswith(", pg_temp")} == set()


async def test_no_service_reads_or_writes_what_is_not_its_own(owner: asyncpg.Connection) -> None:
    """The ledger is read by all and written by none; grants and tokens are compliance's; the machinery is shared."""
    shared = {"ledger.bookmarks", "ledger.fingerprints", "ledger.attempts"}
    for service in (*SERVICES, "relay", "app"):
        held = await owner.fetch(
            "select n.nspname as schema, n.nspname || '.' || c.relname as name, p as privilege"
            " from pg_class c join pg_namespace n on n.oid = c.relnamespace,"
            " unnest(array['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p"
            " where c.relkind = 'r' and n.nspname = any($1) and has_table_privilege($2, c.oid, p)",
            list(SCHEMAS),
            f"asepsis_{service}",
        )
        strange = {
            (row["name"], row["privilege"])
            for row in held
            if not (
                row["schema"] in {service, "machinery"}
                or (row["schema"] == "access" and service == "compliance")
                or row["name"] in shared
                or (row["name"] in {"ledger.entries", "ledger.clinics"} and row["privilege"] == "select")
            )
            or row["privilege"] in {"truncate", "references", "trigger"}
        }
        assert strange == set(), service
        assert service != "app" or not held


async def test_a_service_cannot_move_a_clinic_by_changing_its_rows_clinic(house: House) -> None:
    """The wall stands for what is written too."""
    other = uuid4()
    async with aside(house.database, house.clinic_id, "booking") as rows:
        with pytest.raises(DBAPIError, match="row-level security"):
            await rows.execute(text("update ledger.bookmarks set clinic_id = :other"), {"other": other})
        await rows.rollback()
