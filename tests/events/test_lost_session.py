"""What the driver says when the server's end of a session died: an outage, whichever words it has for it."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from events.database import Database, is_passing
from events.embedded import Servers
from events.transaction import aside
from tests.conftest import SECRET

SOCKET = ".s.PGSQL.5432"
CRASHED = b"SFATAL\x00VFATAL\x00C57P02\x00Mterminating connection because of crash of another server process\x00\x00"


class Relayed:
    """A server behind a socket of ours, which can speak in its place."""

    def __init__(self) -> None:
        self.towards: list[asyncio.StreamWriter] = []

    async def say_that_it_crashed(self) -> None:
        for writer in self.towards:
            writer.write(b"E" + (len(CRASHED) + 4).to_bytes(4, "big") + CRASHED)
            await writer.drain()


@asynccontextmanager
async def relayed(here: Path, there: Path) -> AsyncIterator[Relayed]:
    found = Relayed()
    passing: list[asyncio.Task[None]] = []

    async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while part := await source.read(65536):
            sink.write(part)
        sink.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(there)
        found.towards.append(writer)
        passing.extend(map(asyncio.ensure_future, (carry(reader, far_writer), carry(far_reader, writer))))

    server = await asyncio.start_unix_server(accept, here)
    try:
        yield found
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def test_a_session_whose_server_crashed_while_it_was_idle_is_an_outage(servers: Servers, database_name: str) -> None:
    """PostgreSQL says that it crashed and only then hangs up: in between the driver answers with an error of its own making."""
    directory = Path(tempfile.mkdtemp(prefix="asepsis-"))
    url = servers.login_url("asepsis_app", database_name).replace(quote(str(servers.sockets), safe=""), quote(str(directory), safe=""))
    database = Database(url, secret=SECRET, pool_size=1)
    try:
        async with relayed(directory / SOCKET, servers.sockets / SOCKET) as server:
            async with aside(database, None, "booking"):
                pass
            await server.say_that_it_crashed()
            await asyncio.sleep(0.05)
            with pytest.raises(Exception, match="another operation") as told:
                async with aside(database, None, "booking"):
                    pytest.fail("a session without a server began a transaction")
            assert is_passing(told.value), repr(told.value)
    finally:
        await database.close()
        shutil.rmtree(directory)
