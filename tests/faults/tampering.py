"""Tampering: with copies of a ledger in memory and in a file, and with the rows of a real database that nobody guards.

All of it must be found, and at its place: the index, or the table and the key.
"""

import asyncio
from pathlib import Path
from random import Random

from events.chain import Row as LedgerRow
from events.chain import first_break
from tests.faults.forgeries import FORGERS, Copy, export_of, in_strides, wrong_about_file
from tests.faults.forging import Forging
from tests.faults.row import Row
from tests.faults.stage import Stage, staged
from tests.faults.tally import Tally
from tests.servers import start

IN_DATABASE_PERCENT = 10
MOST_IN_DATABASE = 1_000
FILE_PERCENT = 10
IN_MEMORY = ("bit", "deleted", "swapped", "inserted", "truncated", "chained anew")
BESIDE = ("file", "entry in the database", "private row", "projection row")


def in_memory(copy: Copy, rng: Random, times: int, tally: Tally) -> None:
    """Copies of the ledger, tampered with one way each; the slow walk and the fast one must say the same."""
    for number in range(times):
        seed = rng.getrandbits(32)
        forged = FORGERS[number % len(FORGERS)](copy, Random(seed))
        found = first_break(forged.rows, copy.clinic_id, 1, expect=forged.kept)
        case = f"{forged.how} at {forged.differs_at} (seed {seed})"
        if (wrong := forged.wrong_about(found)) is not None:
            tally.wrong(f"{case} {wrong}: {found}")
        if in_strides(forged.rows, copy.clinic_id, forged.kept) != found:
            tally.wrong(f"{case}: in strides something else is found than entry by entry")
        tally.injected(forged.how)


def in_a_file(copy: Copy, rng: Random, times: int, tally: Tally) -> None:
    """One bit anywhere in an exported file, the line about the whole and the spaces between included."""
    exported = export_of(copy)
    for _ in range(times):
        at, bit = rng.randrange(len(exported)), rng.randrange(8)
        forged = exported[:at] + bytes([exported[at] ^ (1 << bit)]) + exported[at + 1 :]
        wrong = wrong_about_file(exported, forged, copy.head, exported[:at].count(b"\n"))
        if wrong is not None:
            tally.wrong(f"bit {bit} of byte {at} of a file {wrong}")
        tally.injected("file")


async def _a_morning(stage: Stage) -> None:
    async with stage.program(), stage.morning() as morning:
        await morning.play()
        problems = await stage.problems()
        assert not problems, problems


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """A real morning's ledger, tampered with so many times."""
    servers = await asyncio.to_thread(start, directory / "servers")
    try:
        async with staged(directory, servers) as stage:
            await _a_morning(stage)
            async with Forging(stage.database, stage.owner, stage.valkey, stage.example.clinic_id) as forging:
                await forging.read()
                copy = Copy(stage.example.clinic_id, tuple(LedgerRow(*row) for row in forging.columns()))
                beside = min(max(times * IN_DATABASE_PERCENT // 100, 3), MOST_IN_DATABASE)
                files = max(times * FILE_PERCENT // 100, 1)
                in_memory(copy, rng, max(times - beside - files, len(FORGERS)), tally)
                in_a_file(copy, rng, files, tally)
                for number in range(beside):
                    kind, tamper = list(forging.ways.items())[number % len(forging.ways)]
                    wrong = await tamper(Random(rng.getrandbits(32)))
                    if wrong is not None:
                        tally.wrong(f"{kind}: {wrong}")
                    tally.injected(kind)
            tally.counted("entries of the ledger", len(copy.rows))
    finally:
        await asyncio.to_thread(servers.stop)


ROW = Row(
    name="tampering",
    title="bit flips and tampering in a copy of the ledger, in a file, in private rows and projections",
    kinds=IN_MEMORY + BESIDE,
    share=200,
    full=100_000,
    run=run,
    brief=80,
)
