"""What must hold in every clinic after a crowd has worked through bad weather."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson

from events import ledger
from events.catalog.booking import BookingConfirmed, ClientRegistered
from events.catalog.consent import ConsentRequested
from events.chain import first_break
from events.checking.check import Checker
from events.database import SERVICES
from events.envelope import Entry, Event
from events.inbox_keeper import GROUP
from events.outward import outward_after, outward_stream
from events.relay import SERVICE as RELAY
from events.relay import STAGE
from events.transaction import aside
from services.operations import status_of
from tests.faults.checkers import ONCE
from tests.faults.crowd import Memory
from tests.faults.evidence import patience
from tests.faults.stage import Stage

EPOCH = 1
REST_SECONDS = 10.0
NOBODY_ELSE = 1_000_000

_STANDINGS = """
    select c.clinic_id, e.size, s.service, s.stage, coalesce(b.size, 0) as bookmark
      from ledger.clinics c
      join lateral (select index + 1 as size from ledger.entries y where y.clinic_id = c.clinic_id and y.epoch = c.epoch
                    order by index desc limit 1) e on true
     cross join unnest($1::text[], $2::text[]) s(service, stage)
      left join ledger.bookmarks b on (b.clinic_id, b.service, b.stage) = (c.clinic_id, s.service, s.stage)
     where coalesce(b.size, 0) <> e.size
    """


async def longest_lag(stage: Stage) -> int:
    """How many entries the service that is furthest behind has not worked yet."""
    pairs = [(service, kind) for service in SERVICES for kind in ("projected", "reacted")] + [(RELAY, STAGE)]
    rows = await stage.owner.fetch(_STANDINGS, [service for service, _ in pairs], [kind for _, kind in pairs])
    return max((row["size"] - row["bookmark"] for row in rows), default=0)


async def _behind(stage: Stage) -> list[str]:
    """Who is not level, and what inboxes still hold."""
    pairs = [(service, kind) for service in SERVICES for kind in ("projected", "reacted")] + [(RELAY, STAGE)]
    rows = await stage.owner.fetch(_STANDINGS, [service for service, _ in pairs], [kind for _, kind in pairs])
    found = [f"{service} ({kind}) stands at {mark} of {size} in {clinic}" for clinic, size, service, kind, mark in rows]
    for clinic in stage.clinics:
        inbox = f"{{clinic:{clinic.example.clinic_id}}}:inbox:{clinic.example.system}"
        length = await stage.valkey.xlen(inbox)
        groups: Any = await stage.valkey.xinfo_groups(inbox) if await stage.valkey.exists(inbox) else []
        pending = sum(int(group["pending"]) for group in groups if group["name"] == GROUP.encode())
        if length or pending:
            found.append(f"inbox {inbox} holds {length} entries, {pending} of them pending")
    unsent = await stage.owner.fetchval("select count(*) from machinery.outbox where sent_at is null")
    return [*found, *([f"{unsent} messages were not sent"] if unsent else [])]


async def comes_to_rest(stage: Stage, seconds: float = REST_SECONDS) -> list[str]:
    """Everything level within so many seconds, and every outward stream what the ledger says; else who is not."""
    began, seconds = time.monotonic(), patience(seconds)
    while True:
        found = await _behind(stage)
        if not found:
            found = [sentence for clinic in stage.clinics for sentence in await _outward_differs(stage, clinic.example.clinic_id)]
        if not found or time.monotonic() - began > seconds:
            return [f"after {seconds:.0f} s: {sentence}" for sentence in found]
        await asyncio.sleep(0.2)


async def _outward_differs(stage: Stage, clinic_id: UUID) -> list[str]:
    found: Any = await stage.valkey.xrange(outward_stream(clinic_id))
    there = [(entry_id.decode(), orjson.loads(fields[b"event"])) for entry_id, fields in found]
    async with aside(stage.database, clinic_id, "compliance") as rows:
        events = [orjson.loads(form) for form in await outward_after(rows, clinic_id, EPOCH, 0, NOBODY_ELSE)]
    expected = [(event["sequence"], event) for event in events]
    if there == expected:
        return []
    return [f"the outward stream of {clinic_id} has {len(there)} events and is not the ledger's, which has {len(expected)}"]


def _order(memory: Memory, index: dict[UUID, int]) -> list[str]:
    """An answer given before a question was asked stands before that question's answer."""
    known = [(given, index[event_id]) for event_id, given in memory.given.items() if given.answered_at is not None and event_id in index]
    by_answer = sorted(known, key=lambda found: found[0].answered_at or 0.0)
    found, highest, place = list[str](), -1, 0
    for given, at in sorted(known, key=lambda found: found[0].asked_at):
        while place < len(by_answer) and (by_answer[place][0].answered_at or 0.0) < given.asked_at:
            highest = max(highest, by_answer[place][1])
            place += 1
        if at < highest:
            found.append(f"{at} was asked for after {highest} was answered, and stands before it")
    return found


