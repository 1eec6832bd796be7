"""Run the benchmarks: `python -m tests.benchmarks [--full] [--only append gate …]`."""

import argparse
import json
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from events.embedded import Servers
from tests.benchmarks import append, catch_up, command, fan_out, gate, limit, programs
from tests.benchmarks.drawing import svg
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


async def _gate(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    found.rows += await gate.rates(ground, 1000 if arguments.full else 100, arguments.rounds, arguments.seconds)
    sizes = [1_000, 10_000, 100_000, *([1_000_000] if arguments.full else [])]
    row, curve = await gate.history(ground, sizes, arguments.rounds)
    found.rows.append(row)
    found.curves.append(curve)


async def _catch_up(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    entries = 100_000 if arguments.full else 5_000
    found.rows += await catch_up.catch_up(ground, entries, arguments.rounds)
    found.rows.append(await catch_up.cold_gate(ground, entries, arguments.rounds))


async def _fan_out(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    found.rows += await fan_out.fan_out(ground, 100, 40_000 if arguments.full else 8_000, arguments.rounds)


async def _command(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    found.rows += await command.full_command(ground, 200 if arguments.full else 20, arguments.rounds, arguments.seconds)


async def _verify(ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    found.rows += await programs.verify(ground, 1_000_000 if arguments.full else 100_000, arguments.rounds)


async def _start(_ground: Ground, arguments: argparse.Namespace, found: Findings) -> None:
    found.rows += await programs.start(arguments.rounds)


PARTS: dict[str, Callable[[Ground, argparse.Namespace, Findings], Awaitable[None]]] = {
    "limit": _limits,
    "append": _append,
    "command": _command,
    "gate": _gate,
    "catch_up": _catch_up,
    "fan_out": _fan_out,
    "verify": _verify,
    "start": _start,
}


async def _bench(ground: Ground, arguments: argparse.Namespace) -> Findings:
    found = Findings()
    for name in arguments.only or PARTS:
        before = len(found.rows)
        own = replace(ground, name=f"bench_{name}")  # what one part leaves behind is nothing that the next one has to work
        await own.prepare()
        await limit.prepare(own)
        await PARTS[name](own, arguments, found)
        for row in found.rows[before:]:
            _say(f"{name:10} {row.name}: {number(row.shown)} {row.unit}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--full", action="store_true", help="1,000 clinics, a million entries: about an hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="how long one round of one measurement lasts")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="the directory for bench.json and bench.svg")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    before = load()
    with tempfile.TemporaryDirectory(prefix="asepsis-bench-") as directory, started(Servers.start(Path(directory))) as ground:
        found = run(_bench(ground, arguments))
    _say(f"\nLoad of the machine before: {before}, after: {load()}\n\n{table(found.rows)}")
    if arguments.keep is not None:
        document = {"load_before": before, "load_after": load(), "full": arguments.full, "rows": [row.as_json() for row in found.rows]}
        arguments.keep.mkdir(exist_ok=True)
        (arguments.keep / "bench.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        if found.curves:
            (arguments.keep / "bench.svg").write_text(svg(found.curves))
    return 0


if __name__ == "__main__":
    sys.exit(main())
