"""The share of the row `clock` that `make test` takes."""

import os
from pathlib import Path

import pytest

from tests.faults.clock import ROW
from tests.faults.faketime import MISSING, library
from tests.faults.row import carry_out

pytestmark = pytest.mark.timeout(180)
SEED = 1


async def test_a_wrong_clock_grants_nothing_and_stops_nothing(place: Path) -> None:
    if library() is None:
        assert not os.environ.get("CI"), MISSING  # .ci/run installs it
        pytest.skip(MISSING)
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
    assert tally.counts["starts granted"] == 1