def wrong_in(memory: Memory, entries: Sequence[Entry[Event]]) -> list[str]:
    """What one ledger gets wrong about what the outside remembers."""
    index = {entry.event_id: entry.index for entry in entries}
    answered = {event_id for event_id, given in memory.given.items() if given.answered_at is not None}
    found = [f"{event_id} was acknowledged and is not in the ledger" for event_id in answered if event_id not in index]
    if len(answered) < len(memory.given):
        found.append(f"{len(memory.given) - len(answered)} commands were never answered")
    broken = first_break(entries, memory.example.clinic_id, EPOCH)
    if broken is not None:
        found.append(f"the chain breaks at {broken.index}: {broken.reason}")
    done = Counter(
        (type(entry.event).__name__, str(ONCE[type(entry.event)](entry.event))) for entry in entries if type(entry.event) in ONCE
    )
    found += [f"{kind} of {subject} was recorded {count} times" for (kind, subject), count in done.items() if count > 1]
    registered = {str(entry.event.client_id) for entry in entries if isinstance(entry.event, ClientRegistered)}
    if len(registered ^ set(memory.clients)):
        found.append(f"{len(registered)} clients are registered, {len(memory.clients)} were sent")
    asked = {entry.event.booking_id for entry in entries if isinstance(entry.event, ConsentRequested)}
    booked = [entry.event.visit.booking_id for entry in entries if isinstance(entry.event, BookingConfirmed)]
    found += [f"nobody was asked for a consent for {booking_id}" for booking_id in booked if booking_id not in asked]
    return found + _order(memory, index)


async def wrongs(stage: Stage, memories: Sequence[Memory], *, seconds: float = REST_SECONDS) -> list[str]:
    """Everything that is wrong, once everything should have come to rest."""
    found = await comes_to_rest(stage, seconds)
    for memory in memories:
        clinic_id = memory.example.clinic_id
        async with aside(stage.database, clinic_id, "compliance") as rows:
            entries = [entry async for entry in ledger.read_all(rows, clinic_id, EPOCH)]
        found += [f"clinic {clinic_id}: {sentence}" for sentence in wrong_in(memory, entries)]
    status = await status_of(stage.database)
    found += [f"{pair.service} ({pair.stage}) halted at {pair.bookmark} in {pair.clinic_id}: {pair.error}" for pair in status.halted]
    found += [f"{count} dead letters in {where}" for where, count in status.dead_letters.items()]
    async with Checker(stage.database, SERVICES, stage.valkey) as checker:
        for memory in memories:
            checked = await checker.check(memory.example.clinic_id)
            found += [f"checker {wrong.checker}: {wrong.sentence}" for wrong in checked.report.wrongs]
            if not checked.whole:
                found.append(f"the checkers did not come to the end of {memory.example.clinic_id}")
    return found
