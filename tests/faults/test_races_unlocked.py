"""That the races find what they are for: a lock that locks nothing."""

from random import Random
from typing import Any

import asyncpg
import pytest

from events import ledger
from events.embedded import Servers
from tests.faults.races import judge, races
from tests.faults.tally import Tally


def believe_itself() -> None:
    """Part of the planted bug: the program does not compare the chain that the database computed with its own."""
    true: Any = ledger.leave

    async def leave(*arguments: Any) -> bytes:
        await true(*arguments)
        chain: bytes = arguments[3][-1].chain
        return chain

    vars(ledger)["leave"] = leave


async def _without(owner: asyncpg.Connection, function: str, there: str, instead: str) -> None:
    """Replace a part of an SQL function, which must be there."""
    text: str = await owner.fetchval("select pg_get_functiondef($1::regproc)", function)
    assert there in text, f"{function} has changed: plant the bug anew"
    await owner.execute(text.replace(there, instead))


@pytest.mark.long  # `.ci/run` plays it each time; `make mutants` plants the same
@pytest.mark.timeout(180)
async def test_a_lock_that_locks_nothing_is_found(servers: Servers) -> None:
    """No lock and no `expected_size`: whoever decides does so on a view that is over. Found within a few histories."""
    tally = Tally()
    async with races(servers, believe_itself) as played:
        owner = await asyncpg.connect(played.owner_url.replace("+asyncpg", ""))
        try:
            lock = "perform pg_advisory_xact_lock(hashtextextended(p_clinic::text, 0));"
            await _without(owner, "ledger.enter", lock, "")
            await _without(owner, "ledger.append", "if v_size <> p_expected_size then", "if false then")
        finally:
            await owner.close()
        for number in range(10):
            grounds, asked = await played.history(Random(number), 100)
            for place, ground in enumerate(grounds):
                judge(await played.entries(ground), [one for one in asked if one.move.clinic == place], tally, f"{number}")
            if any("UNSAFE" in sentence for sentence in tally.wrongs):
                break
    assert any("UNSAFE" in sentence for sentence in tally.wrongs), tally.wrongs
