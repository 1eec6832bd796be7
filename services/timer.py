"""Work that is done again and again. Its seconds are measured: a clock that somebody sets, or that stands still, changes nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from redis.exceptions import RedisError

from events.database import is_passing

log = logging.getLogger(__name__)

STOP_SECONDS = 5.0


class Timer:
    """Each piece of work runs beside the others, and never beside itself; what a long run missed is not made up for."""

    def __init__(self) -> None:
        self._ticking: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[Any]] = set()

    def each(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        """Do this every so many seconds, from so many seconds on, until `stop`."""
        self._ticking.append(asyncio.create_task(self._tick(seconds, work)))

    async def stop(self) -> None:
        """Begin nothing more; what is under way has five seconds to come to its end."""
        for ticking in self._ticking:
            ticking.cancel()
        await asyncio.gather(*self._ticking, return_exceptions=True)
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_SECONDS)

    async def _tick(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        while True:
            await asyncio.sleep(due - loop.time())
            # A task of its own: stopping the clock does not stop the work in the middle.
            running = asyncio.ensure_future(work())
            self._running.add(running)
            running.add_done_callback(self._finished)
            await asyncio.wait({running})
            _tell(running, getattr(work, "__name__", "work"))
            due = max(due + seconds, loop.time())

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # somebody has looked: asyncio need not tell it again when the timer is gone


def _tell(task: asyncio.Task[Any], name: str) -> None:
    """An outage passes; anything else is a bug, and the work is tried again when its time has come."""
    failure = None if task.cancelled() else task.exception()
    if failure is None:
        return
    if isinstance(failure, RedisError) or is_passing(failure):
        log.debug("the clock's %s waits: %s", name, type(failure).__name__)
    else:
        log.error("the clock's %s failed; it is tried again", name, exc_info=failure)
