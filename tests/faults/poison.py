"""Row: entries that a service cannot work. One pair of service and clinic stands still, the operator is told, nobody else waits."""

import asyncio
import contextlib
import io
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from events import ledger
from events.attempts import DIED, MOST_ATTEMPTS
from events.catalog.compliance import RecordViewed
from events.database import SERVICES
from events.embedded import Servers
from events.envelope import Entry, Event
from events.projection import projection_of
from events.streams import reactions_of
from events.transaction import Transaction, aside, transaction
from schemas.compliance import GrantAccess, RecordView
from schemas.vocabulary import Actor
from services.__main__ import _parser
from services.admin import COMMANDS, OPERATOR
from services.compliance.commands import grant_access, record_viewed
from services.opening import decide
from services.operations import Standing, status_of
from tests.conftest import load_services
from tests.faults.checkers import products_findings
from tests.faults.process import Program
from tests.faults.row import Row
from tests.faults.stage import Stage, furnished_once, set_up
from tests.faults.tally import Tally
from tests.servers import start

FAILING = {"projected": "a projector that always fails", "reacted": "a reaction that always fails"}
KILLING = {"projected": "a projector that kills its process", "reacted": "a reaction that kills its process"}
UNKNOWN = "an unknown type of event"
KINDS = (*FAILING.values(), *KILLING.values(), UNKNOWN)
KILLED = 99
LAG_SECONDS = 2.0
PATIENCE_SECONDS = 90.0
TOMORROW = "thing.of_tomorrow"


@dataclass(frozen=True)
class Case:
    """What goes wrong, and where. An unknown type goes wrong everywhere."""

    kind: str
    service: str
    stage: str = "projected"

    @property
    def mark(self) -> str:
        """What the poison entry says."""
        return f"{'kills' if self.kind in KILLING.values() else 'fails'}.{self.service}.{self.stage}"


def cases(rng: Random, times: int) -> list[Case]:
    """One of each kind in turn, until every kind has gone wrong in every service, and again."""
    found: list[Case] = []
    while len(found) < times:
        columns = [[Case(kind, service, stage) for service in SERVICES] for kinds in (FAILING, KILLING) for stage, kind in kinds.items()]
        columns.append([Case(UNKNOWN, service) for service in SERVICES])
        for column in columns:
            rng.shuffle(column)
        found += [case for case in chain.from_iterable(zip_longest(*columns)) if case is not None]
    return found[:times]


def _spoil(mark: str, question: str) -> None:
    if question == f"fails.{mark}":
        message = "poison"
        raise ValueError(message)
    if question == f"kills.{mark}":
        os._exit(KILLED)


def plant(mended: tuple[str, ...], known: int) -> None:
    """In the new process: every projector and reaction chokes on the entry that is meant for it, but for the mended ones.

    So many types of tomorrow are known already.
    """
    load_services()
    for service in SERVICES:
        if f"{service}.projected" not in mended:

            async def project(_rows: Any, entry: Entry[RecordViewed], mark: str = f"{service}.projected") -> None:
                _spoil(mark, entry.event.question)

            projection_of(service)(RecordViewed)(project)

        async def react(_tx: Transaction, entry: Entry[RecordViewed], mark: str = f"{service}.reacted") -> None:
            _spoil(mark, entry.event.question)

        reactions_of(service)(RecordViewed)(react)
    for number in range(known):
        type(f"Tomorrow{number}", (Event,), {"__doc__": "A class that an upgrade brings."}, type=f"{TOMORROW}_{number}")


