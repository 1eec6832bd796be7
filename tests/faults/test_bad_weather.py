"""The share of lost, doubled, reordered, forged and flushed announcements in `make test`."""

from pathlib import Path

import pytest

from tests.faults.row import carry_out
from tests.faults.streams import ROW

SEED = 20261123


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_whatever_becomes_of_the_announcements_every_service_follows_the_ledger(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
    assert tally.counts["events"] == ROW.in_tests
