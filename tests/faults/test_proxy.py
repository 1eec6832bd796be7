"""The share of cut connections in `make test`."""

from pathlib import Path

import pytest

from tests.faults.proxy import ROW
from tests.faults.row import carry_out

SEED = 20261123


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_whatever_happens_on_the_way_to_the_servers_nothing_acknowledged_is_lost_or_doubled(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
    assert tally.counts["acknowledged commands"] > 0
