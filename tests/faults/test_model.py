"""A day of one or two small clinics, made up by Hypothesis: every answer is compared with what somebody would expect who stood beside it.

`ASEPSIS_EXAMPLES` and `ASEPSIS_STEPS` say how many days of how many steps; `make faults` asks for more.
"""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator
from itertools import chain
from typing import Any, TypeVar
from uuid import uuid4

import hypothesis.strategies as some
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from events.catalog.recovery import SafetyHoldPlaced
from events.database import SERVICES, Database
from events.embedded import Servers
from events.envelope import Entry, versioned_type
from events.rebuild import rebuild_service
from events.streams import reactions_of
from events.transaction import Transaction
from services.example import database_now
from tests.conftest import SECRET, administer, load_services, owner_url
from tests.faults.small_clinic import CLIENTS, HANDPIECES, PACKS, PRACTITIONERS, ROOMS, UNITS, SmallClinic, open_small_clinic
from tests.faults.small_day import Day, PoisonError
from tests.faults.small_record import ONCE, Watch

CAMPAIGN = "ASEPSIS_EXAMPLES" in os.environ
"""Then days are random, and a failing one is made shorter before it is shown, which takes minutes. `make test` shows it as it was."""
EXAMPLES = int(os.environ.get("ASEPSIS_EXAMPLES", "6"))
STEPS = int(os.environ.get("ASEPSIS_STEPS", "40"))
SECONDS_PER_STEP = 0.5
"""What a step may take on a slow machine; only a hang takes longer."""

CHOKED = "booking"
"""Whose reactions to a safety hold can be poisoned."""

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
        compared = await rebuild_service(self.database, self.owner, self.rebuilt, clinic.clinic_id)
        assert list(chain.from_iterable(table.differences for table in compared)) == []


@pytest.fixture(scope="module")
async def database_name(servers: Servers, template: str) -> AsyncIterator[str]:
    """A database of this file's own: every day opens clinics of its own in it."""
    name = f"test_{uuid4().hex}"
    await administer(servers, f'create database "{name}" template "{template}" strategy wal_log')
    yield name
    await administer(servers, f'drop database "{name}" with (force)')


@pytest.fixture
def choking(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """One more reaction, that fails for the holds that a day says are poison. What the log says of that is left out."""
    caplog.set_level(logging.CRITICAL, "events")
    load_services()
    heard = reactions_of(CHOKED).by_type[versioned_type(SafetyHoldPlaced)]

    async def choke(tx: Transaction, entry: Entry[SafetyHoldPlaced]) -> None:
        if entry.event.reason == "poison":
            raise PoisonError

    heard.insert(0, choke)
    yield
    heard.remove(choke)


KINDS = (
    *("start granted", "start refused", "start pressed again", "booking confirmed", "booking refused", "repeated", "id reused"),
    *("withdrawal", "waste", "cancellation", "poison halted", "poison skipped", *(kind.__name__ for kind in ONCE)),
)
ENOUGH = 100
"""Among so many days each kind comes up; fewer days do not show that a kind cannot."""


@pytest.mark.slow
@pytest.mark.timeout((600 if CAMPAIGN else 60) + EXAMPLES * STEPS * SECONDS_PER_STEP)
@pytest.mark.usefixtures("choking")
def test_a_made_up_day_ends_as_somebody_beside_it_would_expect(servers: Servers, database_name: str) -> None:
    happened.clear()
    days = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        derandomize=not CAMPAIGN,
        report_multiple_bugs=False,
        phases=[phase for phase in Phase if CAMPAIGN or phase is not Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(servers.login_url("asepsis_app", database_name), secret=SECRET, pool_size=2)
        shared = {"runner": runner, "database": database, "owner": owner_url(servers, database_name)}
        try:
            run_state_machine_as_test(type("ClinicDay", (ClinicDay,), shared), settings=days)
        finally:
            runner.run(database.close())
    print(f"\n{EXAMPLES} days of {STEPS} steps: " + ", ".join(f"{kind} {count}" for kind, count in sorted(happened.items())))  # noqa: T201
    assert EXAMPLES < ENOUGH or [kind for kind in KINDS if not happened[kind]] == []


@pytest.mark.usefixtures("choking")
async def test_every_kind_of_step_does_what_it_says(servers: Servers, database_name: str) -> None:
    """One day without chance: what the made-up ones are made of really happens."""
    happened.clear()
    database = Database(servers.login_url("asepsis_app", database_name), secret=SECRET, pool_size=2)
    try:
        clinic = await open_small_clinic(database, await database_now(database))
        day = Day(clinic, happened, Watch(clinic.house))
        await a_plain_day(day)
        await day.come_to_rest()
    finally:
        await database.close()
    assert [kind for kind in KINDS if not happened[kind]] == []


async def a_plain_day(day: Day) -> None:
    for number in range(HANDPIECES):
        await day.reprocess(number)
    for number in range(ROOMS):
        await day.turn_over(number)
    await day.withdraw(0)
    one, other, third = [await day.book_and_prepare(client) for client in (0, 1, 2)]
    assert one is not None
    assert other is not None
    assert third is not None
    assert await day.book(3, one.practitioner, one.room) is None
    await day.start(one, (one.practitioner, one.room, 0, *day.fresh()))
    for _ in range(2):
        await day.start(other, (other.practitioner, other.room, 0, *day.fresh()))
    await day.start(third, (third.practitioner, third.room, 0, *day.fresh()))
    await day.start(third, (third.practitioner, third.room, 1, *day.fresh()))
    await day.end(other, needled=True)
    await day.hold(third.client, poisoned=False)
    await day.hold(one.client, poisoned=False)
    await day.hold(3, poisoned=True)
    await day.lift(0)
    await day.waste(5)
    await day.repeat(0)
    await day.reuse(0)
    for service in ("consent", "treatment", "booking"):
        await day.react(service, 500)
    await day.cancel(one)
