"""The clock door: `@every(seconds=…, due=…)`. Due work is listed across clinics without locks, then looked at again.

Two replicas do nothing twice: the ids of what a run records come from (service, job, subject, due instant), and the
run looks again under the clinic's lock.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from sqlalchemy import text

from events import ledger
from events.database import Database, is_passing
from events.faults import reach
from events.transaction import Transaction, aside, transaction
from schemas.vocabulary import Actor, Role

log = logging.getLogger(__name__)

MOST_DUE = 500

Act = Callable[[Transaction, UUID], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """What is done when the clock says so. `due` names an SQL function (at, most) → (clinic_id, subject, due_at)."""

    service: str
    name: str
    seconds: int
    due: str
    act: Act


_jobs: dict[str, list[Job]] = {}


def service_actor(service: str) -> Actor:
    """A service acting by itself, in reactions and jobs."""
    return Actor(identity_id=uuid5(UUID(int=0), f"service:{service}"), role=Role.SERVICE)


class Clock:
    """The jobs of one service."""

    def __init__(self, service: str) -> None:
        self.service = service

    def __call__(self, *, seconds: int, due: str) -> Callable[[Act], Act]:
        """Register a job that looks every `seconds` for subjects that are due."""

        def register(act: Act) -> Act:
            _jobs.setdefault(self.service, []).append(Job(self.service, act.__name__, seconds, due, act))
            return act

        return register


def jobs_of(service: str) -> list[Job]:
    """The service's jobs."""
    return _jobs.get(service, [])


@dataclass(frozen=True, slots=True)
class Due:
    clinic_id: UUID
    subject: UUID
    due_at: datetime


async def due_now(database: Database, job: Job) -> list[Due]:
    """What is due, in every clinic, ordered by clinic. Ids only."""
    async with aside(database, None, job.service) as rows:
        query = text(f"select clinic_id, subject, due_at from {job.due}(clock_timestamp(), :most) order by 1, 3")  # noqa: S608 - a name from our own code
        return [Due(*row) for row in (await rows.execute(query, {"most": MOST_DUE})).all()]


async def run_job(database: Database, job: Job) -> int:
    """Do what is due now; returns how many subjects were worked. One subject's failure does not stop another's."""
    try:
        due = await due_now(database, job)
    except Exception as failure:
        if not is_passing(failure):
            raise
        log.debug("%s.%s waits for the database", job.service, job.name)
        return 0
    worked = 0
    if due:
        reach("clock.listed")
    for found in due:
        try:
            await _act(database, job, found)
            worked += 1
        except Exception as failure:
            if is_passing(failure):
                log.warning("%s.%s waits for clinic %s", job.service, job.name, found.clinic_id)
            else:
                log.exception("%s.%s failed for %s of %s; it is tried again", job.service, job.name, found.subject, found.clinic_id)
    return worked


async def _act(database: Database, job: Job, found: Due) -> None:
    occasion = f"{job.service}\x1f{job.name}\x1f{found.subject}\x1f{found.due_at.isoformat()}"
    event_id = uuid5(found.clinic_id, occasion)
    cause = f"{job.service}.{job.name}"
    async with transaction(database, found.clinic_id, job.service, service_actor(job.service), cause, event_id=event_id) as tx:
        first = uuid5(event_id, "1")
        if await ledger.entry_by_id(tx.rows, found.clinic_id, first) is None:
            await job.act(tx, found.subject)
            reach("clock.acting")
    reach("clock.acted")
