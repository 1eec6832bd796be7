"""A clinic on servers of its own that can be put back to an earlier day: the ledger by a base backup, the streams by a dump."""

import asyncio
import contextlib
import io
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from uuid import UUID

import asyncpg
import httpx
import orjson
from redis.asyncio import Redis

from events import ledger
from events.access import new_token
from events.catalog.compliance import AccessGranted
from events.database import SERVICES, Database, tables_of
from events.embedded import Servers
from events.outward import outward_after, outward_stream
from events.transaction import aside
from schemas.compliance import CreateToken
from schemas.vocabulary import Role
from services.__main__ import main
from services.checkup import check_all
from services.compliance.commands import create_token
from services.example import database_now
from services.installation import migrate
from services.operations import status_of
from services.settings import Settings
from tests.conftest import SECRET, House, load_services
from tests.faults.deeds import Deeds
from tests.faults.evidence import patience
from tests.faults.process import Order, Program
from tests.faults.small_clinic import DAY, open_small_clinic
from tests.servers import chosen, start

REST_SECONDS = 10.0
Streamed = tuple[str, dict[str, Any]]
"""An id of the outward stream, and the event there."""


@dataclass(frozen=True)
class Survivor:
    """One service's tables and bookmarks, as they were when the rest of PostgreSQL was put back."""

    service: str
    marks: list[asyncpg.Record]
    tables: Mapping[str, bytes]


@dataclass
class Past:
    """The servers, the program, and everything kept of earlier."""

    directory: Path
    servers: Servers
    database: Database
    owner: asyncpg.Connection
    valkey: Redis
    order: Order
    deeds: Deeds
    token: str
    dumps: list[bytes] = field(default_factory=list)
    known: frozenset[str] = frozenset()
    """What checkers say of a clinic whose furniture was only said to be there."""

    @property
    def clinic_id(self) -> UUID:
        return self.deeds.clinic.clinic_id

    @asynccontextmanager
    async def program(self) -> AsyncIterator[Program]:
        """The whole program, in a process of its own."""
        async with Program(self.order) as program:
            yield program

    async def asepsis(self, *words: str) -> tuple[int, str]:
        """What an operator types, and what is said."""
        settings = self.order.settings
        told = {"DATABASE_URL": settings.database_url, "MIGRATION_URL": settings.migration_url, "REDIS_URL": settings.redis_url}
        environment = {f"ASEPSIS_{name}": value for name, value in told.items()} | {"ASEPSIS_SECRET": SECRET.decode()}

        def ask() -> tuple[int, str]:
            said = io.StringIO()
            with patch.dict(os.environ, environment), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                return main(words), said.getvalue()

        return await asyncio.to_thread(ask)

    async def rest(self) -> None:
        """Wait until everybody is level and everything is published. Raises TimeoutError."""
        await self._until(self._rests, "everybody at the end of the ledger")

    async def _rests(self) -> bool:
        epoch, size = await self.head()
        standings = {(one.service, one.stage): one for one in (await status_of(self.database)).standings}
        wanted = [(service, stage) for service in SERVICES for stage in ("projected", "reacted")] + [("relay", "published")]
        level = all(pair in standings and standings[pair].bookmark == size for pair in wanted)
        return level and [one for one in await self.streamed() if one[0].startswith(f"{epoch}-")] == await self.outward(epoch)

    async def _until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + patience(REST_SECONDS)
        while not await holds():
            if asyncio.get_running_loop().time() > deadline:
                standings = [
                    (one.service, one.stage, one.bookmark, one.size, one.error) for one in (await status_of(self.database)).standings
                ]
                log = self.order.log.read_text()[-3000:] if self.order.log.exists() else ""
                message = f"waited {REST_SECONDS:.0f} s and more for {what}: {standings}\n{log}"
                raise TimeoutError(message)
            await asyncio.sleep(0.1)

    async def halted(self, expected: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Who stands still, as soon as all of those do."""
        found: set[tuple[str, str]] = set()
        deadline = asyncio.get_running_loop().time() + patience(REST_SECONDS)
        while not found >= set(expected) and asyncio.get_running_loop().time() < deadline:
            found = {(one.service, one.stage) for one in (await status_of(self.database)).halted}
            await asyncio.sleep(0.1)
        return found

    async def head(self) -> tuple[int, int]:
        """Epoch and size."""
        async with aside(self.database, self.clinic_id, "compliance") as rows:
            at = await ledger.head(rows, self.clinic_id)
        assert at is not None
        return at.epoch, at.size

    async def streamed(self) -> list[Streamed]:
        """The whole outward stream."""
        found: Any = await self.valkey.xrange(outward_stream(self.clinic_id))
        return [(shown.decode(), orjson.loads(fields[b"event"])) for shown, fields in found]

    async def outward(self, epoch: int, size: int = 0) -> list[Streamed]:
        """What of an epoch belongs on the stream, by the ledger."""
        async with aside(self.database, self.clinic_id, "compliance") as rows:
            forms = [orjson.loads(form) for form in await outward_after(rows, self.clinic_id, epoch, size, 1_000_000)]
        return [(form["sequence"], form) for form in forms]

    async def feed(self) -> str | None:
        """What is wrong with the feed over HTTP behind the last place that an outsider can rely on; None if it is right."""
        epoch, _ = await self.head()
        opened = (await self.outward(epoch))[0][1]["data"]
        after = f"{opened['former_epoch']}-{opened['published_size']}"
        wanted = [*await self.outward(opened["former_epoch"], opened["published_size"]), *await self.outward(epoch)]
        found: list[Streamed] = []
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(self.order.door)), base_url="http://asepsis") as client:
            while True:
                asked: dict[str, str | int] = {"after": found[-1][0] if found else after, "limit": 7}
                headers = {"Authorization": f"Bearer {self.token}"}
                reply = await client.get(f"/clinics/{self.clinic_id}/events", params=asked, headers=headers)
                if reply.status_code != httpx.codes.OK:
                    return f"answers {reply.status_code}: {reply.text}"
                if not reply.json():
                    break
                found += [(event["sequence"], event) for event in reply.json()]
        return None if found == wanted else f"gives {[shown for shown, _ in found]} instead of {[shown for shown, _ in wanted]}"

    async def health(self) -> dict[str, Any]:
        """What the program's door says of itself."""
        async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(self.order.door))) as client:
            found: dict[str, Any] = (await client.get("http://asepsis/health/ready")).json()
        return found

    async def problems(self) -> list[str]:
        """What the product's own checkers find."""
        found: list[str] = []
        client = Redis.from_url(self.servers.redis_url)
        try:
            await check_all(self.database, SERVICES, client, self.clinic_id, lambda report: found.extend(map(str, report.wrongs)))
        finally:
            await client.aclose()
        return [sentence for sentence in found if sentence not in self.known]

    async def back_up(self) -> None:
        """A base backup of the whole cluster, as an operator takes it."""
        backup = self.directory / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        program = chosen().postgres_bin / "pg_basebackup"
        words = ("--host", str(self.servers.sockets), "--username", "asepsis", "--pgdata", str(backup), "--checkpoint", "fast")
        asked = await asyncio.create_subprocess_exec(program, *words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = await asked.communicate()
        assert asked.returncode == 0, said.decode()

    async def restore(self) -> None:
        """Stop everything, put the backup in the place of the data, start again. Valkey keeps what it has."""
        await self.leave()
        data = self.servers.data_dir / "postgres"
        owner = data.stat()
        await asyncio.to_thread(shutil.rmtree, data)
        await asyncio.to_thread(shutil.copytree, self.directory / "backup", data)
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid)
        data.chmod(0o700)
        self.servers = await asyncio.to_thread(start, self.servers.data_dir)
        await self._enter()

    async def leave(self) -> None:
        """Stop the servers."""
        await self.valkey.aclose()
        await self.owner.close()
        await self.database.close()
        await asyncio.to_thread(self.servers.stop)

    async def _enter(self) -> None:
        self.database = Database(self.servers.login_url("asepsis_app"), secret=SECRET, pool_size=4)
        self.owner = await asyncpg.connect(self.servers.database_url.replace("+asyncpg", ""))
        self.valkey = Redis.from_url(self.servers.redis_url)
        self.deeds.clinic.house = House(self.database, self.clinic_id)

    async def keep_service(self, service: str) -> Survivor:
        """One service's projections and bookmarks as they are."""
        marks = await self.owner.fetch("select * from ledger.bookmarks where service = $1", service)
        tables: dict[str, bytes] = {}
        for name in tables_of(service, "projection"):
            schema, table = name.split(".")
            content = io.BytesIO()
            await self.owner.copy_from_table(table, schema_name=schema, output=content, format="binary")
            tables[name] = content.getvalue()
        return Survivor(service, marks, tables)

    async def put_service(self, survivor: Survivor) -> None:
        """Somebody restored all of PostgreSQL but this."""
        for name, content in survivor.tables.items():
            schema, table = name.split(".")
            await self.owner.execute(f'delete from "{schema}"."{table}"')
            await self.owner.copy_to_table(table, schema_name=schema, source=io.BytesIO(content), format="binary")
        for mark in survivor.marks:
            place = (mark["clinic_id"], mark["service"], mark["stage"], mark["epoch"], mark["size"], mark["chain"])
            await self.owner.execute(
                "update ledger.bookmarks set epoch = $4, size = $5, chain = $6 where clinic_id = $1 and service = $2 and stage = $3", *place
            )

    async def keep_stream(self) -> None:
        """The outward stream as it is now."""
        found: Any = await self.valkey.dump(outward_stream(self.clinic_id))
        self.dumps.append(found)

    async def put_stream(self, dump: bytes) -> None:
        """The outward stream as it was then."""
        await self.valkey.restore(outward_stream(self.clinic_id), 0, dump, replace=True)


