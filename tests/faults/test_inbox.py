"""What may happen to an inbox: every command is answered, at the latest when it is sent again."""

from pathlib import Path

import pytest

from tests.faults.inbox import ROW
from tests.faults.row import carry_out

pytestmark = pytest.mark.timeout(400)


async def test_every_command_is_answered_whatever_happens_to_its_inbox(place: Path) -> None:
    tally = await carry_out(ROW, place, seed=1, times=ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
