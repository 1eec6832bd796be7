"""The indicator calendar: twelve months of each sterilizer, to show and to print; and the lots that expire first."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from schemas.hygiene import DayOfCycles, IndicatorYear, SterilizerYear
from services.door import Asking, may
from services.hygiene import queries
from services.screens.frame import page
from services.screens.names import held
from services.screens.words import Look, day, thing

routes = APIRouter(prefix="/clinics/{clinic}/hygiene/calendar", include_in_schema=False)

LOOKS = {
    "positive": (Look("red", "stop", "FAIL"), "Biological indicator failed: spores grew"),
    "missing": (Look("red", "triangle", "MISS"), "A load ran, and the biological indicator was missing for too long"),
    "chemical": (Look("red", "square", "CHEM"), "A chemical indicator did not change"),
    "invalid": (Look("amber", "square", "VOID"), "Biological indicator void: the control did not grow"),
    "mechanical": (Look("amber", "triangle", "MECH"), "A cycle did not reach time and temperature"),
    "pending": (Look("blue", "clock", "wait"), "Biological indicator ran, not read yet"),
    "negative": (Look("green", "check", "pass"), "Biological indicator passed"),
    "cycles": (Look("gray", "circle", "run"), "Cycles ran, no biological indicator was due"),
    "out": (Look("violet", "flag", "out"), "Out of service"),
}
"""What a day is shown as, worst first; and the legend."""

ALARMING = ("positive", "missing", "chemical", "invalid", "mechanical")


@dataclass(frozen=True, slots=True)
class Cell:
    """A day of the calendar."""

    look: Look
    said: str
    cycles: int


@dataclass(frozen=True, slots=True)
class Suspect:
    """A day that an inspector asks about."""

    on: str
    look: Look
    said: str
    cycles: list[tuple[str, UUID]]


def kinds_of(found: DayOfCycles) -> list[str]:
    """Everything that is to be said of a day, worst first."""
    holds = {
        "positive": found.biological == "positive",
        "missing": found.missing,
        "chemical": found.chemical_failures,
        "invalid": found.biological == "invalid",
        "mechanical": found.mechanical_failures,
        "pending": found.biological == "pending",
        "negative": found.biological == "negative",
        "cycles": found.cycles > 0,
        "out": found.out_of_service,
    }
    said = [kind for kind in LOOKS if holds[kind]]
    return said if said[0] == "cycles" else [kind for kind in said if kind != "cycles"]


def in_words(found: DayOfCycles) -> str:
    """The same as a sentence."""
    return f"{'. '.join(LOOKS[kind][1] for kind in kinds_of(found))}."


def _cell(found: DayOfCycles) -> Cell:
    return Cell(LOOKS[kinds_of(found)[0]][0], in_words(found), found.cycles)


def _months(year: IndicatorYear, machine: SterilizerYear) -> list[tuple[str, list[Cell | None]]]:
    """A row for each month with a cell for each of its days until today; none where nothing is to be said."""
    days = {found.on: found for found in machine.days}
    rows: list[tuple[str, list[Cell | None]]] = []
    first = year.first
    while first <= year.last:
        length = monthrange(first.year, first.month)[1]
        passed = max(0, min(length, (year.today - first).days + 1))
        cells = [_cell(days[on]) if (on := first.replace(day=number)) in days else None for number in range(1, passed + 1)]
        rows.append((f"{first:%b %Y}", cells))
        first += timedelta(days=length)
    return rows


def _suspects(machine: SterilizerYear) -> list[Suspect]:
    """The days with something wrong, the newest first."""
    return [
        Suspect(day(found.on), LOOKS[kinds_of(found)[0]][0], in_words(found), [(thing("Cycle", cycle), cycle) for cycle in found.suspects])
        for found in reversed(machine.days)
        if kinds_of(found)[0] in ALARMING
    ]


@routes.get("")
async def calendar(
    ask: Annotated[Asking, may("view_hygiene")],
    request: Request,
    ending: Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", description="The last month.")] = None,
) -> Response:
    """Twelve months, the last of them `ending`, or this one."""
    async with ask.reading("hygiene") as view:
        year = await queries.indicator_year(view, None if ending is None else date.fromisoformat(f"{ending}-01"))
    record = any(screen.path == "record" for screen in request.app.state.menu) and held(request, "ask_record")["ask_record"]
    later = year.last + timedelta(days=360)
    return page(
        request,
        "hygiene/calendar.html",
        clinic=ask.clinic,
        actor=ask.actor,
        year=year,
        machines=[(machine, _months(year, machine), _suspects(machine)) for machine in year.sterilizers],
        legend=LOOKS.values(),
        span=f"{year.first:%b %Y} – {year.last:%b %Y}",
        day=day,
        earlier=f"{year.first - timedelta(days=1):%Y-%m}",
        later=f"{min(later, year.today):%Y-%m}" if year.last < year.today else None,
        record=f"/clinics/{ask.clinic}/record" if record else None,
    )
