"""What the driver says when the server's end of a session died: an outage, whichever words it has for it."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from urllib.parse import quote

import pytest

from events.database import Database, is_passing
from events.embedded import Servers
from events.transaction import aside
from tests.conftest import SECRET
from tests.outage import Wire, wire

SOCKET = ".s.PGSQL.5432"
CRASHED = b"SFATAL\x00VFATAL\x00C57P02\x00Mterminating connection because of crash of another server process\x00\x00"


async def say_that_it_crashed(server: Wire) -> None:
    """In the server's place."""
    for writer in server.callers:
        writer.write(b"E" + (len(CRASHED) + 4).to_bytes(4, "big") + CRASHED)
        await writer.drain()


async def test_a_session_whose_server_crashed_while_it_was_idle_is_an_outage(servers: Servers, database_name: str) -> None:
    """PostgreSQL says that it crashed and only then hangs up: in between the driver answers with an error of its own making."""
    directory = Path(tempfile.mkdtemp(prefix="asepsis-"))
    url = servers.login_url("asepsis_app", database_name).replace(quote(str(servers.sockets), safe=""), quote(str(directory), safe=""))
    database = Database(url, secret=SECRET, pool_size=1)
    try:
        async with wire(directory / SOCKET, servers.sockets / SOCKET) as server:
            async with aside(database, None, "booking"):
                pass
            await say_that_it_crashed(server)
            await asyncio.sleep(0.05)
            with pytest.raises(Exception, match="another operation") as told:
                async with aside(database, None, "booking"):
                    pytest.fail("a session without a server began a transaction")
            assert is_passing(told.value), repr(told.value)
    finally:
        await database.close()
        shutil.rmtree(directory)
