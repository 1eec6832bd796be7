"""What a service cannot work stands still alone, is told of, and passes when two persons or another program say so."""

from pathlib import Path

import pytest

from tests.faults.poison import ROW
from tests.faults.row import carry_out

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


async def test_poison_stops_one_service_in_one_clinic(place: Path) -> None:
    tally = await carry_out(ROW, place, seed=1, times=ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
