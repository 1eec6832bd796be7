"""A TCP proxy of our own before a server's socket, and what may happen to what passes through it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Fate = Literal["delay", "one_way", "commit_reset", "half_open", "slow"]
Moment = Literal["before", "amid", "after"]
"""Of a commit: it never arrives; it arrives half; it is done, and the answer to it never arrives."""

COMMITS = (b"commit\x00", b"exec\r\n")
"""How a commit ends: PostgreSQL's simple query, Valkey's transaction."""
RESET = struct.pack("ii", 1, 0)
DRIP_BYTES = 16
DRIP_SECONDS = 0.004


@dataclass
class Cut:
    """One mishap, and how often it was seen to happen."""

    fate: Fate
    pause: float = 0.0
    upward: bool = True
    """Which way is cut: from the client to the server, or back."""
    moment: Moment = "before"
    seen: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class _Link:
    """One client's connection, and ours to the server."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter | None = None
    doomed: bool = False
    """Bytes of it are gone: it cannot go on as if nothing had happened."""
    committing: bool = False

    def reset(self) -> None:
        """The client's end gets a RST, the server's an end of file."""
        for writer in (self.near, self.far):
            if writer is not None:
                with contextlib.suppress(OSError, AttributeError):
                    found: socket.socket = writer.get_extra_info("socket")
                    if found.family == socket.AF_INET:
                        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                writer.transport.abort()


class Proxy:
    """Passes bytes to and fro, and does to them what the cut of the moment says."""

    def __init__(self, there: Path) -> None:
        self._there = there
        self._links: set[_Link] = set()
        self._cut: Cut | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for link in list(self._links):
                link.reset()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def suffer(self, cut: Cut, seconds: float) -> int:
        """Let it happen for so long; a commit is waited for. Returns how often it was seen."""
        self._cut = cut
        try:
            async with asyncio.timeout(seconds):
                await cut.over.wait()
        except TimeoutError:
            cut.over.set()
        self._cut = None
        for link in [link for link in self._links if link.doomed]:
            link.reset()
        return cut.seen

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link(writer)
        self._links.add(link)
        try:
            if self._cut is not None and self._cut.fate == "half_open":
                await self._never_answer(link, self._cut)
                return
            far_reader, link.far = await asyncio.open_unix_connection(self._there)
            up = asyncio.create_task(self._pass(link, reader, link.far, upward=True))
            down = asyncio.create_task(self._pass(link, far_reader, writer, upward=False))
            self._tasks |= {up, down}
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            self._tasks -= {up, down}
        except OSError:
            pass  # the server is away; the client sees an end
        finally:
            link.reset()
            self._links.discard(link)

    async def _never_answer(self, link: _Link, cut: Cut) -> None:
        cut.seen += 1
        link.doomed = True
        await cut.over.wait()

    async def _pass(self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, upward: bool) -> None:
        with contextlib.suppress(OSError):
            while part := await source.read(65536):
                cut = self._cut
                if cut is None and not link.committing:
                    sink.write(part)
                elif not await self._treat(link, cut, sink, part, upward=upward):
                    return
                await sink.drain()

    async def _treat(self, link: _Link, cut: Cut | None, sink: asyncio.StreamWriter, part: bytes, *, upward: bool) -> bool:
        """Do to these bytes what the cut says. False: the connection is at its end."""
        if link.committing and not upward:
            return False  # done, and nobody will know
        match None if cut is None else cut.fate:
            case "delay" if cut is not None:
                cut.seen += 1
                await asyncio.sleep(cut.pause)
            case "one_way" if cut is not None and cut.upward == upward:
                cut.seen += 1
                link.doomed = True
                return True
            case "half_open" if cut is not None:
                await self._never_answer(link, cut)
                return False
            case "slow" if cut is not None and not upward:
                cut.seen += 1
                await self._drip(cut, sink, part)
                return True
            case "commit_reset" if cut is not None and upward and part.lower().endswith(COMMITS):
                cut.seen += 1
                cut.over.set()
                self._cut = None
                return self._commit(link, cut.moment, sink, part)
        sink.write(part)
        return True

    def _commit(self, link: _Link, moment: Moment, sink: asyncio.StreamWriter, part: bytes) -> bool:
        if moment == "before":
            return False
        if moment == "amid":
            sink.write(part[: -len(part) // 2])
            return False
        link.committing = True
        sink.write(part)
        return True

    @staticmethod
    async def _drip(cut: Cut, sink: asyncio.StreamWriter, part: bytes) -> None:
        """A few bytes at a time, as long as the cut lasts."""
        at = 0
        while at < len(part) and not cut.over.is_set():
            sink.write(part[at : at + DRIP_BYTES])
            at += DRIP_BYTES
            await asyncio.sleep(DRIP_SECONDS)
        sink.write(part[at:])
