"""`kill -9` at the named points, in the middle of the morning: nothing lost, nothing doubled, no unsafe start."""

import signal

import pytest

from tests.faults.doors import PATIENCE_SECONDS
from tests.faults.process import Fault
from tests.faults.stage import Stage

pytestmark = pytest.mark.timeout(150)


@pytest.mark.parametrize(
    ("point", "reaches"),
    [
        ("transaction.before_commit", (9, 16)),
        ("transaction.after_commit", (12, 20)),
        ("reaction.done", (2, 6)),
        ("inbox_keeper.worked", (2, 3)),
    ],
)
async def test_dying_at_a_named_point_changes_nothing(stage: Stage, point: str, reaches: tuple[int, ...]) -> None:
    async with stage.program(*(Fault(point, reach) for reach in reaches)) as program, stage.morning(clients=2) as morning:
        # Nothing is sent again: what was written into the inbox once must be answered once the program is back.
        morning.desk.again_seconds = PATIENCE_SECONDS
        await morning.desk.raw(b'{"broken": ')
        await morning.play()
        assert program.deaths == [-signal.SIGKILL] * len(reaches), f"{point} was not reached often enough"
        assert not await stage.problems(dead_letters=1)
