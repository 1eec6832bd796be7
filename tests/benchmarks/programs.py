"""Rows 6 and 7: whole programs, as an operator starts them."""

import asyncio
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from tests.benchmarks.ground import SECRET, Ground, grow, lengthen, open_clinic
from tests.benchmarks.history import past
from tests.benchmarks.measure import Row

PATTERN = 1_000
LOOK_SECONDS = 0.05
READY_SECONDS = 60
IDLE_SECONDS = 5


def _environment(ground: Ground) -> dict[str, str]:
    return os.environ | {
        "ASEPSIS_DATABASE_URL": ground.url(),
        "ASEPSIS_MIGRATION_URL": ground.url("asepsis"),
        "ASEPSIS_REDIS_URL": ground.redis_url,
        "ASEPSIS_SECRET": SECRET.decode(),
    }


@dataclass(frozen=True)
class _Run:
    """Seconds, megabytes of all its processes of Python together, and seconds of the processor."""

    took: float
    most: float
    busy: float


def _verify(ground: Ground, clinic_id: UUID) -> _Run:
    """`asepsis verify`, as an operator starts it."""
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "services", "verify", "--clinic", str(clinic_id)]
    process = subprocess.Popen(command, env=_environment(ground), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    most = 0.0
    while process.poll() is None:
        most = max(most, _resident_mb(process.pid))
        time.sleep(LOOK_SECONDS)
    took = time.perf_counter() - begun
    assert process.stdout is not None
    said = process.stdout.read()
    process.stdout.close()
    assert process.returncode == 0, said
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return _Run(took, most, used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime)


async def verify(ground: Ground, entries: int, rounds: int) -> list[Row]:
    """The whole program, its start included."""
    database, owner = ground.open(), await ground.owner()
    clinic_id = await open_clinic(database)
    await grow(owner, clinic_id, past(await owner.fetchval("select clock_timestamp()")), PATTERN)
    await lengthen(owner, clinic_id, entries)
    await owner.execute("vacuum analyze ledger.entries")
    await database.close()
    await owner.close()
    found = [await asyncio.to_thread(_verify, ground, clinic_id) for _ in range(rounds)]
    name = f"asepsis verify, {entries:,} entries"
    return [
        Row(name, "s", [one.took for one in found], "at most", 6),
        Row(f"{name}: memory at most", "MB", [one.most for one in found], "at most", 300),
        Row(f"{name}: processor time of Python, on all cores", "s", [one.busy for one in found]),
    ]


def _resident_mb(pid: int) -> float:
    """Of a process and of those it started, as far as they are Python."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text, program = status.read_text(), (status.parent / "exe").readlink().name
        except OSError:
            continue
        words = {name: int(value) for name, value in re.findall(r"^(Pid|PPid|VmRSS):\s+(\d+)", text, re.MULTILINE)}
        if pid in {words.get("Pid"), words.get("PPid")} and program.startswith("python"):
            total += words.get("VmRSS", 0) / 1024
    return total


def _start(directory: str, *, idle: bool) -> _Run:
    """Until it says that it is ready; megabytes after it had nothing to do for a while."""
    environment = os.environ | {"ASEPSIS_PORT": "18321"}
    for name in ("ASEPSIS_DATABASE_URL", "ASEPSIS_REDIS_URL"):
        environment.pop(name, None)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "services", "up", "--data", directory]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    try:
        assert process.stdout is not None
        assert process.stdout.readline()
        took = time.perf_counter() - begun
        ticks = (Path("/proc") / str(process.pid) / "stat").read_text().rpartition(")")[2].split()[11:13]
        time.sleep(IDLE_SECONDS if idle else 0.5)
        return _Run(took, _resident_mb(process.pid), sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK"))
    finally:
        process.terminate()
        process.wait(READY_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


async def start(rounds: int) -> list[Row]:
    """`asepsis up` on data that is there already."""
    with tempfile.TemporaryDirectory(prefix="asepsis-bench-up-") as directory:
        await asyncio.to_thread(_start, directory, idle=False)
        found = [await asyncio.to_thread(_start, directory, idle=True) for _ in range(rounds)]
    return [
        Row("asepsis up on existing data until it is ready", "s", [one.took for one in found], "at most", 3),
        Row("all services in one process, idle: memory of Python", "MB", [one.most for one in found], "at most", 200),
        Row("asepsis up on existing data until it is ready: processor time of Python", "s", [one.busy for one in found]),
    ]
