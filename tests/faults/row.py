"""One row of the fault campaign."""

import os
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.faults.tally import Tally

Run = Callable[[Path, Random, int, Tally], Awaitable[None]]
"""run(directory, rng, times, tally). All chance comes from `rng`, so a failing seed fails again."""


@dataclass(frozen=True)
class Row:
    """A kind of weather: what it injects, how much of it `make test` sees and how much the whole campaign."""

    name: str
    title: str
    kinds: tuple[str, ...]
    share: int
    full: int
    run: Run
    brief: int | None = None
    """So much of the share as `make test` has time for: it is to stay under eight minutes. `make shares` runs it whole; 0 is there only."""

    @property
    def in_tests(self) -> int:
        """How many the tests inject."""
        return self.share if not self.brief or os.environ.get("ASEPSIS_SHARES") == "whole" else self.brief


async def carry_out(row: Row, directory: Path, seed: int, times: int) -> Tally:
    """Run a row. A kind of fault that never happened is as wrong as a broken promise; so is a run that could not go on."""
    tally = Tally()
    try:
        await row.run(directory, Random(seed), times, tally)
    except Exception:  # noqa: BLE001 - the other rows are still to be run; what happened is said whole
        tally.wrong("the run ended early:\n" + traceback.format_exc())
    for kind in row.kinds:
        if not tally.faults[kind]:
            tally.wrong(f"{kind} was never injected")
    tally.wrongs[:] = [f"{row.name}, seed {seed}, {times} times: {sentence}" for sentence in tally.wrongs]
    return tally
