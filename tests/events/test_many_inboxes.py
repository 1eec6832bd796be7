"""More inboxes than one process holds: the others are held by the next one."""

from uuid import uuid4

import pytest

from events import inbox_keeper
from events.catalog.compliance import SystemConnected
from tests.frontdesk import Desk, kept, make_inbox, until


async def test_what_one_process_has_no_room_for_the_next_one_holds(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_keeper, "MOST_INBOXES", 2)
    for number in range(4):
        await desk.house.given("compliance", SystemConnected(system=f"desk{number}", identity_id=uuid4()))
    first, second, third = (desk.keeper(make_inbox()) for _ in range(3))
    async with kept(first, second, third):

        async def all_are_held() -> bool:
            held = [len(keeper.keeper._open) for keeper in (first, second, third)]
            assert max(held) <= 2
            return sum(held) == 5

        await until(all_are_held)
