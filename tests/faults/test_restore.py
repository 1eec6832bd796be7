"""The share of the restores that `make test` makes."""

from pathlib import Path

import pytest

from tests.faults.restore import ROW
from tests.faults.row import carry_out

SEED = 20261123


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_restore_is_noticed_and_the_record_goes_on_behind_it(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    print(f"\n{dict(tally.counts)}, restored: {dict(tally.faults)}")  # noqa: T201
    assert not tally.wrongs, "\n".join(tally.wrongs[:20])