class Ward:
    """A program with poisoned projectors and reactions, the clinics they choke on, and one clinic that must not notice."""

    def __init__(self, stage: Stage, program: Program, tally: Tally) -> None:
        self.stage, (self.poisoned, *self._unread) = stage, stage.others
        self.program = program
        self.tally = tally
        self.usual = 0.0
        self._mended: tuple[str, ...] = ()
        self._known = 0

    async def upgrade(self) -> None:
        """Another program takes over."""
        self.program.order = replace(self.program.order, mischief=partial(plant, self._mended, self._known))
        pid = self.program.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def record(self, clinic: Stage, question: str, by: str = "compliance") -> int:
        """Record an entry that nobody here has to do anything about; returns its index."""
        auditor = clinic.example.people["auditor"]
        actor = Actor(identity_id=auditor.identity_id, role=auditor.role)
        async with transaction(self.stage.database, clinic.example.clinic_id, by, actor, f"asked-{uuid4()}") as tx:
            return (await tx.once(record_viewed, RecordView(question=question, answers=1))).entry.index

    async def until(self, what: str, met: Callable[[list[Standing]], object], clinic: Stage | None = None) -> bool:
        """Wait for the standings of a clinic (the poisoned one) to be so."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        wanted = (clinic or self.poisoned).example.clinic_id
        while True:
            standings = [one for one in (await status_of(self.stage.database)).standings if one.clinic_id == wanted]
            if met(standings):
                return True
            if time.monotonic() > deadline:
                self.tally.wrong(f"{what}: not within {PATIENCE_SECONDS:.0f} s: {standings}")
                return False
            await asyncio.sleep(0.05)

    async def lag(self) -> float:
        """How long the other clinic's entry takes to be worked by everybody."""
        began = time.monotonic()
        index = await self.record(self.stage, "fine")
        await self.until("the other clinic", lambda standings: all(one.bookmark > index for one in standings), self.stage)
        return time.monotonic() - began

    async def others_go_on(self, case: Case) -> None:
        """While one stands still, nobody else waits: two seconds, or what this machine needs anyway where it is slower."""
        lag = await self.lag()
        self.tally.counts["longest lag of another clinic, ms"] = max(
            self.tally.counts["longest lag of another clinic, ms"], round(lag * 1000)
        )
        if lag > max(LAG_SECONDS, 3 * self.usual):
            self.tally.wrong(f"{case}: another clinic waited {lag:.1f} s, and {self.usual:.1f} s before")

    async def asepsis(self, *words: object) -> tuple[int, str]:
        """The operator's command line: exit code, and what it said."""
        arguments = _parser().parse_args([str(word) for word in words])
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = await COMMANDS[arguments.command](arguments)
        return code, said.getvalue()


async def _halts(ward: Ward, case: Case) -> bool:
    """It stands still after five attempts, is told of, and passes when two persons say so or another program comes."""
    clinic, deaths = ward.poisoned.example.clinic_id, len(ward.program.deaths)
    index = await ward.record(ward.poisoned, case.mark, "booking" if case.service == "compliance" else "compliance")

    def standing(standings: list[Standing]) -> Standing:
        return next(one for one in standings if (one.service, one.stage) == (case.service, case.stage))

    def halted(standings: list[Standing]) -> bool:
        one = standing(standings)
        return one.halted_at is not None and one.bookmark == index and (one.attempts or 0) >= MOST_ATTEMPTS

    if not await ward.until(f"{case} halts", halted):
        return False
    killing = case.kind in KILLING.values()
    died = ward.program.deaths[deaths:]
    # Once among others, where nobody knows yet which of them it was; five times alone.
    if set(died) != ({KILLED} if killing else set()) or len(died) > MOST_ATTEMPTS + 1:
        ward.tally.wrong(f"{case}: the program died {died}")
    await ward.program.ready()
    await ward.others_go_on(case)
    code, said = await ward.asepsis("status")
    error = DIED if killing else "ValueError"
    if code != 1 or f"HALTED  {case.service} ({case.stage}) of clinic {clinic} stands still" not in said or error not in said:
        ward.tally.wrong(f"{case}: asepsis status says {said}")
    await _pass(ward, case, index)
    return await ward.until(f"{case} goes on", lambda standings: all(one.bookmark > index and one.halted_at is None for one in standings))


async def _pass(ward: Ward, case: Case, index: int) -> None:
    people = ward.poisoned.example.people
    words = ["skip", "--clinic", ward.poisoned.example.clinic_id, "--service", case.service, "--stage", case.stage]
    words += ["--index", index, "--reason", "poison"]
    alone = await ward.asepsis(*words, "--approver", people["manager"].identity_id)
    if alone[0] == 0:
        ward.tally.wrong(f"{case}: one person was enough to skip")
    approvers = [word for name in ("manager", "clinician") for word in ("--approver", people[name].identity_id)]
    code, said = await ward.asepsis(*words, *approvers)
    ward.tally.counted("skips")
    if code != 0:
        ward.tally.wrong(f"{case}: asepsis skip says {said}")


