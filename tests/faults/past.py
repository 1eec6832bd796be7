"""A clinic's ledger grown by COPY, right chains and all: many events to be followed, without the price of deciding each."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from events import chain
from events.catalog.booking import ClientRegistered
from events.catalog.compliance import RecordViewed
from events.catalog.hygiene import HandpieceReprocessed, RoomTurnedOver
from events.envelope import Context, Entry, Event, body_of, versioned_type
from schemas.vocabulary import Actor, Role

COLUMNS = ["clinic_id", "epoch", "index", "recorded_at", "event_id", "type", "body", "chain"]
EPOCH = 1
KINDS_OF_LIFE = (ClientRegistered, RoomTurnedOver, HandpieceReprocessed, RecordViewed)
WIPED = {"product": "wipe", "wet_seconds": 120, "label_seconds": 120}


def _made_up(rng: Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


def life(rng: Random, now: datetime) -> Iterator[Event]:
    """What a clinic records without anybody reacting to it; one in a hundred events leaves the house."""
    rooms, handpieces = [_made_up(rng) for _ in range(3)], [_made_up(rng) for _ in range(2)]
    while True:
        yield ClientRegistered(client_id=_made_up(rng), commitment="0" * 64, contactable=True)
        for _ in range(4):
            at = now - timedelta(hours=rng.randint(1, 500))
            turnover = {"turnover_id": _made_up(rng), "room_id": rng.choice(rooms), "occurred_at": at, **WIPED}
            yield RoomTurnedOver.model_validate(turnover)
            reprocessing = {"reprocessing_id": _made_up(rng), "handpiece_id": rng.choice(handpieces), "occurred_at": at, **WIPED}
            yield HandpieceReprocessed.model_validate(reprocessing)
        for _ in range(91):
            yield RecordViewed(question="q1", answers=1)


class Grown:
    """One ledger that only we write."""

    def __init__(self, clinic_id: UUID, rng: Random, now: datetime) -> None:
        self.clinic_id = clinic_id
        self.size = 0
        self._rng = rng
        self._now = now
        self._chain = chain.genesis(clinic_id, EPOCH)
        self._events = life(rng, now)
        self._context = Context(Actor(identity_id=UUID(int=1), role=Role.MANAGER), "grown")

    async def continue_behind(self, owner: asyncpg.Connection) -> None:
        """Go on where the ledger ends now."""
        query = "select index, chain, recorded_at from ledger.entries where clinic_id = $1 order by index desc limit 1"
        last = await owner.fetchrow(query, self.clinic_id)
        if last is not None:
            self.size, self._chain, self._now = last["index"] + 1, last["chain"], last["recorded_at"]

    async def grow(self, owner: asyncpg.Connection, count: int) -> list[Entry[Any]]:
        """So many entries more."""
        rows: list[tuple[Any, ...]] = []
        for _ in range(count):
            event = next(self._events)
            row = chain.Row(self.size, self._now, _made_up(self._rng), versioned_type(event), body_of(event, self._context), b"")
            self._chain = chain.linked(self._chain, self.clinic_id, row)
            rows.append((self.clinic_id, EPOCH, row.index, row.recorded_at, row.event_id, row.type, row.body, self._chain))
            self.size += 1
        await owner.copy_records_to_table("entries", schema_name="ledger", columns=COLUMNS, records=rows)
        return [Entry(*row) for row in rows]
