"""The servers that tests run on: those of the wheels, or, where the environment names them, those of the system."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from events.embedded import Programs, Servers

POSTGRES_BIN = "ASEPSIS_TEST_POSTGRES_BIN"
REDIS_SERVER = "ASEPSIS_TEST_REDIS_SERVER"


def chosen(postgres_environment: Mapping[str, str] | None = None) -> Programs:
    """What is to be started."""
    wheels = Programs.of_the_wheels()
    return Programs(
        Path(os.environ.get(POSTGRES_BIN, wheels.postgres_bin)),
        Path(os.environ.get(REDIS_SERVER, wheels.redis_server)),
        dict(postgres_environment or {}),
    )


def start(directory: Path, postgres_environment: Mapping[str, str] | None = None) -> Servers:
    """Servers in a directory of their own; whoever starts them stops them."""
    return Servers.start(directory, chosen(postgres_environment))


MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of our own is made in it
ENOUGH_BYTES = 6 * 2**30
MARK = "asepsis-tests-"


def _left_behind(directory: Path) -> bool:
    """Whether the tests that made it were killed before they could take it away."""
    return not Path(f"/proc/{directory.name.removeprefix(MARK).partition('-')[0]}").exists()


@contextmanager
def in_memory(otherwise: Path) -> Iterator[Path]:
    """A directory for servers that many databases are made on: in memory, where there is room.

    Each test has a database of its own, which is five hundred files. A disk's file system that has just taken away as many
    looks long for where it may put them (ext4: 460 to 670 ms; in memory 35 ms). Whoever is killed loses no less than on a
    disk, and nobody pulls the plug on a test; those about disks have directories on one.
    """
    room = shutil.disk_usage(MEMORY).free if os.access(MEMORY, os.W_OK) else 0
    if room < ENOUGH_BYTES:
        yield otherwise
        return
    for old in MEMORY.glob(f"{MARK}*"):
        if _left_behind(old):
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{MARK}{os.getpid()}-", dir=MEMORY) as made:
        yield Path(made)
