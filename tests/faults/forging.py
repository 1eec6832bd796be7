"""Tampering with the rows of a real database, as somebody may who holds it: its superuser, with the triggers off.

Entries are judged by what `asepsis verify` does, rows by what `asepsis check` does. What was changed is put back.
"""

import io
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from events.chain import Checkpoint, Row
from events.checking.check import Checker
from events.checking.replays import replays_of
from events.database import SERVICES, Base, Database, tables_of
from events.verification import Verdict, Where, verdicts
from services.verification import connect_arguments
from tests.faults.forgeries import FORGERS, Copy, Forged

Way = Callable[[Random], Awaitable[str | None]]

CHANGES = {
    "bytea": "set_byte({0}, {1} % octet_length({0}), get_byte({0}, {1} % octet_length({0})) # (1 << ({1} % 8)))",
    "text": "{0} || 'x'",
    "bigint": "{0} + 1",
    "boolean": "not {0}",
    "timestamp with time zone": "{0} + interval '1 microsecond'",
    "date": "{0} + 1",
    "uuid": "gen_random_uuid()",
    "jsonb": "jsonb_build_array({0})",
    "ARRAY": "array_cat({0}, {0}[1:1])",
}
"""How a value of a column's type becomes another; `{1}` is a number by chance."""

TOKENS = "access.tokens"
"""Its key is a secret's hash, which no finding says: it names the token's id."""


@dataclass(frozen=True)
class Touched:
    """A row that somebody changes: where it is, and what was there."""

    table: str
    key: dict[str, Any]
    how: str
    was: bytes

    @property
    def named(self) -> list[str]:
        """What a finding must name, the table apart."""
        return [f"{name}={value}" for name, value in self.key.items() if name != "clinic_id"]


