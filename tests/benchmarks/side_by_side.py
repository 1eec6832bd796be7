"""Ours beside other people's: a round of each in turn, so that whatever else the machine does falls on all alike."""

import asyncio
import json
import sys
from pathlib import Path

from redis.asyncio import Redis

from tests.benchmarks.ground import Ground
from tests.benchmarks.measure import Beside
from tests.benchmarks.peers.place import Place

ROOT = Path(__file__).parents[2]
OURS = ("ours_command", "ours_reaction", "ours_append")
PEERS = {
    "with_taskiq": ".venv-bench",
    "with_arq": ".venv-bench-arq",
    "with_celery": ".venv-bench",
    "with_procrastinate": ".venv-bench",
    "with_pgqueuer": ".venv-bench",
    "with_dbos": ".venv-bench",
    "with_eventsourcing": ".venv-bench",
}


class PeerFailedError(RuntimeError):
    """A peer did not get through its round; what it said."""


def _python(environment: str) -> str:
    found = ROOT / environment / "bin" / "python"
    if not found.exists():
        message = f"{environment} is not there: `make bench` installs it"
        raise PeerFailedError(message)
    return str(found)


async def _round(ground: Ground, name: str, python: str, number: int) -> dict[str, float]:
    """What the round printed."""
    place = Place(str(ground.sockets), f"{ground.name}_{name}_{number}")
    client = Redis(unix_socket_path=place.valkey)
    await client.flushall()
    await client.aclose()
    await ground.administer(f'create database "{place.database}"')
    command = (python, "-m", "tests.benchmarks.peers", name, place.write())
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    said, complained = await process.communicate()
    await ground.administer(f'drop database "{place.database}" with (force)')
    if process.returncode:
        message = f"{name}: {complained.decode()[-2000:]}"
        raise PeerFailedError(message)
    figures: dict[str, float] = json.loads(said.splitlines()[-1])
    return figures


async def side_by_side(ground: Ground, rounds: int) -> list[Beside]:
    """Figures of each; who stands beside whom is for the table to say."""
    names = (*OURS, *PEERS)
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            python = _python(PEERS[name]) if name in PEERS else sys.executable
            figures[name].append(await _round(ground, name, python, number))
    return [Beside(name, *([one[figure] for one in found] for figure in ("rate", "p50", "busy"))) for name, found in figures.items()]
