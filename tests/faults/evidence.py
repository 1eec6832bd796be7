"""What a fault has left behind, read when everything has come to rest."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import orjson
from redis.asyncio import Redis

from events import ledger
from events.database import SERVICES, Database
from events.envelope import Entry, Event
from events.inbox_keeper import GROUP
from events.outward import outward_after, outward_stream
from events.relay import SERVICE as RELAY
from events.relay import STAGE
from events.transaction import aside
from services.example import Example
from services.operations import Status, status_of
from tests.faults.doors import Journal
from tests.faults.morning import messages

REST_SECONDS = 10.0
EPOCH = 1


@dataclass(frozen=True)
class Place:
    """Where to look."""

    database: Database
    owner: asyncpg.Connection
    owner_url: str
    valkey: Redis
    example: Example
    journal: Journal
    spool: Path | None


@dataclass(frozen=True)
class Evidence:
    """The clinic as it is found, beside what the outside remembers."""

    place: Place
    entries: Sequence[Entry[Event]]
    status: Status
    outward: Sequence[tuple[str, dict[str, Any]]]
    outward_of_ledger: Sequence[tuple[str, dict[str, Any]]]
    unread_commands: int
    outbox: Sequence[dict[str, Any]]
    messages: Sequence[dict[str, Any]]

    @property
    def journal(self) -> Journal:
        return self.place.journal

    def said(self, *kinds: str) -> list[Entry[Any]]:
        """The entries of these types, in order."""
        return [entry for entry in self.entries if entry.type.rpartition(".v")[0] in kinds]

    @property
    def behind(self) -> list[str]:
        """Who has not come to the end of the ledger, or never began."""
        clinic, size = self.place.example.clinic_id, len(self.entries)
        stood = {(found.service, found.stage): found for found in self.status.standings if found.clinic_id == clinic}
        expected = [(service, stage) for service in SERVICES for stage in ("projected", "reacted")] + [(RELAY, STAGE)]
        return [
            f"{service} ({stage}) stands at {stood[service, stage].bookmark if (service, stage) in stood else 'nothing'} of {size}"
            for service, stage in expected
            if (service, stage) not in stood or stood[service, stage].bookmark != size
        ]

    @property
    def unsent(self) -> list[str]:
        """Messages that were decided on and have not left."""
        return [f"message {row['message_id']} ({row['template']}) was not sent" for row in self.outbox if row["sent_at"] is None]

    @property
    def rests(self) -> bool:
        """Whether nothing is left to do."""
        return not self.behind and not self.unread_commands and not self.unsent and self.outward == self.outward_of_ledger


async def _outward(place: Place) -> list[tuple[str, dict[str, Any]]]:
    found: Any = await place.valkey.xrange(outward_stream(place.example.clinic_id))
    return [(entry_id.decode(), orjson.loads(fields[b"event"])) for entry_id, fields in found]


async def _unread(place: Place) -> int:
    """Entries of the inbox that were not acknowledged and deleted."""
    inbox = f"{{clinic:{place.example.clinic_id}}}:inbox:{place.example.system}"
    length: int = await place.valkey.xlen(inbox)
    if not length and not await place.valkey.exists(inbox):
        return 0
    groups: Any = await place.valkey.xinfo_groups(inbox)
    pending = [int(group["pending"]) for group in groups if group["name"] == GROUP.encode()]
    return length + sum(pending)


async def _look(place: Place) -> Evidence:
    clinic = place.example.clinic_id
    async with aside(place.database, clinic, "compliance") as rows:
        entries = [entry async for entry in ledger.read_all(rows, clinic, EPOCH)]
        published = [orjson.loads(form) for form in await outward_after(rows, clinic, EPOCH, 0, 1_000_000)]
    outbox = [dict(row) for row in await place.owner.fetch("select * from machinery.outbox where clinic_id = $1", clinic)]
    return Evidence(
        place=place,
        entries=entries,
        status=await status_of(place.database),
        outward=await _outward(place),
        outward_of_ledger=[(event["sequence"], event) for event in published],
        unread_commands=await _unread(place),
        outbox=outbox,
        messages=messages(place.spool) if place.spool is not None else [],
    )


def patience(seconds: float) -> float:
    """So long on a machine that has nothing else to do; longer where others want its processors too."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


async def gather(place: Place) -> Evidence:
    """Wait until everything rests, as long as there is patience, and look."""
    deadline = asyncio.get_running_loop().time() + patience(REST_SECONDS)
    while True:
        found = await _look(place)
        if found.rests or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.2)
