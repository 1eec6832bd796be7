"""Run the benchmarks: `python -m tests.benchmarks [--full] [--only append gate …] [--keep docs]`, and `--readme`."""

import argparse
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from events.embedded import Servers
from tests.benchmarks import append, catch_up, command, fan_out, gate, growth, limit, programs, reporting, side_by_side
from tests.benchmarks.ground import Ground, started
from tests.benchmarks.measure import Findings, Row, load, number, run

ROOT = Path(__file__).parents[2]
MILLION = 1_000_000
Arguments = argparse.Namespace


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _sizes(arguments: Arguments, largest: int) -> list[int]:
    """Histories to compare: by a factor of ten each, up to the largest."""
    return [10**power for power in range(3, 8) if 10**power <= min(arguments.largest, largest)]


async def _limits(ground: Ground, arguments: Arguments, found: Findings) -> None:
    for clients in (1, 8, 32):
        figures = [await limit.limit(ground, clients, arguments.seconds) for _ in range(arguments.rounds)]
        found.rows.append(Row(f"the limit: pgbench, one plain row, {clients} client{'s' * (clients > 1)}", "/s", figures))


async def _append(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await append.chained_append(ground, 1000 if arguments.full else 100, arguments.rounds, arguments.seconds)


async def _gate(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await gate.rates(ground, 1000 if arguments.full else 100, arguments.rounds, arguments.seconds)


async def _gate_growth(ground: Ground, arguments: Arguments, found: Findings) -> None:
    row, curve = await gate.history(ground, _sizes(arguments, MILLION), arguments.rounds)
    found.rows.append(row)
    found.curves.append(curve)


async def _growth(ground: Ground, arguments: Arguments, found: Findings) -> None:
    rows, curves = await growth.growth(ground, _sizes(arguments, 10 * MILLION), arguments.rounds)
    found.rows += rows
    found.curves += curves


async def _catch_up(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await catch_up.catch_up(ground, arguments.largest if arguments.full else 5_000, arguments.rounds)
    found.rows.append(await catch_up.cold_gate(ground, 100_000 if arguments.full else 5_000, arguments.rounds))


async def _fan_out(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await fan_out.fan_out(ground, 100, 40_000 if arguments.full else 8_000, arguments.rounds)


async def _command(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await command.full_command(ground, 1000 if arguments.full else 20, arguments.rounds, arguments.seconds)


async def _verify(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await programs.verify(ground, MILLION, arguments.rounds)


async def _start(_ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.rows += await programs.start(arguments.rounds)


async def _peers(ground: Ground, arguments: Arguments, found: Findings) -> None:
    found.beside += await side_by_side.side_by_side(ground, arguments.rounds)


PARTS: dict[str, Callable[[Ground, Arguments, Findings], Awaitable[None]]] = {
    "limit": _limits,
    "append": _append,
    "command": _command,
    "gate": _gate,
    "gate_growth": _gate_growth,
    "growth": _growth,
    "catch_up": _catch_up,
    "fan_out": _fan_out,
    "verify": _verify,
    "start": _start,
    "peers": _peers,
}


async def _bench(ground: Ground, arguments: Arguments) -> None:
    """Part by part, each kept as soon as it is done."""
    for name in arguments.only or PARTS:
        found, before = Findings(), load()
        own = replace(ground, name=f"bench_{name}")  # what one part leaves behind is nothing that the next one has to work
        await own.prepare()
        await limit.prepare(own)
        await PARTS[name](own, arguments, found)
        await ground.administer(f'drop database "{own.name}" with (force)')
        day = await ground.today()
        for row in found.rows:
            _say(f"{name:10} {row.name}: {number(row.shown)} {row.unit}")
        for curve in found.curves:
            _say(f"{name:10} {curve.name}: " + ", ".join(f"{size:,} {number(cost)} {curve.unit}" for size, cost in curve.points))
        if found.beside:
            _say(reporting.beside_table(found.beside))
        if arguments.keep is not None:
            about = {"on": day, "cores": os.cpu_count(), "full": arguments.full, "load_before": before, "load_after": load()}
            reporting.keep(arguments.keep, name, found, about)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--full", action="store_true", help="1,000 clinics, histories of a million: more than an hour")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="how long one round of one measurement lasts")
    parser.add_argument("--largest", type=int, default=None, help="the longest history (default: 100,000, with --full a million)")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None)
    parser.add_argument("--keep", type=Path, default=None, help="the directory for bench.json and bench.svg; other parts' figures stay")
    parser.add_argument("--readme", action="store_true", help="measure nothing: put what docs/bench.json says into README")
    return parser


def main() -> int:
    arguments = _parser().parse_args()
    if arguments.readme:
        reporting.write_readme(ROOT / "README.md", reporting.read(ROOT / "docs"))
        return 0
    arguments.largest = arguments.largest or (MILLION if arguments.full else 100_000)
    logging.disable(logging.WARNING)
    before = load()
    with tempfile.TemporaryDirectory(prefix="asepsis-bench-") as directory, started(Servers.start(Path(directory))) as ground:
        run(_bench(ground, arguments))
    _say(f"Load of the machine before: {before}, after: {load()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
