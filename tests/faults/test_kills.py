"""The share of random kills in `make test`."""

from pathlib import Path

import pytest

from tests.faults.kills import ROW
from tests.faults.row import carry_out

SEED = 20261123


@pytest.mark.slow
@pytest.mark.timeout(450)
async def test_whatever_is_killed_nothing_acknowledged_is_lost_or_doubled(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
    assert tally.counts["acknowledged commands"] >= ROW.in_tests
