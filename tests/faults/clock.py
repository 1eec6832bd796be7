"""Row: the clock of the program's process or of PostgreSQL is an hour or a day wrong, or stands still."""

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from uuid import uuid4

import httpx

from services.app import House
from tests.faults.faketime import FakeClock, program_by
from tests.faults.morning import Morning
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

KINDS = ("services_ahead", "services_behind", "services_frozen", "database_behind", "database_frozen", "database_ahead")
"""The last one stays last: what is recorded while it lasts is dated ahead, and until that time no start is granted."""

RULE = "clock_must_be_trusted"
SIZES = (timedelta(hours=1), timedelta(days=1))
DRIFT_SECONDS = 2.3
"""So long a clock that stands still is not yet wrong: two seconds are tolerated."""

PROMPT_SECONDS = 8.0
"""How long an answer or a tick may take while a clock is wrong: generous, as the machine is busy with other tests."""


def count_beats(file: Path) -> None:
    """In the new process: a line for each time the program's timer lets it look after PostgreSQL, which is once a second."""
    look = House._ask_database

    async def ask(self: House) -> None:
        with file.open("a") as beats:
            beats.write("beat\n")
        await look(self)

    House._ask_database = ask  # type: ignore[method-assign]


class Watcher:
    """Whoever stands beside a clinic while its clocks are set."""

    def __init__(self, morning: Morning, beats: Path, tally: Tally) -> None:
        self.morning = morning
        self.case = ""
        self._beats = beats
        self._tally = tally

    def wrong(self, sentence: str) -> None:
        self._tally.wrong(f"{self.case}: {sentence}")

    async def press(self, client: int) -> set[str]:
        """Press Start, which must be refused; the rules that refuse. Client 0 has everything that a start needs."""
        client_of = self.morning.clients[0] if client == 0 else self.morning.later
        began = time.monotonic()
        reply = await self.morning.try_start(client_of, self.morning.handpieces[0])
        if time.monotonic() - began > PROMPT_SECONDS:
            self.wrong(f"Start was answered after {time.monotonic() - began:.1f} s")
        if reply.status_code != httpx.codes.CONFLICT:
            self.wrong(f"Start was answered {reply.status_code}: {reply.text[:400]}")
            return set()
        self._tally.counted("starts refused")
        return {finding["rule"] for finding in reply.json()["findings"] if finding["verdict"] != "met"}

    async def register(self) -> None:
        """Somebody new, by stream and at the door: neither asks for the time."""
        began = time.monotonic()
        registration = {"client_id": str(uuid4()), **self.morning.later.identity, "phone": "+31201234567"}
        person = {"identity_id": str(uuid4()), "role": "technician", "display_name": "Tea"}
        await self.morning.desk.ask("client.register", registration, "client.registered")
        await self.morning.tablet.granted("admin", "POST", "/identities", person)
        self._tally.counted("other commands answered", 2)
        if time.monotonic() - began > PROMPT_SECONDS:
            self.wrong(f"two commands were answered after {time.monotonic() - began:.1f} s")

    def _ticks(self) -> int:
        return len(self._beats.read_text().splitlines())

    async def timers_run(self) -> None:
        """Once a second: neither stopped nor running away."""
        began, before = time.monotonic(), self._ticks()
        while self._ticks() == before:
            if time.monotonic() - began > PROMPT_SECONDS:
                self.wrong(f"the timer did not tick for {PROMPT_SECONDS:.0f} s")
                return
            await asyncio.sleep(0.05)
        ticks = self._ticks() - before
        self._tally.counted("ticks", ticks)
        if ticks > time.monotonic() - began + 2:
            self.wrong(f"the timer ticked {ticks} times in {time.monotonic() - began:.1f} s")


async def set_wrong(clock: FakeClock, kind: str, by: timedelta) -> None:
    """Make a clock wrong by more than is tolerated."""
    if kind.endswith("frozen"):
        clock.freeze()
        await asyncio.sleep(DRIFT_SECONDS)
    else:
        clock.shift(by if kind.endswith("ahead") else -by)


async def trouble(watcher: Watcher, clock: FakeClock, kind: str, by: timedelta, tally: Tally) -> None:
    """Wrong for a while, then right again."""
    await set_wrong(clock, kind, by)
    # Only the clock stands between the first client and a start; at the last kind that client has been treated.
    rules = await watcher.press(1 if kind == KINDS[-1] else 0)
    if RULE in rules:
        tally.injected(kind)
    else:
        watcher.wrong(f"the gate does not see it: {sorted(rules)}")
    await asyncio.gather(watcher.register(), watcher.timers_run())
    clock.right()
    await asyncio.gather(watcher.register(), watcher.timers_run())


async def play(stage: Stage, clocks: dict[str, FakeClock], kinds: list[str], rng: Random, tally: Tally) -> None:
    """A morning at the end of which somebody starts; before that clocks go wrong, one after the other."""
    beats = stage.order.log.with_suffix(".beats")
    beats.touch()
    order = replace(stage.order, mischief=partial(count_beats, beats))
    async with program_by(clocks["services"], order), stage.morning(clients=1) as morning:
        watcher = Watcher(morning, beats, tally)
        await morning.prepare()
        for kind in kinds:
            by = rng.choice(SIZES)
            watcher.case = f"{kind} by {by}"
            if kind == KINDS[-1]:
                await morning.start_all()
                await morning.finish_all()
                tally.counted("starts granted")
            await trouble(watcher, clocks[kind.partition("_")[0]], kind, by, tally)
            if kind == KINDS[-1]:
                # The ledger is dated ahead now: the gate waits until that time has come, everything else goes on.
                if RULE not in await watcher.press(1):
                    watcher.wrong("the gate trusts a clock that is behind the ledger")
                for clock in clocks.values():
                    clock.shift(by + timedelta(minutes=1))
                await watcher.register()
            if RULE in await watcher.press(1):
                watcher.wrong("the clocks are right, and the gate does not trust them")
        if KINDS[-1] not in kinds:
            await morning.start_all()
            await morning.finish_all()
            tally.counted("starts granted")
        found = await stage.problems()
        if found:
            tally.wrong("\n".join([f"after {kinds}", *found]))
    if "Traceback" in order.log.read_text():
        tally.wrong("\n".join([f"after {kinds} the log has a traceback:", *stage.log_end()]))


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """Rounds of all kinds, each in a database of its own."""
    clocks = {name: FakeClock(directory / f"{name}.clock") for name in ("services", "database")}
    with start(directory / "servers", clocks["database"].for_postgres) as servers:
        async with furnished_once(servers) as (name, examples):
            for number, begun in enumerate(range(0, times, len(KINDS))):
                kinds = [*rng.sample(KINDS[:-1], len(KINDS) - 1), KINDS[-1]]
                place = directory / str(number)
                place.mkdir()
                for clock in clocks.values():
                    clock.right()
                async with set_up(place, servers, name, examples) as stage:
                    await play(stage, clocks, kinds[: times - begun], rng, tally)


ROW = Row("clock", "a clock an hour or a day wrong, or standing still: the program's, PostgreSQL's", KINDS, len(KINDS), 200, run)
