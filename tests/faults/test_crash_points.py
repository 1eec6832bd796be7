"""The program ends at every named point, and nothing comes of it: nothing lost, nothing doubled, no unsafe start."""

from pathlib import Path

import pytest

from tests.faults.crash_points import POINTS, ROW
from tests.faults.row import carry_out

pytestmark = pytest.mark.timeout(400)


async def test_dying_at_any_named_point_changes_nothing(place: Path) -> None:
    assert len(POINTS) >= 30
    tally = await carry_out(ROW, place, seed=1, times=ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
