"""Run the benchmarks: `python -m tests.benchmarks [--full] [--only append gate …]`."""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from events.embedded import Servers
from tests.benchmarks import append, limit
from tests.benchmarks.ground import Ground, started
from tests.benchmarks.measure import Findings, Row, load, number, run, table


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _limits(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    for clients in (1, 8, 32):
        figures = [await limit.limit(ground, clients, arguments.seconds) for _ in range(arguments.rounds)]
        found.rows.append(Row(f"the limit: pgbench, one plain row, {clients} clients", "/s", figures))


async def _append(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    found.rows += await append.chained_append(ground, 1000 if arguments.full else 100, arguments.rounds, arguments.seconds)


PARTS: dict[str, Callable[[Ground, argparse.Namespace, Findings], Awaitable[None]]] = {"limit": _limits, "append": _append}


async def _bench(ground: Ground, arguments: argparse.Namespace) -> Findings:
    found = Findings()
    await ground.prepare()
    await limit.prepare(ground)
    for name in arguments.only or PARTS:
        before = len(found.rows)
        await PARTS[name](ground, arguments, found)
        for row in found.rows[before:]:
            _say(f"{name:10} {row.name}: {number(row.shown)} {row.unit}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--full", action="store_true", help="1,000 clinics, a million entries: about half an hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="how long one round of one measurement lasts")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None)
    parser.add_argument("--json", type=Path, default=None, help="where the figures are written")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    before = load()
    with tempfile.TemporaryDirectory(prefix="asepsis-bench-") as directory, started(Servers.start(Path(directory))) as ground:
        found = run(_bench(ground, arguments))
    _say(f"\nLoad of the machine before: {before}, after: {load()}\n\n{table(found.rows)}")
    if arguments.json is not None:
        document = {"load_before": before, "load_after": load(), "rows": [row.as_json() for row in found.rows]}
        arguments.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
