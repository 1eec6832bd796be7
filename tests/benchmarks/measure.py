"""What one run found: rows of a table, each a ratio or a figure beside its aim."""

import asyncio
import contextlib
import math
import os
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

T = TypeVar("T")

Sense = Literal["at least", "at most", "no aim"]


@dataclass(frozen=True)
class Row:
    """One line of the table. `rounds` are the figures of the single rounds; `shown` is their median."""

    name: str
    unit: str
    rounds: Sequence[float]
    sense: Sense = "no aim"
    aim: float = 0.0
    note: str = ""

    @property
    def shown(self) -> float:
        return statistics.median(self.rounds)

    @property
    def met(self) -> bool | None:
        if self.sense == "no aim":
            return None
        return self.shown >= self.aim if self.sense == "at least" else self.shown <= self.aim

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"median": self.shown, "met": self.met}


@dataclass(frozen=True)
class Curve:
    """A cost against the size of the history: it should be flat."""

    name: str
    unit: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Beside:
    """Ours or a peer's, round by round: tasks a second, milliseconds at a given rate, milliseconds of the processor for each."""

    name: str
    rates: Sequence[float]
    p50s: Sequence[float]
    busy: Sequence[float] = ()


@dataclass
class Findings:
    """Everything a part found, in the order in which it was found."""

    rows: list[Row] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if value == 0 or not math.isfinite(value):
        return str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"


def at(values: Sequence[float], share: float) -> float:
    """A quantile, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


async def crowd(many: int, seconds: float, work: Callable[[int], Awaitable[object]]) -> float:
    """So many clients doing the same over and over; returns how often a second it was done."""
    begun, done = time.perf_counter(), 0

    async def client(which: int) -> None:
        nonlocal done
        while time.perf_counter() - begun < seconds:
            await work(which)
            done += 1

    await asyncio.gather(*(client(which) for which in range(many)))
    return done / (time.perf_counter() - begun)


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, Any]) -> AsyncIterator[list[asyncio.Task[Any]]]:
    """Tasks that run as long as this lasts."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the same event loop that the program uses."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)


def load() -> str:
    """How busy the machine is, which a reader of the figures should know."""
    return " ".join(f"{one:.2f}" for one in os.getloadavg())


@contextlib.contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Seconds since it began."""
    begun = time.perf_counter()
    yield lambda: time.perf_counter() - begun
