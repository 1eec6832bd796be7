"""Days of one or two small clinics, made up by Hypothesis: every answer is compared with what somebody would expect who stood beside it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import hypothesis.strategies as some
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from events.catalog.recovery import SafetyHoldPlaced
from events.database import SERVICES, Database
from events.envelope import Entry, versioned_type
from events.rebuild import rebuild_service
from events.streams import reactions_of
from events.transaction import Transaction
from services.example import database_now
from services.installation import migrate
from tests.conftest import SECRET, load_services
from tests.faults.row import Row
from tests.faults.small_clinic import CLIENTS, HANDPIECES, PACKS, PRACTITIONERS, ROOMS, UNITS, SmallClinic, open_small_clinic
from tests.faults.small_day import Day, PoisonError
from tests.faults.small_record import ONCE, Watch
from tests.faults.tally import Tally
from tests.servers import start

CHOKED = "booking"
"""Whose reactions to a safety hold can be poisoned."""

STEPS = 100
"""Of a day of the campaign; in `make test` days are shorter."""

R = TypeVar("R")
any_clinic = some.integers(0, 1)
any_client = some.integers(0, CLIENTS - 1)
any_practitioner = some.integers(0, PRACTITIONERS - 1)
any_room = some.integers(0, ROOMS - 1)
any_handpiece = some.integers(0, HANDPIECES - 1)
any_unit = some.integers(0, UNITS - 1)
any_pack = some.integers(0, PACKS - 1)
any_one = some.integers(0, 1_000)
any_service = some.sampled_from(SERVICES)
"""A choice among what there is at that moment: taken modulo."""

happened: Counter[str] = Counter()
"""What the days of this run were made of. A kind that never happened was not tried."""


class ClinicDay(RuleBasedStateMachine):
    """The steps. What each must lead to stands in `Day`."""

    runner: asyncio.Runner
    database: Database
    owner: str
    """Shared by all days of a run: an engine of its own for each would spend most of the time on compiling statements."""

    def __init__(self) -> None:
        super().__init__()
        self.days: list[Day] = []
        self.rebuilt = SERVICES[0]

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        return self.runner.run(work)

    def day(self, clinic: int) -> Day:
        return self.days[clinic % len(self.days)]

    @initialize(clinics=some.integers(1, 2), expected=some.integers(1, 4), rebuilt=any_service)
    def open(self, clinics: int, expected: int, rebuilt: str) -> None:
        self.rebuilt = rebuilt
        self.run(self._open(clinics, expected))

    async def _open(self, clinics: int, expected: int) -> None:
        """Everything is clean, and the first clients are there."""
        now = await database_now(self.database)
        for _ in range(clinics):
            clinic = await open_small_clinic(self.database, now)
            self.days.append(Day(clinic, happened, Watch(clinic.house)))
        for day in self.days:
            for handpiece in range(HANDPIECES):
                await day.reprocess(handpiece)
            for room in range(ROOMS):
                await day.turn_over(room)
            for client in range(expected):
                await day.book_and_prepare(client)

    @rule(clinic=any_clinic, client=any_client, practitioner=any_practitioner, room=any_room, prepared=some.booleans())
    def book(self, clinic: int, client: int, practitioner: int, room: int, prepared: bool) -> None:
        """Anybody anywhere; or with whom and where there is room, as far as the cleansed skin."""
        day = self.day(clinic)
        self.run(day.book_and_prepare(client) if prepared else day.book(client, practitioner, room))

    @rule(clinic=any_clinic, which=any_one, doing=some.sampled_from(["cancel", "arrive", "cleanse"]))
    def go_on(self, clinic: int, which: int, doing: str) -> None:
        day = self.day(clinic)
        if day.seats:
            self.run(getattr(day, doing)(day.seats[which % len(day.seats)]))

    @rule(clinic=any_clinic, client=any_client, withdraws=some.booleans())
    def change_consent(self, clinic: int, client: int, withdraws: bool) -> None:
        day = self.day(clinic)
        self.run(day.withdraw(day.somebody(client)) if withdraws else day.sign(client))

    @rule(clinic=any_clinic, client=any_client, how=some.sampled_from(["lift", "lift", "hold", "poison"]))
    def hold_or_lift(self, clinic: int, client: int, how: str) -> None:
        day = self.day(clinic)
        self.run(day.lift(client) if how == "lift" else day.hold(day.somebody(client), poisoned=how == "poison"))

    @rule(clinic=any_clinic, handpiece=any_handpiece, room=any_room, unit=any_unit, clumsy=some.booleans())
    def clean(self, clinic: int, handpiece: int, room: int, unit: int, clumsy: bool) -> None:
        """A handpiece and a room; a clumsy hand drops a cartridge."""
        day = self.day(clinic)
        self.run(day.waste(unit) if clumsy else day.reprocess(handpiece))
        self.run(day.turn_over(room))

    @rule(clinic=any_clinic, which=any_one, handpiece=any_handpiece, unit=any_unit, pack=any_pack, fresh=some.booleans())
    def start(self, clinic: int, which: int, handpiece: int, unit: int, pack: int, fresh: bool) -> None:
        """With anything that lies there, or with what was not used yet."""
        day = self.day(clinic)
        if day.seats:
            seat = day.seats[which % len(day.seats)]
            unit, pack = day.fresh() if fresh else (unit, pack)
            self.run(day.start(seat, (seat.practitioner, seat.room, handpiece, unit, pack)))

    @rule(clinic=any_clinic, which=any_one, practitioner=any_practitioner, room=any_room, handpiece=any_handpiece)
    def start_elsewhere(self, clinic: int, which: int, practitioner: int, room: int, handpiece: int) -> None:
        """By somebody else, in another room."""
        day = self.day(clinic)
        if day.seats:
            self.run(day.start(day.seats[which % len(day.seats)], (practitioner, room, handpiece, *day.fresh())))

    @rule(clinic=any_clinic, which=any_one, needled=some.booleans())
    def end(self, clinic: int, which: int, needled: bool) -> None:
        day = self.day(clinic)
        running = [seat for seat in day.seats if seat.open]
        if running:
            self.run(day.end(running[which % len(running)], needled=needled))

    @rule(clinic=any_clinic, which=any_one)
    def send_again(self, clinic: int, which: int) -> None:
        self.run(self.day(clinic).repeat(which))

    @rule(clinic=any_clinic, which=any_one)
    def use_an_id_twice(self, clinic: int, which: int) -> None:
        self.run(self.day(clinic).reuse(which))

    @rule(clinic=any_clinic, service=any_service, limit=some.integers(1, 20), reacts=some.booleans())
    def work(self, clinic: int, service: str, limit: int, reacts: bool) -> None:
        """A service goes on with what it has not seen yet, as far as it gets."""
        day = self.day(clinic)
        self.run(day.react(service, limit) if reacts else day.project(service, limit))

    @precondition(lambda self: any(day.clinic.poison for day in self.days))
    @rule()
    def halt_and_skip(self) -> None:
        self.run(next(day for day in self.days if day.clinic.poison).halt_and_skip())

    @invariant()
    def the_record_holds(self) -> None:
        for day in self.days:
            self.run(day.watch.look())

    def teardown(self) -> None:
        for day in self.days:
            self.run(day.come_to_rest())
        self.run(self._rebuild(self.days[0].clinic))
        happened["days"] += 1

    async def _rebuild(self, clinic: SmallClinic) -> None:
        compared = await rebuild_service(self.database, self.rebuilt, clinic.clinic_id)
        assert list(chain.from_iterable(table.differences for table in compared)) == []


@contextmanager
def choking() -> Iterator[None]:
    """One more reaction, that fails for the holds that a day says are poison. What the log says of that is left out."""
    load_services()
    heard = reactions_of(CHOKED).by_type[versioned_type(SafetyHoldPlaced)]

    async def choke(tx: Transaction, entry: Entry[SafetyHoldPlaced]) -> None:
        if entry.event.reason == "poison":
            raise PoisonError

    heard.insert(0, choke)
    log = logging.getLogger("events")
    before = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(before)
        heard.remove(choke)


KINDS = (
    *("start granted", "start refused", "start pressed again", "booking confirmed", "booking refused", "repeated", "id reused"),
    *("withdrawal", "waste", "cancellation", "poison halted", "poison skipped", *(kind.__name__ for kind in ONCE)),
)


def make_up(database_url: str, owner: str, days: int, steps: int, chance: int | None) -> None:
    """So many days of so many steps: always the same ones, or (`chance`) others each time, a failing one shortened before it is shown."""
    happened.clear()
    how = settings(
        max_examples=days,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=chance is None,
        report_multiple_bugs=False,
        phases=[Phase.explicit, Phase.generate, *([] if chance is None else [Phase.shrink])],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(database_url, secret=SECRET, pool_size=2)
        machine = type("ClinicDay", (ClinicDay,), {"runner": runner, "database": database, "owner": owner})
        try:
            run_state_machine_as_test(machine if chance is None else seed(chance)(machine), settings=how)
        finally:
            runner.run(database.close())


async def _run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    with start(directory) as servers, choking():
        await migrate(servers.database_url)
        # Hypothesis waits for each step, so it has a thread and a loop of its own.
        login = servers.login_url("asepsis_app")
        await asyncio.to_thread(make_up, login, servers.database_url, times, STEPS, rng.randrange(2**32))
    for kind, count in happened.items():
        tally.counted(kind, count)


ROW = Row("days", f"made-up days of {STEPS} steps, compared with a model", (), share=300, full=10_000, run=_run, brief=10)
