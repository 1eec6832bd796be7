"""What every screen calls things alike: looks, codes, ids without a name, days, depths, and the clinic's wall."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.vocabulary import Area, Visit


class Look(NamedTuple):
    """Colour, shape and word together, so that none of them has to be seen."""

    tone: str
    shape: str
    word: str


def plain(code: str) -> str:
    """A code as people say it."""
    return code.replace("_", " ").replace(".", " ").capitalize()


def thing(kind: str, identity: UUID | None) -> str:
    """Rooms and handpieces have no names: the beginning of their ids is on their labels, and stays when another one is added."""
    return f"{kind} {identity.hex[:4].upper()}" if identity else f"no {kind.lower()}"


def day(on: date) -> str:
    """A date as people read it, whatever their country."""
    return f"{on:%a} {on.day} {on:%b %Y}"


def millimeters(micrometers: int) -> str:
    """A depth as it is read on the handpiece."""
    return f"{micrometers / 1000:g} mm"


def areas_of(areas: Iterable[Area | str]) -> str:
    """Areas in a line."""
    return ", ".join(str(area).replace("_", " ") for area in areas)


def what_of(visit: Visit) -> str:
    """What a client comes for, in a line."""
    depth = millimeters(visit.depth_um) if visit.depth_um else ""
    return " · ".join(part for part in (plain(visit.visit_type), areas_of(visit.areas), depth) if part)


@dataclass(frozen=True, slots=True)
class Wall:
    """The clock on the clinic's wall, and what its staff is called."""

    zone: ZoneInfo
    people: dict[UUID, str]

    def person(self, identity: UUID) -> str:
        """A practitioner's name."""
        return self.people.get(identity) or thing("Practitioner", identity)

    def time(self, at: datetime) -> str:
        """The time of the day."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def day_of(self, at: datetime) -> date:
        """The local day."""
        return at.astimezone(self.zone).date()

    def day(self, at: datetime) -> str:
        """The local day, as people read it."""
        return day(self.day_of(at))

    def day_and_time(self, at: datetime) -> str:
        """The time with its day."""
        return f"{self.day(at)}, {self.time(at)}"

    def span(self, visit: Visit) -> str:
        """From when until when."""
        return f"{self.time(visit.starts_at)}–{self.time(visit.ends_at)}"