class Forging:
    """Somebody with all rights, and those who look. Use as a context."""

    def __init__(self, database: Database, owner: asyncpg.Connection, valkey: Redis, clinic_id: UUID) -> None:
        self._database = database
        self._owner = owner
        self._clinic_id = clinic_id
        self._valkey = valkey
        self._stack = AsyncExitStack()
        self._checker: Checker | None = None
        self._rows: list[asyncpg.Record] = []
        self._known: set[str] = set()
        self.ways: dict[str, Way] = {
            "entry in the database": self._forge_entries,
            "private row": self._touch_private,
            "projection row": self._touch_projection,
        }

    async def __aenter__(self) -> Self:
        await self._owner.execute("set session_replication_role = replica")  # as with every trigger off
        self._checker = await self._stack.enter_async_context(Checker(self._database, SERVICES, self._valkey))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._stack.aclose()
        await self._owner.execute("set session_replication_role = origin")

    async def read(self) -> None:
        """The true ledger; and what the checkers say before anything was touched, which is nothing."""
        self._rows = await self._owner.fetch("select * from ledger.entries where clinic_id = $1 order by index", self._clinic_id)
        found = await self._found()
        assert not found, found

    def columns(self) -> list[tuple[Any, ...]]:
        """The rows as `events.chain.Row` takes them."""
        names = ("index", "recorded_at", "event_id", "type", "body", "chain")
        return [tuple(UUID(int=row[name].int) if name == "event_id" else row[name] for name in names) for row in self._rows]

    async def _found(self) -> list[str]:
        assert self._checker is not None
        checked = await self._checker.check(self._clinic_id)
        return [str(wrong) for wrong in checked.report.wrongs]

    async def _forge_entries(self, rng: Random) -> str | None:
        """The same forgeries as in memory, written into the table."""
        copy = Copy(self._clinic_id, tuple(Row(*row) for row in self.columns()))
        forged = rng.choice(FORGERS)(copy, rng)
        while not _can_stand(forged) or sorted(forged.rows, key=lambda row: row.index) == list(copy.rows):
            forged = rng.choice(FORGERS)(copy, rng)
        await self._write(forged.rows)
        try:
            verdict = await self._verdict(forged.kept)
        finally:
            await self._write(copy.rows)
        wrong = forged.wrong_about(verdict.broken)
        return None if wrong is None else f"{forged.how} at {forged.differs_at} {wrong}: {verdict.broken}"

    async def _write(self, rows: Sequence[Row]) -> None:
        async with self._owner.transaction():
            await self._owner.execute("delete from ledger.entries where clinic_id = $1", self._clinic_id)
            records = [(self._clinic_id, 1, row.index, row.recorded_at, row.event_id, row.type, row.body, row.chain) for row in rows]
            await self._owner.copy_records_to_table("entries", schema_name="ledger", records=records)

    async def _verdict(self, kept: Checkpoint | None) -> Verdict:
        where = Where(connect_arguments(self._database.url), self._database.role("compliance"))
        (found,) = [one async for one in verdicts(where, [self._clinic_id], kept, lambda _done, _total: None)]
        return found

    async def _touch_private(self, rng: Random) -> str | None:
        """A row that a commitment binds, or that an event stands for."""
        private = [one for service in SERVICES for one in replays_of(service).private]
        besides: dict[str, set[str]] = {}
        for one in private:
            besides.setdefault(one.table, set()).update(one.besides)
        return await self._touch(rng, sorted(besides), besides)

    async def _touch_projection(self, rng: Random) -> str | None:
        return await self._touch(rng, [name for service in SERVICES for name in tables_of(service, "projection")], {})

    async def _touch(self, rng: Random, tables: Sequence[str], besides: dict[str, set[str]]) -> str | None:
        names = [name for name in tables if await self._owner.fetchval(f"select exists (select from {name})")]
        name = rng.choice(names)
        touched = await self._change(rng, name, besides.get(name, set()))
        try:
            found = await self._found()
        finally:
            await self._put_back(touched)
        about = [sentence for sentence in found if touched.table in sentence]
        if any(all(part in sentence for part in touched.named) for sentence in about):
            return None
        return f"{touched.how} of {touched.table} ({', '.join(touched.named)}) was not found at its place: {found[:3]}"

    async def _change(self, rng: Random, name: str, besides: set[str]) -> Touched:
        """A value of a row is changed, the row is taken away, or another one is put beside it."""
        schema, table = name.split(".")
        keys = [column.name for column in Base.metadata.tables[name].primary_key.columns]
        places = await self._owner.fetch(f"select ctid, * from {name} order by {', '.join(keys)}")
        row = rng.choice(places)
        content = io.BytesIO()
        await self._owner.copy_from_table(table, schema_name=schema, output=content, format="binary")
        key = {one: row[one] for one in keys}
        named = key if name != TOKENS else {"token_id": row["token_id"]}
        where = " and ".join(f'"{one}" = ${number}' for number, one in enumerate(keys, start=1))
        types = await self._owner.fetch(
            "select column_name, data_type from information_schema.columns where table_schema = $1 and table_name = $2", schema, table
        )
        able = [
            (found["column_name"], CHANGES[found["data_type"]])
            for found in types
            if found["column_name"] not in {*keys, *besides} and row[found["column_name"]] not in (None, [], b"")
        ]
        if not able or rng.random() < 0.25:
            await self._owner.execute(f"delete from {name} where {where}", *key.values())
            return Touched(name, named, "loss", content.getvalue())
        column, change = rng.choice(able)
        changed = change.format(f'"{column}"', rng.randrange(1_000_000))
        await self._owner.execute(f'update {name} set "{column}" = {changed} where {where}', *key.values())
        return Touched(name, named, f"change in {column}", content.getvalue())

    async def _put_back(self, touched: Touched) -> None:
        schema, table = touched.table.split(".")
        async with self._owner.transaction():
            await self._owner.execute(f"delete from {touched.table}")
            await self._owner.copy_to_table(table, schema_name=schema, source=io.BytesIO(touched.was), format="binary")


def _can_stand(forged: Forged) -> bool:
    """Whether the table's own constraints let it in: its keys, and the form of a type."""
    indexes, ids = [row.index for row in forged.rows], [row.event_id for row in forged.rows]
    fine = all(row.type.isascii() and row.type.rpartition(".v")[2].isdigit() and "\0" not in row.type for row in forged.rows)
    plain = all(all(c.islower() or c.isdigit() or c in "._-" for c in row.type) for row in forged.rows)
    return fine and plain and len(set(indexes)) == len(indexes) and len(set(ids)) == len(ids)
