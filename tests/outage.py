"""A wire that can be cut: a Unix socket in front of a server's own. Behind it the server goes on, unreachable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class Wire:
    """Passes bytes to and fro while it is whole."""

    def __init__(self, here: Path, there: Path) -> None:
        self._here = here
        self._there = there
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def mend(self) -> None:
        """Let connections through."""
        self._here.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._accept, self._here)

    async def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self._here.unlink(missing_ok=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(self._there)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(_pass(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while part := await source.read(65536):
            sink.write(part)
            await sink.drain()
    except OSError:
        return
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            sink.transport.abort()


@asynccontextmanager
async def wire(here: Path, there: Path) -> AsyncIterator[Wire]:
    """A whole wire; cut at the end."""
    made = Wire(here, there)
    await made.mend()
    try:
        yield made
    finally:
        await made.cut()
