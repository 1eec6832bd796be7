"""The share of the row `frozen` that `make test` takes."""

from pathlib import Path

import pytest

from tests.faults.frozen import ROW
from tests.faults.row import carry_out

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]
SEED = 3


async def test_trouble_at_one_clinic_is_no_trouble_at_the_others(place: Path) -> None:
    tally = await carry_out(ROW, place, SEED, ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
    assert tally.counts["others told 503"] > 0
