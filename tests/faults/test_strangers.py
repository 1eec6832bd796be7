"""Requests made from the OpenAPI document: no server error, and every answer is a documented one."""

from pathlib import Path

import pytest

from tests.faults.row import carry_out
from tests.faults.strangers import ROW

pytestmark = [pytest.mark.long, pytest.mark.timeout(400)]


async def test_every_answer_is_a_documented_one(place: Path) -> None:
    tally = await carry_out(ROW, place, seed=1, times=ROW.in_tests)
    assert not tally.wrongs, "\n".join(tally.wrongs)
