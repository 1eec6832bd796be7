"""The share of the row `disk_full` that `make test` takes."""

import os
from pathlib import Path

import pytest

from tests.faults.disk_full import ROW
from tests.faults.row import carry_out
from tests.faults.small_disk import MISSING

pytestmark = pytest.mark.timeout(180)
SEED = 1


async def test_a_full_disk_loses_nothing_and_ends_when_there_is_room(place: Path) -> None:
    if os.geteuid() != 0:
        assert not os.environ.get("CI"), MISSING
        pytest.skip(MISSING)
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
    assert tally.counts["answers 503 while full"] > 0
