"""A wire that can be cut, or fall silent: a Unix socket in front of a server's own. Behind it the server goes on, unreachable."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path


@dataclass(eq=False)
class _Bundle:
    """Connections that share their fate."""

    silent: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def end(self) -> None:
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


class Wire:
    """Passes bytes to and fro while it is whole."""

    def __init__(self, here: Path, there: Path) -> None:
        self._here = here
        self._there = there
        self._server: asyncio.Server | None = None
        self._now = _Bundle()
        self._silent: list[_Bundle] = []
        self.callers: list[asyncio.StreamWriter] = []
        """Whoever has connected, towards them."""

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
        await self._now.end()
        await self.forget_the_silent()

    def fall_silent(self) -> None:
        """Nothing more passes on the connections there are, not even that an end of them is gone. New ones are as ever."""
        self._now.silent = True
        self._silent.append(self._now)
        self._now = _Bundle()

    async def forget_the_silent(self) -> None:
        """Break the connections that have fallen silent."""
        for bundle in self._silent:
            await bundle.end()
        self._silent.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bundle = self._now
        try:
            far_reader, far_writer = await asyncio.open_unix_connection(self._there)
        except BaseException:
            writer.transport.abort()
            raise
        if self._server is None:  # cut meanwhile
            writer.transport.abort()
            far_writer.transport.abort()
            return
        self.callers.append(writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(_pass(source, sink, bundle))
            bundle.tasks.add(task)
            # Also when it is canceled before it has begun.
            task.add_done_callback(partial(_ended, bundle, sink))


def _ended(bundle: _Bundle, sink: asyncio.StreamWriter, task: asyncio.Task[None]) -> None:
    bundle.tasks.discard(task)
    with contextlib.suppress(OSError, RuntimeError):
        sink.transport.abort()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter, bundle: _Bundle) -> None:
    try:
        while part := await source.read(65536):
            if bundle.silent:
                break
            sink.write(part)
            await sink.drain()
        if bundle.silent:
            await asyncio.Event().wait()  # until the bundle's end
    except OSError:
        if bundle.silent:
            await asyncio.Event().wait()


@asynccontextmanager
async def wire(here: Path, there: Path) -> AsyncIterator[Wire]:
    """A whole wire; cut at the end."""
    made = Wire(here, there)
    await made.mend()
    try:
        yield made
    finally:
        await made.cut()
