"""Row: what may happen to an inbox. Every command is answered, at the latest when it is sent again, and the reader never stops."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from redis.exceptions import RedisError, ResponseError

from events.endings import ended
from events.faults import arm
from tests.faults.doors import Desk
from tests.faults.process import Program
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

KILLED = "killed between commit and acknowledgement"
FORGED = "id from the future"
MAXLEN = "XADD with MAXLEN 0"
TRIMMED = "XTRIM to 0 and a kill"
RESTARTED = "Valkey killed with 1,000 unread commands"
UNREAD = 1_000
FUTURE_MS = 4_000_000_000_000
ANSWER_SECONDS = 20.0
PER_DATABASE = 5
"""Rounds in one database: what the checkers read again and again must not grow for ever."""


def die_when_told() -> None:
    """In the new process: SIGUSR1 makes the next command that was worked the last."""
    signal.signal(signal.SIGUSR1, lambda *_: arm("inbox_keeper.worked", lambda: os.kill(os.getpid(), signal.SIGKILL)))


@dataclass
class Office:
    """A front-desk system that sends registrations and waits for the answers to all of them."""

    stage: Stage
    program: Program
    desk: Desk
    rng: Random
    tally: Tally
    sent: dict[str, bytes] = field(default_factory=dict)
    """What has no answer yet."""

    def command(self) -> bytes:
        """The next registration."""
        number = f"fd-{self.rng.getrandbits(64):016x}"
        client = UUID(int=self.rng.getrandbits(128), version=4)
        data = {"client_id": str(client), "given_name": "Ana", "family_name": "Silva", "date_of_birth": "1990-05-17"}
        event = {"specversion": "1.0", "id": number, "source": "urn:asepsis:system:desk", "type": "client.register", "data": data}
        self.sent[number] = json.dumps(event).encode()
        self.stage.journal.commands.append(number)
        return self.sent[number]

    async def send(self, count: int, **options: Any) -> None:
        """Write so many into the inbox."""
        async with self.stage.valkey.pipeline(transaction=False) as pipe:
            for _ in range(count):
                pipe.xadd(self.desk.inbox, {"event": self.command()}, **options)
            await pipe.execute()

    async def _wait(self, seconds: float, *, rejected: bool) -> None:
        """Until everything is answered, or nothing new comes for so long; or `rejected`, undecided, to be sent again."""
        until = time.monotonic() + seconds
        while True:
            for number in [number for number in self.sent if self.desk.answers(number)]:
                del self.sent[number]
                until = time.monotonic() + seconds
            if all(rejected and self.desk.given_up(number) for number in self.sent) or time.monotonic() > until:
                return
            await asyncio.sleep(0.05)

    async def settle(self, seconds: float) -> None:
        """Wait; what has no answer by then is sent again, under its id, and then must be answered."""
        self.tally.counted("commands", len(self.sent))
        await self._wait(seconds, rejected=True)
        self.tally.counted("sent again", len(self.sent))
        for content in self.sent.values():
            await self.desk.raw(content)
        await self._wait(ANSWER_SECONDS, rejected=False)

    @contextmanager
    def asleep(self) -> Iterator[None]:
        """The program reads nothing meanwhile."""
        pid = self.program.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


async def _killed(office: Office) -> bool:
    deaths, pid = len(office.program.deaths), office.program.pid
    assert pid is not None
    os.kill(pid, signal.SIGUSR1)
    await asyncio.sleep(0.1)
    await office.send(office.rng.randint(1, 20))
    await office.settle(ANSWER_SECONDS)
    return office.program.deaths[deaths:] == [-signal.SIGKILL]


async def _newest_ms(office: Office) -> int:
    """The time in the newest id that the inbox has seen; none, if it is not there."""
    try:
        info = await office.stage.valkey.xinfo_stream(office.desk.inbox)
    except ResponseError:
        return 0
    return int(bytes(info["last-generated-id"]).split(b"-")[0])


async def _forged(office: Office) -> bool:
    future = FUTURE_MS + office.rng.randrange(10**12)
    with office.asleep():
        await office.send(office.rng.randint(0, 3))
        await office.send(1, id=f"{future}-0")
        await office.send(office.rng.randint(0, 150))
        seen = await _newest_ms(office)
    await office.settle(ANSWER_SECONDS)
    until = time.monotonic() + ANSWER_SECONDS
    while True:
        if await _newest_ms(office) < FUTURE_MS:
            return seen == future
        if time.monotonic() > until:
            office.tally.wrong(f"the inbox still counts from {future}")
            return True
        await asyncio.sleep(0.1)


async def _maxlen(office: Office) -> bool:
    with office.asleep():
        await office.send(office.rng.randint(1, 50))
        await office.send(1, maxlen=0, approximate=False)
        empty = not await office.stage.valkey.xlen(office.desk.inbox)
        await office.send(office.rng.randint(0, 5))
    await office.settle(1.5)
    return empty


async def _trimmed(office: Office) -> bool:
    """What the dead reader had in hand is gone too."""
    deaths, pid = len(office.program.deaths), office.program.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await office.send(office.rng.randint(1, 150))
    trimmed = await office.stage.valkey.xtrim(office.desk.inbox, maxlen=0, approximate=False)
    os.kill(pid, signal.SIGKILL)
    await office.send(office.rng.randint(0, 5))
    await office.settle(3.0)
    return bool(trimmed) and office.program.deaths[deaths:] == [-signal.SIGKILL]


async def _restarted(office: Office) -> bool:
    valkey = office.stage.valkey
    before = await valkey.info("server")
    with office.asleep():
        await office.send(UNREAD)
        os.kill(before["process_id"], signal.SIGKILL)
        while True:
            try:
                after = await valkey.info("server")
                kept = await valkey.xlen(office.desk.inbox)  # while it loads what it had, it answers INFO only
            except (RedisError, OSError):
                await asyncio.sleep(0.05)
                continue
            break
    office.tally.counted("unread before the kill", UNREAD)
    office.tally.counted("unread after the restart", kept)
    await office.settle(ANSWER_SECONDS)
    return bool(before["run_id"] != after["run_id"])


FAULTS: dict[str, Callable[[Office], Awaitable[bool]]] = {
    KILLED: _killed,
    FORGED: _forged,
    MAXLEN: _maxlen,
    TRIMMED: _trimmed,
    RESTARTED: _restarted,
}
"""Each returns whether the fault was seen to happen."""


async def _play(stage: Stage, rounds: Sequence[Sequence[str]], rng: Random, tally: Tally) -> None:
    order = replace(stage.order, mischief=die_when_told)
    desk = Desk(stage.valkey, stage.example.clinic_id, stage.example.system, stage.journal)
    listening = asyncio.create_task(desk.listen())
    try:
        async with stage.program(order=order) as program:
            office = Office(stage, program, desk, rng, tally)
            for kind in (kind for kinds in rounds for kind in kinds):
                if await FAULTS[kind](office):
                    tally.injected(kind)
                for number in office.sent:
                    tally.wrong(f"{number} was not answered after {kind}, although it was sent again")
                office.sent.clear()
            rejected = await stage.owner.fetchval("select count(*) from ledger.entries where type = 'command.rejected.v1'")
            found = await stage.problems(dead_letters=rejected)
            if found:
                tally.wrong("\n".join([f"after {rounds}:", *found]))
            tally.counted("rejected and sent again", rejected)
    finally:
        await ended(listening)


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """Each fault once in a round, in an order that chance decides."""
    rounds = [rng.sample(tuple(FAULTS), len(FAULTS)) for _ in range(max(1, times // len(FAULTS)))]
    with start(directory / "servers") as servers:
        async with furnished_once(servers) as (name, examples):
            for begun in range(0, len(rounds), PER_DATABASE):
                place = directory / str(begun)
                place.mkdir()
                async with set_up(place, servers, name, examples) as stage:
                    await _play(stage, rounds[begun : begun + PER_DATABASE], rng, tally)


ROW = Row("inbox", "what may happen to an inbox", tuple(FAULTS), len(FAULTS), 50 * len(FAULTS), run)
