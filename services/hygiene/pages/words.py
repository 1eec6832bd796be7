"""How hygiene's things look: one look for each state, and what speaks against a load."""

from datetime import date, datetime

from schemas.hygiene import CycleSheet, LotSheet, RecallSheet, SterilizerSheet
from schemas.vocabulary import Verdict
from services.hygiene.queries import PackFound
from services.screens.words import Look, Wall

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

HELD = Look("red", "stop", "Held")
EXPIRED = Look("red", "square", "Expired")
IN_STOCK = Look("green", "check", "In stock")
USED_UP = Look("gray", "circle", "Used up")
USED = Look("gray", "circle", "Used")
MAY_BE_USED = Look("green", "check", "May be used")
NOT_RELEASED = Look("amber", "clock", "Not released")
DECISIONS = {
    "pending": Look("amber", "clock", "Must be decided"),
    "confirmed": Look("red", "stop", "Confirmed"),
    "released": Look("green", "check", "Released"),
}


def moment(at: datetime | None, wall: Wall, today: date) -> str:
    """On the clinic's wall; the day only where it is not today's."""
    if at is None:
        return "never"
    return wall.time(at) if wall.day_of(at) == today else wall.day_and_time(at)


def look_of(machine: SterilizerSheet) -> Look:
    """A sterilizer at a glance."""
    if not machine.in_service:
        return OUT
    return {Verdict.UNMET: OVERDUE, Verdict.WARNING: SOON}.get(machine.indicator.verdict, IN_SERVICE)


def unchanged(cycle: CycleSheet) -> list[str]:
    """The chemical indicators that speak against a load."""
    seen = (("outside", cycle.external_indicator), ("inside", cycle.internal_indicator))
    return [f"The chemical indicator {where} did not change." for where, change in seen if change != "changed"]


def lot_look(lot: LotSheet, today: date) -> Look:
    """A lot at a glance: what speaks against its use first."""
    if lot.quarantined is not None:
        return HELD
    if lot.on_hand <= 0:
        return USED_UP
    return EXPIRED if lot.expires_on < today else IN_STOCK


def pack_look(pack: PackFound, today: date) -> Look:
    """A pack at a glance."""
    if pack.used:
        return USED
    if pack.quarantined is not None:
        return HELD
    if pack.sterile_until < today:
        return EXPIRED
    return MAY_BE_USED if pack.released else NOT_RELEASED


def recall_look(recall: RecallSheet) -> Look:
    """How far a recall has come."""
    return DECISIONS[recall.decision]
