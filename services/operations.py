"""Health, metrics, the feed of outward events, the descriptions: what every process offers beside its services."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from asyncpg import InsufficientPrivilegeError
from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CollectorRegistry, Gauge, generate_latest
from pydantic import BaseModel, Field
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events.checking.kept import Known, kept_checks
from events.database import Database
from events.epochs import epochs_of
from events.outward import outward_after, parse_id
from events.relay import SERVICE as RELAY
from events.transaction import aside
from services.asyncapi import describe
from services.door import Asking, may, problem, unmet

routes = APIRouter(tags=["operations"])

MOST_EVENTS = 500


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a service is in a clinic, and whether it stands still."""

    clinic_id: UUID
    service: str
    stage: str
    size: int
    bookmark: int
    attempts: int | None
    error: str | None
    halted_at: datetime | None

    @property
    def lag(self) -> int:
        """Entries not yet worked."""
        return self.size - self.bookmark


@dataclass(frozen=True, slots=True)
class Status:
    """Everything `asepsis status` shows."""

    standings: list[Standing]
    dead_letters: dict[str, int]
    checks: list[Known] = field(default_factory=list)

    @property
    def halted(self) -> list[Standing]:
        """Pairs of service and clinic that wait for a person."""
        return [found for found in self.standings if found.halted_at is not None]

    @property
    def unsound(self) -> list[Known]:
        """Clinics whose newest check has found something."""
        return [known for known in self.checks if known.found]


async def status_of(database: Database, part: str = RELAY) -> Status:
    """Lags, halted pairs, dead letters: ids and sizes, across clinics. `part`: as which of them; a login of its own is no other one."""
    async with aside(database, None, part) as rows:
        standings = [Standing(*row) for row in (await rows.execute(text("select * from ledger.status()"))).all()]
        letters = (await rows.execute(text("select * from machinery.dead_letter_counts()"))).all()
        checks = await kept_checks(rows)
    return Status(standings, {f"{clinic_id}/{system}": count for clinic_id, system, count in letters}, checks)


async def status_in(database: Database, clinic_id: UUID) -> Status | None:
    """The same of one clinic, for its own people. None where this process has a login of its own, which may not ask for others."""
    try:
        status = await status_of(database)
    except DBAPIError as refused:
        if isinstance(refused.orig, InsufficientPrivilegeError):
            return None
        raise
    return Status(
        [found for found in status.standings if found.clinic_id == clinic_id],
        {name: count for name, count in status.dead_letters.items() if name.startswith(f"{clinic_id}/")},
        [known for known in status.checks if known.clinic_id == clinic_id],
    )


class Health(BaseModel):
    """Whether this process can do its work."""

    ready: bool
    database: bool
    redis: bool
    deaf: list[str] = Field(description="Subscriptions that do not run.")
    halted: list[str] = Field(description="Services that stand still in a clinic: see `asepsis status`.")
    unsound: list[UUID] = Field(description="Clinics in which a check found something that must not be: see `asepsis check`.")


@routes.get("/", summary="What is here", include_in_schema=False)
async def here() -> dict[str, str]:
    """The way on, for who has only the address."""
    return {"name": "asepsis", "openapi": "/openapi.json", "asyncapi": "/asyncapi.json", "health": "/health/ready", "metrics": "/metrics"}


@routes.get("/health/live", summary="The process runs")
async def live() -> dict[str, bool]:
    return {"live": True}


@routes.get("/health/ready", summary="The process can do its work", responses={503: {"model": Health}})
async def ready(request: Request, response: Response) -> Health:
    """Ready means: the record can be read and written. Without Redis, starts still go on; then `redis` is false."""
    house = request.app.state.house
    deaf = [*house.wakeups.deaf, *(house.inboxes.deaf if house.inboxes is not None else [])]
    try:
        status = await status_of(house.database, house.settings.parts[0])
    except (DBAPIError, OSError, TimeoutError):
        response.status_code = 503
        return Health(ready=False, database=False, redis=house.connected and not deaf, deaf=deaf, halted=[], unsound=[])
    halted = [f"{found.service}:{found.stage}@{found.clinic_id}" for found in status.halted]
    unsound = sorted({known.clinic_id for known in status.unsound})
    return Health(ready=True, database=True, redis=house.connected and not deaf, deaf=deaf, halted=halted, unsound=unsound)


