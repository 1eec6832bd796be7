"""How treatments are shown: one look for each state, and words for what codes, times and ids say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.policy import Policy
from schemas.vocabulary import Area, AreaDepth, Instant, Visit
from services.treatment.queries import Sitting


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, shape and word together, so that none of them has to be seen."""

    tone: str
    shape: str
    word: str


STOP = Look("red", "stop", "Stop")
RUNNING = Look("violet", "play", "In treatment")
PAUSED = Look("amber", "pause", "Paused")
END_MISSING = Look("red", "clock", "End missing")
ENDED = Look("gray", "flag", "Done")
HERE = Look("green", "check", "Here")
EXPECTED = Look("blue", "circle", "Expected")
CONFLICT = Look("red", "stop", "Conflict")
CANCELED = Look("gray", "square", "Canceled")
STATES = {"running": RUNNING, "paused": PAUSED, "ended": ENDED, "recorded_late": ENDED}


@dataclass(frozen=True, slots=True)
class Words:
    """What is called how in one clinic."""

    policy: Policy | None
    people: dict[UUID, str]

    @property
    def zone(self) -> ZoneInfo:
        """The clinic's own; before there is a policy nobody knows it."""
        return ZoneInfo(self.policy.clinic.timezone if self.policy else "UTC")

    def person(self, identity: UUID) -> str:
        """A practitioner's name."""
        return self.people.get(identity) or thing("Practitioner", identity)

    def time(self, at: Instant) -> str:
        """On the clinic's wall."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def day_of(self, at: Instant) -> date:
        """The local day."""
        return at.astimezone(self.zone).date()

    def day_and_time(self, at: Instant) -> str:
        """With its day."""
        return f"{day(self.day_of(at))}, {self.time(at)}"

    def span(self, visit: Visit) -> str:
        """From when until when."""
        return f"{self.time(visit.starts_at)}–{self.time(visit.ends_at)}"


def look_of(sitting: Sitting) -> Look:
    """A sitting at a glance: the most urgent first."""
    if sitting.stop_advised:
        return STOP
    if sitting.end_missing:
        return END_MISSING
    if sitting.treatment_state is not None:
        return STATES[sitting.treatment_state]
    if sitting.booking_state in {"canceled", "conflicted"}:
        return CANCELED if sitting.booking_state == "canceled" else CONFLICT
    return HERE if sitting.came_at else EXPECTED


def plain(code: str) -> str:
    """A code as people say it."""
    return code.replace("_", " ").capitalize()


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


def depths_of(depths: Iterable[AreaDepth]) -> str:
    """How deep, by area."""
    return ", ".join(f"{plain(depth.area)} {millimeters(depth.depth_um)}" for depth in depths)


def thing(kind: str, identity: UUID | None) -> str:
    """Rooms and handpieces have no names: the beginning of their ids is on their labels."""
    return f"{kind} {identity.hex[:4].upper()}" if identity else f"no {kind.lower()}"


def day(on: date) -> str:
    """A date as people read it, whatever their country."""
    return f"{on:%a} {on.day} {on:%b %Y}"


def minutes_since(at: datetime, now: datetime) -> int:
    """Whole minutes."""
    return max(0, int((now - at).total_seconds() // 60))
