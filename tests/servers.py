"""The servers that tests run on: those of the wheels, or, where the environment names them, those of the system."""

import os
from collections.abc import Mapping
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
