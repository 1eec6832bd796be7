"""Processes whose clock shows what a test wants: by libfaketime, from Debian's package of that name.

Only the wall clock is touched. Time that is measured, for intervals and limits, goes on as everywhere when somebody sets a clock.
"""

import asyncio
import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.faults.process import STOP_SECONDS, Order, Program

ROOT = Path(__file__).parents[2]
PLACES = ("lib/*/faketime", "lib/faketime", "lib64/faketime", "local/lib/faketime")
STARTING_TRIES = 4
MISSING = "libfaketime is not installed (Debian and Ubuntu: apt-get install libfaketime): no clock is set wrong"


def library(name: str = "libfaketime.so.1") -> Path | None:
    """Where it is installed, if it is."""
    return next((found for place in PLACES for found in sorted(Path("/usr").glob(f"{place}/{name}"))), None)


class FakeClock:
    """A clock that is set while the process runs. It begins right."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.right()

    def environment(self, name: str) -> dict[str, str]:
        """What a process needs to live by this clock. Raises `FileNotFoundError` where the library is missing."""
        found = library(name)
        if found is None:
            raise FileNotFoundError(MISSING)
        return {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": "UTC",
        }

    @property
    def for_postgres(self) -> dict[str, str]:
        """The environment of processes without threads."""
        return self.environment("libfaketime.so.1")

    @property
    def for_python(self) -> dict[str, str]:
        """The environment of a process with threads."""
        return self.environment("libfaketimeMT.so.1")

    def right(self) -> None:
        self.shift(timedelta(0))

    def shift(self, by: timedelta) -> None:
        """Ahead of the right time, or behind it."""
        self._set(f"{by.total_seconds():+.0f}")

    def freeze(self) -> None:
        """Stand still, from now on."""
        self._set(datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"))  # noqa: TID251 - this clock is somebody else's

    def _set(self, text: str) -> None:
        # It is read at every look at the clock: never half.
        new = self._file.with_suffix(".new")
        new.write_text(f"{text}\n")
        new.chmod(0o644)  # PostgreSQL is somebody else
        new.replace(self._file)


async def _ready(order: Order) -> None:
    """It is not forked from a process that has everything imported: on a busy machine that takes its time."""
    for _ in range(STARTING_TRIES - 1):
        with contextlib.suppress(TimeoutError):
            return await Program(order).ready()
    return await Program(order).ready()


@asynccontextmanager
async def program_by(clock: FakeClock, order: Order) -> AsyncIterator[int]:
    """The program in a process that lives by this clock; yields its number."""
    file = order.log.with_suffix(".order")
    file.write_bytes(pickle.dumps(order))
    running = subprocess.Popen(  # noqa: ASYNC220 - a moment
        [sys.executable, "-m", "tests.faults.clocked", str(file)], cwd=ROOT, env={**os.environ, **clock.for_python}, stdin=subprocess.PIPE
    )
    try:
        await _ready(order)
        yield running.pid
    finally:
        running.terminate()
        assert running.stdin is not None
        running.stdin.close()
        try:
            await asyncio.to_thread(running.wait, STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
