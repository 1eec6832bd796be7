"""How treatments are shown: one look for each state, and words for what codes, times and ids say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from schemas.policy import Policy
from schemas.vocabulary import AreaDepth
from services.screens.languages import language
from services.screens.words import Look, Wall, millimeters, plain
from services.treatment.queries import SaidNo, Sitting

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
class Words(Wall):
    """What is called how in one clinic, and the rules in force, if there are any."""

    policy: Policy | None

    def no(self, said: SaidNo) -> str:
        """A client's no to a consent."""
        return f"The client said no on {self.day_and_time(said.at)} ({language(said.language)}, version {said.form_version})."


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


def depths_of(depths: Iterable[AreaDepth]) -> str:
    """How deep, by area."""
    return ", ".join(f"{plain(depth.area)} {millimeters(depth.depth_um)}" for depth in depths)


def minutes_since(at: datetime, now: datetime) -> int:
    """Whole minutes."""
    return max(0, int((now - at).total_seconds() // 60))