async def _append_unread(ward: Ward, clinic: UUID, versioned: str) -> int:
    """What a newer program would append."""
    async with aside(ward.stage.database, clinic, "booking") as rows:
        await rows.execute(text("select pg_advisory_xact_lock(hashtextextended(:clinic, 0))"), {"clinic": str(clinic)})
        at = await ledger.head(rows, clinic)
        assert at is not None
        actor = {"identity_id": str(uuid4()), "role": "service"}
        body = json.dumps({"actor": actor, "causation": {"id": "c", "correlation": None}, "policy": None, "data": {}}).encode()
        return (await ledger.append(rows, clinic, at, uuid4(), versioned, body)).index


async def _waits(ward: Ward, case: Case) -> bool:
    """Everybody waits before a type that is not known yet, blames nobody, and goes on when the upgrade has come."""
    clinic = ward._unread.pop()
    versioned = f"{TOMORROW}_{ward._known}.v1"
    await ward.record(clinic, "fine")
    index = await _append_unread(ward, clinic.example.clinic_id, versioned)

    def wait(standings: list[Standing]) -> bool:
        projecting = [one for one in standings if one.stage == "projected"]
        return all(one.bookmark == index and versioned in (one.error or "") for one in projecting)

    met = await ward.until(f"{case} waits", wait, clinic)
    await ward.others_go_on(case)
    if any(one.halted_at is not None for one in (await status_of(ward.stage.database)).standings):
        ward.tally.wrong(f"{case}: somebody was blamed for it")
    ward._known += 1
    await ward.upgrade()
    return met and await ward.until(
        f"{case} goes on", lambda standings: all(one.bookmark > index and not one.halted_at for one in standings), clinic
    )


@contextlib.contextmanager
def _environment(stage: Stage) -> Iterator[None]:
    """The operator's settings."""
    settings = stage.order.settings
    wanted = {
        "ASEPSIS_DATABASE_URL": settings.database_url,
        "ASEPSIS_MIGRATION_URL": stage.owner_url,
        "ASEPSIS_REDIS_URL": settings.redis_url,
        "ASEPSIS_SECRET": settings.secret.decode(),
    }
    kept = dict(os.environ)
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


@asynccontextmanager
async def _ward(place: Path, servers: Servers, unread: int, tally: Tally) -> AsyncIterator[Ward]:
    async with furnished_once(servers, plain=unread + 1) as (name, examples), set_up(place, servers, name, examples) as stage:
        poisoned = stage.others[0].example
        for person in (poisoned.people[name] for name in ("manager", "clinician", "auditor")):
            grant = GrantAccess(identity_id=person.identity_id, role=person.role)
            await decide(stage.database, poisoned.clinic_id, OPERATOR, grant_access, grant, f"grant.{person.role}")
        with _environment(stage):
            async with stage.program(order=replace(stage.order, mischief=partial(plant, (), 0))) as program:
                yield Ward(stage, program, tally)


async def run(directory: Path, rng: Random, times: int, tally: Tally) -> None:
    """One case after the other in one installation."""
    wanted = cases(rng, times)
    with start(directory / "servers") as servers:
        async with _ward(directory, servers, sum(case.kind == UNKNOWN for case in wanted), tally) as ward:
            await ward.lag()
            ward.usual = await ward.lag()
            for case in wanted:
                happened = await (_waits if case.kind == UNKNOWN else _halts)(ward, case)
                if happened:
                    tally.injected(case.kind)
            found = [*await ward.stage.problems(), *await products_findings(ward.poisoned.place())]
            if found:
                tally.wrong("\n".join(["at the end:", *found]))


ROW = Row("poison", "entries that a service cannot work", KINDS, len(KINDS), len(KINDS) * len(SERVICES), run, brief=0)