@asynccontextmanager
async def the_past(directory: Path, rng: Random) -> AsyncIterator[Past]:
    """A small clinic in the database of servers of its own, with somebody whose token reads the feed."""
    servers = await asyncio.to_thread(start, directory / "servers")
    await migrate(servers.database_url)
    load_services()
    database = Database(servers.login_url("asepsis_app"), secret=SECRET, pool_size=4)
    clinic = await open_small_clinic(database, await database_now(database))
    token, auditor = new_token(), clinic.form_id
    treating = (AccessGranted(identity_id=practitioner, role=Role.PRACTITIONER) for practitioner in clinic.practitioners)
    await clinic.house.given("compliance", AccessGranted(identity_id=auditor, role=Role.AUDITOR), *treating)
    hashed = sha256(token.encode()).hexdigest()
    made = CreateToken(identity_id=auditor, label="feed", expires_at=clinic.now + 9 * DAY, token_hash=hashed)
    await clinic.house.doing("compliance", create_token, made)
    url, spool = servers.login_url("asepsis_app"), directory / "messages.jsonl"
    settings = Settings(database_url=url, migration_url=servers.database_url, redis_url=servers.redis_url, secret=SECRET, spool=spool)
    order = Order(settings, directory / "http.sock", directory / "log")
    owner = await asyncpg.connect(servers.database_url.replace("+asyncpg", ""))
    past = Past(directory, servers, database, owner, Redis.from_url(servers.redis_url), order, Deeds(clinic, rng), token)
    past.known = frozenset(await past.problems())
    try:
        yield past
    finally:
        await past.leave()
