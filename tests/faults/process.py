"""The whole program as a real process, kept running as a service manager would, and told where to die.

The processes are forked from one that has everything imported: a restart then takes a fraction of a second, and a
test can afford many of them.
"""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import random
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal, Self

import httpx
import uvicorn

from events.endings import ended
from events.envelope import Entry
from events.faults import arm
from services.app import House, create_app
from services.settings import Settings

READY_SECONDS = 60.0
STOP_SECONDS = 8.0

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.warm", "pytest"])


Gossip = Literal["honest", "deranged", "silent"]
"""How it announces what was recorded: as it should; twice and out of order; not at all."""


@dataclass(frozen=True)
class Fault:
    """Die by SIGKILL when `point` is reached for the n-th time."""

    point: str
    reach: int


@dataclass(frozen=True)
class Order:
    """What a process is to be: its settings, its door (a Unix socket), its log, and how it shall misbehave."""

    settings: Settings
    door: Path
    log: Path
    fault: Fault | None = None
    gossip: Gossip = "honest"
    mischief: Callable[[], None] | None = None
    """Done in the new process before anything of ours begins."""


def _death(reach: int) -> Callable[[], None]:
    left = reach

    def die_on_the_last() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_on_the_last


def _end_with_parent() -> None:
    """Tests that are killed must leave nobody behind."""
    parent = multiprocessing.parent_process()
    if parent is None:  # not one of the forked: whoever started it sees to its end
        return

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def misreport(house: House, gossip: Gossip) -> None:
    """From now on the announcements are not what they should be."""
    in_order = house.database.announce
    assert in_order is not None
    held: list[Entry[Any]] = []

    async def announce(entries: Sequence[Entry[Any]]) -> None:
        held.extend([*entries, *entries])
        random.shuffle(held)
        # Some are said now, the others with a later commit: what was recorded first may be heard last.
        now, held[:] = held[::2], held[1::2]
        await in_order(now)

    house.database.announce = announce if gossip == "deranged" else None


def _tell_what_goes_on(*_: object) -> None:
    """Into the log: where every task stands. Whoever asks, by SIGUSR1, has waited for too long."""
    for task in asyncio.all_tasks(asyncio.get_running_loop()):
        task.print_stack()


def run(order: Order) -> None:
    """The life of such a process."""
    _end_with_parent()
    with order.log.open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGUSR1, _tell_what_goes_on)
    if order.fault is not None:
        arm(order.fault.point, _death(order.fault.reach))
    if order.mischief is not None:
        order.mischief()
    app = create_app(order.settings)
    lifespan = app.router.lifespan_context

    @asynccontextmanager
    async def misreporting(started: Any) -> AsyncIterator[None]:
        async with lifespan(started):
            misreport(app.state.house, order.gossip)
            yield

    if order.gossip != "honest":
        app.router.lifespan_context = misreporting
    uvicorn.run(app, uds=str(order.door), log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=2)


class Program:
    """One program, however many processes it took. `deaths` are the exit codes of those that died."""

    def __init__(self, order: Order, faults: Sequence[Fault] = (), on_death: Callable[[], Awaitable[None]] | None = None) -> None:
        self.order = order
        self.deaths: list[int | None] = []
        self._faults = list(faults)
        self._on_death = on_death
        self._process: BaseProcess | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process at this moment."""
        return None if self._process is None else self._process.pid

    def _start(self) -> None:
        fault = self._faults.pop(0) if self._faults else None
        self.order = replace(self.order, fault=fault)
        self._process = FORKS.Process(target=run, args=(self.order,), daemon=True)
        self._process.start()

    def tell_what_goes_on(self) -> None:
        """Have it write into its log where every task stands."""
        if self._process is not None and self._process.is_alive():
            os.kill(self._process.pid or 0, signal.SIGUSR1)

    async def _keep(self) -> None:
        """Start it again whenever it dies."""
        while self._process is not None:
            ended = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_reader(self._process.sentinel, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(self._process.sentinel)
            self._process.join()
            self.deaths.append(self._process.exitcode)
            if self._on_death is not None:
                await self._on_death()
            self._start()

    async def ready(self) -> None:
        """Wait until its door opens."""
        async with (
            asyncio.timeout(READY_SECONDS),
            httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(self.order.door), verify=False)) as client,
        ):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get("http://asepsis/health/live")).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(0.02)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._start)
        self._keeping = asyncio.create_task(self._keep())
        try:
            await self.ready()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()
        keeping = self._keeping
        if keeping is not None and not keeping.cancelled() and (failure := keeping.exception()) is not None:
            raise failure

    async def _end(self) -> None:
        """Ask it to stop; what does not is killed."""
        if self._keeping is not None:
            await ended(self._keeping)
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        await asyncio.to_thread(process.join, STOP_SECONDS)
        if process.is_alive():
            process.kill()
            await asyncio.to_thread(process.join)
        process.close()
