"""Row: bad input at scale. Every message is answered, no reader stops, and nothing that was written is repeated anywhere."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import orjson

from tests.doors.spoiled import CANARY
from tests.faults.messages import KINDS, Message, made, right
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

CLINICS = 4
"""Inboxes are worked side by side, each in its order."""

QUIET_SECONDS = 30.0
PORTION = 500
EVERY_BODY = "select clinic_id, index, type, convert_from(body, 'UTF8') as body from ledger.entries"


class Postman:
    """Writes messages into a clinic's inbox and looks for the answers on its stream."""

    def __init__(self, clinic: Stage, tally: Tally) -> None:
        self._valkey: Any = clinic.valkey
        self._inbox = f"{{clinic:{clinic.example.clinic_id}}}:inbox:{clinic.example.system}"
        self._outward = f"{{clinic:{clinic.example.clinic_id}}}:events"
        self._tally = tally
        self._last = b"0-0"
        self._caused: Counter[str] = Counter()
        self._rejected: set[str] = set()

    async def deliver(self, messages: Sequence[Message]) -> None:
        """All of them must be answered, as long as answers come at all."""
        async with self._valkey.pipeline(transaction=False) as pipe:
            for message in messages:
                pipe.xadd(self._inbox, dict(message.fields))
            places = [place.decode() for place in await pipe.execute()]
        waiting = dict(zip(places, messages, strict=True))
        until = time.monotonic() + QUIET_SECONDS
        while waiting:
            if await self._read():
                until = time.monotonic() + QUIET_SECONDS
            for place in [place for place, message in waiting.items() if self._is_answered(place, message)]:
                del waiting[place]
            if time.monotonic() > until:
                for place, message in waiting.items():
                    self._tally.wrong(f"{place} ({message.kind}) was not answered: {str(dict(message.fields))[:500]}")
                return

    def _is_answered(self, place: str, message: Message) -> bool:
        return place in self._rejected or (message.command is not None and bool(self._caused[message.command]))

    async def _read(self) -> bool:
        found = await self._valkey.xread({self._outward: self._last}, count=500, block=200)
        for _stream, entries in found or ():
            for entry_id, fields in entries:
                self._last = entry_id
                event = orjson.loads(fields[b"event"])
                if CANARY.lower().encode() in fields[b"event"].lower():
                    self._tally.wrong(f"what was written is repeated on the stream: {fields[b'event']!r}")
                self._tally.counted(event["type"])
                if event["type"] == "command.rejected":
                    self._rejected.add(event["data"]["inbox_entry"])
                    if "gave_up" in {reason["reason"] for reason in event["data"]["reasons"]}:
                        self._tally.wrong(f"a message was too much for the program: {event['data']}")
                else:
                    self._caused[event["causationid"]] += 1
        return bool(found)


async def _deliver_all(stage: Stage, messages: Sequence[Message], tally: Tally) -> None:
    async def to(clinic: Stage, mine: Sequence[Message]) -> None:
        postman = Postman(clinic, tally)
        for begun in range(0, len(mine), PORTION):
            await postman.deliver(mine[begun : begun + PORTION])
        await postman.deliver([right("fd-after-all-of-that")])

    await asyncio.gather(*(to(clinic, messages[place::CLINICS]) for place, clinic in enumerate(stage.clinics)))


async def _repeated(stage: Stage) -> list[str]:
    """Where what was written stands although nobody may read it there: in the ledger, in the program's log."""
    rows = await stage.owner.fetch(EVERY_BODY + " where position($1 in lower(convert_from(body, 'UTF8'))) > 0", CANARY.lower())
    found = [f"entry {row['index']} ({row['type']}) of {row['clinic_id']} repeats what was written: {row['body'][:500]}" for row in rows]
    log = stage.order.log.read_text(errors="replace") if stage.order.log.exists() else ""
    if CANARY.lower() in log.lower():
        found.append("the log repeats what was written")
    if "Traceback" in log:
        found.append(f"the program stumbled: {log[-2000:]}")
    return found


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """So many messages into the inboxes of one installation."""
    messages = await asyncio.to_thread(made, rng, times)
    with start(directory / "servers") as servers:
        async with (
            furnished_once(servers, clinics=0, plain=CLINICS) as (name, examples),
            set_up(directory, servers, name, examples) as stage,
            stage.program() as program,
        ):
            await _deliver_all(stage, messages, tally)
            for message in messages:
                tally.injected(message.kind)
            if program.deaths:
                tally.wrong(f"the program died: {program.deaths}")
            for sentence in await _repeated(stage):
                tally.wrong(sentence)
            letters = await stage.owner.fetchval("select count(*) from machinery.dead_letters")
            rejected = await stage.owner.fetchval("select count(*) from ledger.entries where type = 'command.rejected.v1'")
            if letters != rejected:
                tally.wrong(f"{rejected} messages were rejected, and {letters} dead letters kept")
            found = await stage.problems(dead_letters=letters)
            if found:
                tally.wrong("\n".join(found))


ROW = Row("bad_input", "bad messages in an inbox", KINDS, 2_000, 20_000, run, 800)
