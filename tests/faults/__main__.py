"""The fault campaign: `python -m tests.faults [--only kills proxy …] [--scale 0.05] [--seed N] [--keep docs]`."""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import SystemRandom
from typing import Any

from tests.faults.campaign import ROWS
from tests.faults.reporting import FILE, keep, read, table, tell
from tests.faults.row import Row, carry_out
from tests.faults.tally import Tally

README, DOCS = (Path(__file__).parents[2] / name for name in ("README.md", "docs"))
BY_NAME = {row.name: row for row in ROWS}


def result_of(row: Row, tally: Tally, seed: int, times: int, seconds: float) -> dict[str, Any]:
    """What is kept of a row's run."""
    return {
        "name": row.name,
        "title": row.title,
        "date": time.strftime("%Y-%m-%d"),
        "seed": seed,
        "times": times,
        "full": row.full,
        "seconds": round(seconds),
        "faults": dict(sorted(tally.faults.items())),
        "counts": dict(sorted(tally.counts.items())),
        "wrongs": tally.wrongs,
    }


def _carried_out(row: Row, seed: int, times: int) -> dict[str, Any]:
    # Sockets stand in it: the path must stay short.
    directory = Path(tempfile.mkdtemp(prefix="asepsis-"))
    began = time.monotonic()
    try:
        tally = asyncio.run(carry_out(row, directory, seed, times))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return result_of(row, tally, seed, times, time.monotonic() - began)


def main() -> int:
    """1 if a promise was broken, or a kind of fault never happened."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=[row.name for row in ROWS], help="these rows (default: all)")
    parser.add_argument("--scale", type=float, default=1.0, help="this part of the whole campaign (default: 1)")
    parser.add_argument("--seed", type=int, default=None, help="what chance is made of (default: a new one, printed)")
    parser.add_argument("--keep", type=Path, default=None, help=f"write {FILE} there")
    parser.add_argument("--readme", action="store_true", help="run nothing: tell in README what is kept in docs")
    arguments = parser.parse_args()
    if arguments.readme:
        tell(README, read(DOCS), BY_NAME)
        return 0
    seed = SystemRandom().randrange(2**32) if arguments.seed is None else arguments.seed
    logging.basicConfig(level=logging.ERROR, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.stdout.write(f"seed {seed}\n")
    results: list[dict[str, Any]] = []
    for row in ROWS:
        if arguments.only and row.name not in arguments.only:
            continue
        times = max(len(row.kinds), round(row.full * arguments.scale), 1)
        sys.stdout.write(f"{row.name}: {row.title}, {times:,} times …\n")
        sys.stdout.flush()
        results.append(_carried_out(row, seed, times))
        for sentence in results[-1]["wrongs"]:
            sys.stdout.write(f"WRONG {sentence}\n")
        if arguments.keep is not None:
            keep(arguments.keep, results, [row.name for row in ROWS])
    sys.stdout.write(f"\n{table(results, BY_NAME)}\n\nseed {seed}\n")
    return 1 if any(found["wrongs"] for found in results) else 0


if __name__ == "__main__":
    sys.exit(main())
