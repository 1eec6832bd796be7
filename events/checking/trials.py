"""Commands and reactions, tried over the shadows and taken back: what they would have recorded and queued."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events.checking.rehearsal import Rehearsal, RepeatedError
from events.checking.replays import Asked, replays_of
from events.checking.shadows import Shadows
from events.clock import jobs_of, service_actor
from events.envelope import Context, Entry
from events.ledger import Head
from events.projection import projection_of
from events.streams import reactions_of

Act = Callable[[Rehearsal], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would have been recorded and sent, or why nothing."""

    entries: Sequence[Entry[Any]]
    messages: Sequence[dict[str, Any]] = ()
    failure: str | None = None


class Trials:
    """One service's commands, jobs and reactions in one clinic, tried wherever the shadows stand."""

    def __init__(self, shadows: Shadows, clinic_id: UUID) -> None:
        self._shadows = shadows
        self._service = shadows.service
        self._clinic_id = clinic_id
        self._writes_messages = replays_of(shadows.service).writes_messages

    async def command(self, rows: AsyncSession, asked: Asked, answer: Entry[Any], at: Head) -> Rehearsed:
        """A command under the id, by the person and at the moment of its answer."""
        return await self._try(rows, partial(_give, asked), _context(answer), answer.event_id, at, answer.recorded_at, asked)

    async def job(self, rows: AsyncSession, name: str, subject: UUID, like: Entry[Any], at: Head) -> Rehearsed:
        """A job of the clock, for one subject."""
        act = next(found.act for found in jobs_of(self._service) if found.name == name)
        return await self._try(rows, lambda tx: act(tx, subject), _context(like), like.event_id, at, like.recorded_at)

    async def reaction(self, rows: AsyncSession, cause: Entry[Any], at: Head, now: datetime) -> Rehearsed:
        """Everything that the service does about an entry."""

        async def react(tx: Rehearsal) -> None:
            for reaction in reactions_of(self._service).by_type.get(cause.type, ()):
                await reaction(tx, cause)

        context = Context(service_actor(self._service), str(cause.event_id))
        event_id = uuid5(self._clinic_id, f"{self._service}\x1f{cause.event_id}")
        return await self._try(rows, react, context, event_id, at, now)

    async def _try(
        self, rows: AsyncSession, act: Act, context: Context, event_id: UUID, at: Head, now: datetime, asked: Asked | None = None
    ) -> Rehearsed:
        await rows.flush()
        then = Head(at.epoch, at.size, at.chain, at.last_at, now)
        async with self._shadows.trying() as trial:
            tx = Rehearsal(self._shadows.database, trial, self._service, context, event_id, then, self._clinic_id)
            if asked is not None:
                tx.salt, tx.clock_was_trusted = asked.salt or tx.salt, asked.clock_was_trusted
            try:
                await act(tx)
                await trial.flush()
            except RepeatedError as repeated:
                return Rehearsed((), failure=f"the rules answer with the earlier {repeated.event_id}")
            except Exception as failure:  # noqa: BLE001 - whatever a command raises is what is reported
                return Rehearsed((), failure=f"asked again, it ends in {type(failure).__name__}")
            return Rehearsed(tuple(tx.recorded), await _queued(trial, self._clinic_id) if self._writes_messages else ())


def _context(like: Entry[Any]) -> Context:
    return Context(like.actor, like.causation, like.parts["causation"]["correlation"])


async def _give(asked: Asked, tx: Rehearsal) -> None:
    await asked.command(tx, asked.request)


async def _queued(rows: AsyncSession, clinic_id: UUID) -> Sequence[dict[str, Any]]:
    """Messages of this rehearsal: those not among the expected. Without parameters, which hold links."""
    query = text(
        "select clinic_id, message_id, recipient, recipient_id, template, send_after from pg_temp.outbox"
        " where clinic_id = :clinic and attempts = 0"
    )
    return [dict(row) for row in (await rows.execute(query, {"clinic": clinic_id})).mappings()]


async def expect(rows: AsyncSession, found: Rehearsed) -> None:
    """Keep the messages that a decision queues among the shadows: `messages` compares them."""
    if found.messages:
        columns = ", ".join(found.messages[0])
        values = ", ".join(f":{name}" for name in found.messages[0])
        into = f"({columns}, parameters, attempts) values ({values}, '{{}}', -1) on conflict do nothing"
        await rows.execute(text(f"insert into pg_temp.outbox {into}"), list(found.messages))


async def apply_to(rows: AsyncSession, service: str, page: Sequence[Entry[Any]]) -> list[tuple[int, str]]:
    """Project a page into the shadows; the bad ones must not take the good ones with them. Returns those, with why."""
    projection = projection_of(service)
    page = [entry for entry in page if entry.type in projection.hears]
    if not page:
        return []
    with suppress(Exception):
        async with rows.begin_nested():
            await projection.apply(rows, page)
        return []
    failed: list[tuple[int, str]] = []
    for entry in page:
        try:
            async with rows.begin_nested():
                await projection.apply(rows, [entry])
        except Exception as failure:  # noqa: BLE001 - whatever a projector raises is what is reported
            failed.append((entry.index, f"entry {entry.index} ({entry.type}) cannot be projected: {type(failure).__name__}"))
    return failed
