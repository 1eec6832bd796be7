"""A form of hygiene gives one command: once, however often it is sent; and a refusal is shown where it was asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from events.transaction import Answer, Transaction
from services.door import Asking, Problem, ProblemError
from services.screens.forms import Fields, command_of


async def decided(
    ask: Asking,
    sent: Fields,
    command: Callable[[Transaction, Any], Awaitable[Answer[Any]]],
    request: BaseModel,
    *,
    beside: Callable[[Transaction], Awaitable[None]] | None = None,
) -> Problem | None:
    """Why it was refused, or None: then hygiene's pages know of it. `beside` asks whether a second person is there."""
    try:
        reply = await ask.decide("hygiene", command, request, command_id=command_of(sent), beside=beside)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return refused.problem
    async with ask.reading("hygiene", reply.index + 1):
        return None
