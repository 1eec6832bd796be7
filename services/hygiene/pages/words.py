"""How hygiene's things are called: a short code where there is no name, one look for each state."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from schemas.hygiene import CycleSheet, SterilizerSheet
from schemas.vocabulary import Verdict


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, shape and word together, so that none of them has to be seen."""

    tone: str
    shape: str
    word: str


READY = Look("green", "check", "Ready")
OVERDUE = Look("red", "stop", "Indicator overdue")
OUT = Look("red", "stop", "Out of service")
DUE = Look("amber", "clock", "Due")
SOON = Look("amber", "triangle", "Indicator due")
IN_SERVICE = Look("green", "check", "In service")
INDICATORS = {
    "none": Look("gray", "circle", "No biological indicator"),
    "pending": Look("amber", "clock", "Indicator pending"),
    "negative": Look("green", "check", "Indicator negative"),
    "positive": Look("red", "stop", "Indicator positive"),
    "invalid": Look("red", "square", "Indicator invalid"),
}


def plain(code: str) -> str:
    """A code as people say it."""
    return code.replace("_", " ").capitalize()


def thing(kind: str, identity: UUID) -> str:
    """Rooms have no names: the beginning of their ids is on their labels."""
    return f"{kind} {identity.hex[:4].upper()}"


def day(on: date) -> str:
    """A date as people read it, whatever their country."""
    return f"{on:%a} {on.day} {on:%b %Y}"


def moment(at: datetime | None, zone: ZoneInfo, today: date) -> str:
    """On the clinic's wall; the day only where it is not today's."""
    if at is None:
        return "never"
    there = at.astimezone(zone)
    return f"{there:%H:%M}" if there.date() == today else f"{day(there.date())}, {there:%H:%M}"


def look_of(machine: SterilizerSheet) -> Look:
    """A sterilizer at a glance."""
    if not machine.in_service:
        return OUT
    return {Verdict.UNMET: OVERDUE, Verdict.WARNING: SOON}.get(machine.indicator.verdict, IN_SERVICE)


def unchanged(cycle: CycleSheet) -> list[str]:
    """The chemical indicators that speak against a load."""
    seen = (("outside", cycle.external_indicator), ("inside", cycle.internal_indicator))
    return [f"The chemical indicator {where} did not change." for where, change in seen if change != "changed"]
