"""The stage of the fault tests: one furnished clinic in a database of the test's own, on the session's servers."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from events.embedded import Servers
from services.example import Example
from tests.faults.stage import Stage, furnish, set_up

FURNISHED = "template_with_a_clinic"


@pytest.fixture(scope="session")
async def furnished(servers: Servers, template: str) -> Example:
    """The example clinic, in a database that the tests' own are cloned from."""
    return (await furnish(servers, template, FURNISHED))[0]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short enough for sockets."""
    directory = Path(tempfile.mkdtemp(prefix="asepsis-"))
    yield directory
    shutil.rmtree(directory)


@pytest.fixture
async def stage(servers: Servers, furnished: Example, place: Path) -> AsyncIterator[Stage]:
    """`stage.program()`, `stage.morning()`, `stage.problems()`."""
    async with set_up(place, servers, FURNISHED, [furnished]) as made:
        yield made
