"""How much of the processor everything together took that a peer's tasks passed through: a figure that a busy machine leaves alone."""

import os
from pathlib import Path

from tests.benchmarks.peers.place import Place

_TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(place: Place) -> float:
    """Of whoever asks, whoever works and their connections' servers, which all name the database, and of Valkey, by its socket."""
    names = (place.database.encode(), place.valkey.encode())
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(name in (process / "cmdline").read_bytes() for name in names):
                total += sum(int(ticks) for ticks in (process / "stat").read_text().rpartition(")")[2].split()[11:13])
        except OSError:  # it has ended
            continue
    return total / _TICKS
