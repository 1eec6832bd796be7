"""Slots to choose from, and times that were typed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from events.transaction import View
from schemas.booking import SlotSearch
from schemas.policy import local_instants
from schemas.vocabulary import Opening, within_reach
from services.booking import queries
from services.booking.pages.words import Words
from services.door import ProblemError, problem, unmet
from services.screens.forms import Fields, wrong
from services.screens.words import thing

MOST_SHOWN = 24
AHEAD_DAYS = 14
"""Where the wanted day has no slot, how far the next ones are looked for."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One that can be pressed."""

    opening: Opening
    words: str


def slots_of(words: Words, openings: Iterable[Opening]) -> tuple[Slot, ...]:
    """Openings as they are read."""
    return tuple(
        Slot(found, f"{words.day_and_time(found.starts_at)} · {words.person(found.practitioner_id)} · {thing('Room', found.room_id)}")
        for found in openings
    )


async def searched(view: View, words: Words, search: SlotSearch) -> tuple[tuple[Slot, ...], list[str]]:
    """The free slots of a day, else the next ones; and if there are none at all, why."""
    found = await queries.find_slots(view, search)
    if not found.slots:
        found = await queries.find_slots(view, search.model_copy(update={"days": AHEAD_DAYS}))
    # Spread over the day rather than its first hours: a client wants a time, not the next one.
    step = -(-len(found.slots) // MOST_SHOWN) or 1
    why = [finding.reason for finding in found.findings]
    if not found.slots and found.earliest_ok is not None:
        why.append(f"The skin may be treated again from {words.day_and_time(found.earliest_ok)} on.")
    return slots_of(words, found.slots[::step]), why


async def said_time(view: View, sent: Fields, length: timedelta) -> dict[str, Any]:
    """A day and time on the clinic's wall as moments; nothing if none was typed. Raises for a time that does not exist, or twice."""
    day, time = sent.one("day"), sent.one("time")
    if day is None or time is None:
        return {}
    known = await queries.load_policy(view.rows, view.clinic_id, view.now)
    try:
        wall = within_reach(datetime.fromisoformat(f"{day}T{time}"))
        instants = local_instants(known.policy, wall.replace(tzinfo=None)) if known else ()
    except ValueError as unreadable:
        raise wrong("time", "This is no day and time.") from unreadable
    if len(instants) != 1:
        raise problem(422, "input", "Input not understood", unmet("time_must_exist_once", time=wall.strftime("%H:%M")))
    return {"starts_at": instants[0], "ends_at": instants[0] + length, **sent.given("practitioner_id", "room_id")}


def was_refused(error: ProblemError) -> bool:
    """Whether the command was decided and refused; anything else is no answer to show beside a booking, least of all "not allowed"."""
    return error.problem.event is not None
