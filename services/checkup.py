"""The seven checkers at work: each hour in the program, gently; all of it each night; at once with `asepsis check`."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.checking.check import Checked, Checker, Pace
from events.checking.kept import keep
from events.checking.report import Report
from events.database import Database, is_passing
from events.transaction import aside
from services.outages import FAILURES

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600
WHOLE_SECONDS = 24 * 3600
"""After a day, and once the end was reached, everything is checked from the beginning: every link, every private row."""

MOST_SECONDS = 1800.0
REST = 1.0
"""A check works half of the time at most, a page at a time, so that nobody at a door waits for it."""


class Checkup:
    """This process's part of the checks. Another process that runs the same services leaves it alone meanwhile."""

    def __init__(self, database: Database, services: Sequence[str], client: "Redis | None") -> None:
        self._database = database
        self._services = services
        self._client = client
        self._checker: Checker | None = None
        self._began = 0.0
        self._reached_end = False
        self._next = 0
        self._stopping = asyncio.Event()

    @property
    def part(self) -> str:
        """The services whose decisions are checked here."""
        return ",".join(self._services)

    async def run(self) -> None:
        """Check what was recorded since the last time, as far as half an hour reaches; then go on where that ended."""
        until = time.monotonic() + MOST_SECONDS
        try:
            checker = await self._open()
            if checker is None:
                return
            clinics = list(await checker.clinics())
            for _ in clinics:
                clinic_id = clinics[self._next % len(clinics)]
                self._next += 1  # also if it fails: one clinic must not keep the others from being checked
                checked = await self._check(checker, clinic_id, Pace(until - time.monotonic(), REST, self._stopping.is_set))
                if time.monotonic() >= until or self._stopping.is_set():
                    self._next -= not checked.whole
                    return
            self._reached_end = True
        except Exception as failure:
            await self._close()
            if not (isinstance(failure, RedisError) or is_passing(failure)):
                raise
            log.debug("the check waits: %s", type(failure).__name__)

    async def _check(self, checker: Checker, clinic_id: UUID, pace: Pace) -> Checked:
        checked = await checker.check(clinic_id, pace)
        async with aside(self._database, clinic_id, self._services[0]) as rows:
            await keep(rows, self.part, checked)
        for wrong in checked.report.wrongs:
            log.error("check %s", wrong)
        return checked

    async def _open(self) -> Checker | None:
        """The checker of before, with all it knows; each day a new one. None: another process checks these services."""
        if self._checker is not None and self._reached_end and time.monotonic() - self._began > WHOLE_SECONDS:
            await self._close()
        if self._checker is None:
            checker = await Checker(self._database, self._services, self._client).__aenter__()
            if not await checker.alone():
                await checker.__aexit__(None, None, None)
                return None
            self._checker, self._began, self._reached_end = checker, time.monotonic(), False
        return self._checker

    async def _close(self) -> None:
        checker, self._checker = self._checker, None
        if checker is not None:
            try:
                await checker.__aexit__(None, None, None)
            except FAILURES:
                log.debug("the checker's connections were lost already")

    def stop(self) -> None:
        """Let the check end with the page that is under way."""
        self._stopping.set()

    async def close(self) -> None:
        """Give the connections back."""
        self.stop()
        await self._close()


async def check_all(
    database: Database, services: Sequence[str], client: "Redis | None", clinic_id: UUID | None, tell: Callable[[Report], None]
) -> bool:
    """Check one clinic or all from the beginning, say of each what was found, keep it; whether all is well."""
    sound = True
    async with Checker(database, services, client) as checker:
        for one in [clinic_id] if clinic_id is not None else await checker.clinics():
            checked = await checker.check(one)
            async with aside(database, one, services[0]) as rows:
                await keep(rows, ",".join(services), checked)
            tell(checked.report)
            sound = sound and not checked.report.wrongs
    return sound