@routes.get("/metrics", summary="Prometheus metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    registry = CollectorRegistry()
    house = request.app.state.house
    status = await status_of(house.database, house.settings.parts[0])
    lag = Gauge("asepsis_lag_entries", "Entries not yet worked, the worst clinic.", ["service", "stage"], registry=registry)
    halted = Gauge("asepsis_halted_pairs", "Pairs of service and clinic that stand still.", ["service", "stage"], registry=registry)
    entries = Gauge("asepsis_ledger_entries", "Entries of all clinics.", registry=registry)
    letters = Gauge("asepsis_dead_letters", "Inbox entries that were not understood.", registry=registry)
    wrong = Gauge("asepsis_check_findings", "What the newest checks found that must not be.", registry=registry)
    age = Gauge("asepsis_check_age_seconds", "Since the oldest of the clinics' newest checks.", registry=registry)
    wrong.set(sum(known.found for known in status.checks))
    age.set(max((known.age_seconds for known in status.checks), default=0))
    worst: dict[tuple[str, str], int] = {}
    still: dict[tuple[str, str], int] = {}
    for found in status.standings:
        key = (found.service, found.stage)
        worst[key] = max(worst.get(key, 0), found.lag)
        still[key] = still.get(key, 0) + (found.halted_at is not None)
    for (service, stage), value in worst.items():
        lag.labels(service, stage).set(value)
        halted.labels(service, stage).set(still[service, stage])
    entries.set(sum({found.clinic_id: found.size for found in status.standings}.values()))
    letters.set(sum(status.dead_letters.values()))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")


@routes.get("/clinics/{clinic}/events", summary="Outward events from the ledger", response_class=Response)
async def events(
    ask: Annotated[Asking, may("read_events")],
    after: Annotated[str, Query(pattern=r"^[0-9]{1,9}-[0-9]{1,15}$", description="The id of the last event you have, or 0-0.")] = "0-0",
    limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 100,
) -> Response:
    """The same CloudEvents as on the clinic's stream, any older or missing part, one JSON array."""
    epoch, size = parse_id(after)
    async with ask.reading("booking") as view:
        found: list[bytes] = []
        for known in await epochs_of(view.rows, ask.clinic):
            if known.number >= epoch and len(found) < limit:
                begin = size if known.number == epoch else 0
                found += await outward_after(view.rows, ask.clinic, known.number, begin, limit - len(found))
    return Response(
        b"[" + b",".join(found) + b"]", media_type="application/cloudevents-batch+json", headers={"Ledger-Size": str(view.size)}
    )


@routes.get("/asyncapi.json", summary="The streams, described", include_in_schema=False)
async def asyncapi() -> dict[str, Any]:
    return describe()


@routes.get("/clinics/{clinic}/dead-letters", summary="Inbox entries that were not understood")
async def dead_letters(ask: Annotated[Asking, may("view_dead_letters")]) -> list[dict[str, Any]]:
    """Whole, because somebody must mend them: role manager, 30 days."""
    async with ask.reading("booking") as view:
        query = text(
            "select system, inbox_entry, fields, reasons, received_at from machinery.dead_letters"
            " where clinic_id = :clinic order by received_at desc limit 200"
        )
        return [dict(row) for row in (await view.rows.execute(query, {"clinic": ask.clinic})).mappings()]


def not_found(what: str) -> Exception:
    """A 404 for something that is not in this clinic."""
    return problem(404, "not_found", "Not found", unmet("record_must_exist", what=what))
