"""Work that is done again and again: APScheduler plans it, by seconds that are measured.

It plans by the time that its zone says it is. Its zone here says what has passed since the timer was made: a clock that
somebody sets, or that stands still, changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from redis.exceptions import RedisError

from events.database import is_passing

log = logging.getLogger(__name__)
logging.getLogger("apscheduler").setLevel(logging.WARNING)  # it tells of every run

STOP_SECONDS = 5.0
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Any would do: only what has passed since is looked at."""


class Measured(tzinfo):
    """A zone whose time is the event loop's, which only ever passes."""

    def __init__(self) -> None:
        self._begun = asyncio.get_running_loop().time()

    def fromutc(self, _: datetime, /) -> datetime:
        """Whoever asks this zone for the time asks how much has passed."""
        passed = timedelta(seconds=asyncio.get_running_loop().time() - self._begun)
        return (BEGINNING + passed).replace(tzinfo=self)

    def utcoffset(self, _: datetime | None, /) -> timedelta:
        return timedelta(0)

    def dst(self, _: datetime | None, /) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None, /) -> str:
        return "measured"


class Every(BaseTrigger):  # type: ignore[misc] # APScheduler has no types
    """So many seconds after the last time, or after now. APScheduler's own goes by way of timestamps, which such a zone cannot read."""

    def __init__(self, seconds: float) -> None:
        self._after = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """APScheduler's question."""
        return (previous_fire_time or now) + self._after


class _Executor(AsyncIOExecutor):  # type: ignore[misc] # as above
    """To which a job that was canceled before its first step is no error: that is how a process ends."""

    def _run_job_error(self, job_id: str, exc: BaseException, traceback: Any = None) -> None:
        if not isinstance(exc, asyncio.CancelledError):
            super()._run_job_error(job_id, exc, traceback)


class Timer:
    """Each piece of work runs beside the others, and never beside itself; what a long run missed is not made up for."""

    def __init__(self) -> None:
        self._scheduler: AsyncIOScheduler | None = None
        self._running: set[asyncio.Task[Any]] = set()

    def each(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        """Do this every so many seconds, from so many seconds on, until `stop`."""
        if self._scheduler is None:
            # Two, of which the second sees that the first is busy: APScheduler would warn of it each second.
            once = {"coalesce": True, "max_instances": 2, "misfire_grace_time": None}
            self._scheduler = AsyncIOScheduler(timezone=Measured(), executors={"default": _Executor()}, job_defaults=once)
            self._scheduler.start()
        busy = False

        async def run() -> None:
            nonlocal busy
            if busy:
                return
            # A task of its own: stopping the clock does not stop the work in the middle.
            busy = True
            running = asyncio.ensure_future(work())
            self._running.add(running)
            running.add_done_callback(self._finished)
            try:
                await asyncio.wait({running})  # which, stopped itself, does not stop the task
            except asyncio.CancelledError:
                return  # the scheduler is shut down, and would tell of it as of an error: `stop` waits for the work
            finally:
                busy = False
            _tell(running, getattr(work, "__name__", "work"))

        self._scheduler.add_job(run, Every(seconds))

    async def stop(self) -> None:
        """Begin nothing more; what is under way has five seconds to come to its end."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None
        if self._running:
            await asyncio.wait(self._running, timeout=STOP_SECONDS)
        await asyncio.sleep(0)  # what was canceled before its first step ends now

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
