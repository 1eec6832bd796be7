"""Notices a restore: an outward stream that says more, or other, than the ledger; bookmarks that are not on it.

PostgreSQL restored from an older backup knows nothing of what it said since; the streams, and whoever read them, do. Then
nothing is published over it: the relay halts, `asepsis status` says so, and `asepsis epoch open` is the way on.
"""

import logging
import time
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from events import ledger, wire
from events.chain import genesis
from events.database import Database
from events.outward import outward_stream, parse_id
from events.projection import Place, RecordUnreadableError, bookmark_for_update, move_bookmark
from events.relay import FIELD, SERVICE, STAGE
from events.rounds import Step
from events.transaction import aside

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.5
"""While PostgreSQL is restored nothing is published for longer than this, so a look this old was not at another ledger."""

_UNLIKE = "select clinic_id from ledger.unlike_streams($1, $2, $3, $4)"


class Continuity:
    """Holds the newest entry of each outward stream against the ledger."""

    def __init__(self, database: Database, client: "Redis") -> None:
        self._database = database
        self._client = client
        self._looked: dict[UUID, float] = {}

    def guarding(self, publish: Step) -> Step:
        """The relay's step, after a look whether the stream is this ledger's."""

        async def step(database: Database, clinic_id: UUID, service: str, limit: int) -> int:
            if time.monotonic() - self._looked.get(clinic_id, 0.0) > AGAIN_SECONDS:
                await self._look(clinic_id)
            left = await publish(database, clinic_id, service, limit)
            self._looked[clinic_id] = time.monotonic()
            return left

        return step

    async def _look(self, clinic_id: UUID) -> None:
        """Raises `RecordUnreadableError` for a stream that says what the ledger does not."""
        newest = await self._newest([clinic_id])
        if not newest:
            return
        if await self._unlike(newest):
            message = f"the outward stream of {clinic_id} goes beyond this ledger: was it restored?"
            raise RecordUnreadableError(message)
        epoch = newest[clinic_id][0]
        async with aside(self._database, clinic_id, SERVICE) as rows:
            at = await ledger.head(rows, clinic_id)
            if at is None or epoch >= at.epoch:
                return
            # The stream has lost all of this epoch, or never had it: the relay begins it anew and compares what is there.
            place = await bookmark_for_update(rows, clinic_id, SERVICE, STAGE, at)
            if place.size:
                await move_bookmark(rows, clinic_id, SERVICE, STAGE, Place(at.epoch, 0, genesis(clinic_id, at.epoch)))

    async def _newest(self, clinics: list[UUID]) -> dict[UUID, tuple[int, int, str]]:
        """Epoch, size and event id of each stream's newest entry."""
        async with self._client.pipeline(transaction=False) as pipe:
            for clinic_id in clinics:
                pipe.xrevrange(outward_stream(clinic_id), count=1)
            try:
                answers = await pipe.execute(raise_on_error=False)
            except RedisError as away:
                message = f"Redis: {away}"
                raise ConnectionError(message) from away
        found: dict[UUID, tuple[int, int, str]] = {}
        for clinic_id, answer in zip(clinics, answers, strict=True):
            if isinstance(answer, Exception):
                if isinstance(answer, RedisError):
                    message = f"Redis: {answer}"
                    raise ConnectionError(message) from answer
                raise answer
            if answer:
                found[clinic_id] = (*parse_id(answer[0][0].decode()), _event_id(answer[0][1]))
        return found

    async def _unlike(self, newest: dict[UUID, tuple[int, int, str]]) -> list[UUID]:
        columns: list[list[Any]] = [list(newest), *(list(column) for column in zip(*newest.values(), strict=True))]
        async with aside(self._database, None, SERVICE) as rows:
            return [UUID(int=row[0].int) for row in await wire.fetch(rows, _UNLIKE, *columns)]

    async def inspect(self) -> list[UUID]:
        """Every clinic at once: halts who is astray; returns the clinics whose streams are not this ledger's, for the relay to look."""
        async with aside(self._database, None, SERVICE) as rows:
            (astray,) = await wire.fetch_row(rows, "select ledger.halt_astray()")
            clinics = list(await ledger.clinics(rows))
        if astray:
            log.error("%d bookmarks are not on their ledgers: was PostgreSQL restored? `asepsis status` names them", astray)
        try:
            newest = await self._newest(clinics)
        except OSError:
            return []
        unlike = await self._unlike(newest) if newest else []
        for clinic_id in unlike:
            self._looked.pop(clinic_id, None)
        return unlike


def _event_id(fields: dict[bytes, bytes]) -> str:
    try:
        return str(orjson.loads(fields[FIELD.encode()])["id"])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return ""
