"""Bad messages by the thousand: all are answered, no reader stops, nothing is repeated."""

from pathlib import Path

import pytest

from tests.faults.bad_input import ROW
from tests.faults.row import carry_out

pytestmark = pytest.mark.timeout(400)


async def test_every_message_is_answered_whatever_it_says(place: Path) -> None:
    tally = await carry_out(ROW, place, seed=1, times=ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
