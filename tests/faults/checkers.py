"""What must hold after every fault: the product's own seven checkers, and what only the outside remembers.

Each says in sentences what it found wrong; nothing is found wrong in a sound house.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from events.answer import command_event_id
from events.catalog.booking import BookingConfirmed, BookingRequested, ClientArrived, ClientRegistered, CommandRejected
from events.catalog.consent import ConsentRequested, ConsentSigned, ScreeningAnswered
from events.catalog.hygiene import (
    CartridgeOpened,
    CycleRecorded,
    HandpieceReprocessed,
    LoadReleased,
    LotReceived,
    RoomTurnedOver,
    UnitsLabeled,
)
from events.catalog.recovery import CheckinAnswered, CheckinDue
from events.catalog.treatment import TreatmentEnded, TreatmentStarted
from events.checking.check import Checker as ProductsChecker
from events.database import SERVICES
from events.envelope import Event
from tests.faults.evidence import Evidence, Place, gather
from tests.faults.replay import Replay

Checker = Callable[[Evidence], list[str]]


def unsafe_starts(evidence: Evidence) -> list[str]:
    """What stood before each start, read with a pencil: it asks none of our rules, so it finds a rule that is wrong itself."""
    found: list[str] = []
    known = Replay()
    for entry in evidence.entries:
        if isinstance(entry.event, TreatmentStarted):
            found += [f"start at {entry.index}: {reason}" for reason in known.against(entry.event)]
        known.follow(entry.event)
    return found


def answers_out_of_order(evidence: Evidence) -> list[str]:
    """An answer that was given before a question was asked stands before that question's answer."""
    index = {entry.event_id: entry.index for entry in evidence.entries}
    # Who is asked again gets the first answer: only the first time says when it was recorded.
    first = {known.event_id: known for known in reversed(evidence.journal.acknowledged)}
    known = [found for event_id, found in first.items() if event_id in index]
    return [
        f"{later.what} was asked after {earlier.what} was answered, and stands before it"
        for earlier in known
        for later in known
        if earlier.answered_at < later.asked_at and index[earlier.event_id] > index[later.event_id]
    ]


def lost_answers(evidence: Evidence) -> list[str]:
    """Everything acknowledged is in the ledger where it was said to be; every command by stream was answered."""
    recorded = {entry.event_id: entry.index for entry in evidence.entries}
    found = [
        f"{known.what} was acknowledged as {known.event_id} and is not in the ledger at {known.index}"
        for known in evidence.journal.acknowledged
        if known.event_id not in recorded or known.index not in {None, recorded[known.event_id]}
    ]
    system = evidence.place.example.people["system"].identity_id
    answers = {command: command_event_id(evidence.place.example.clinic_id, system, command) for command in evidence.journal.commands}
    published = {event["id"] for _, event in evidence.outward}
    found += [f"command {command} has no answer in the ledger" for command, event_id in answers.items() if event_id not in recorded]
    found += [f"the answer to {command} is not on the stream" for command, event_id in answers.items() if str(event_id) not in published]
    return found


ONCE: dict[type[Event], Callable[[Any], object]] = {
    CommandRejected: lambda event: event.inbox_entry,
    ClientRegistered: lambda event: event.client_id,
    BookingRequested: lambda event: event.visit.booking_id,
    BookingConfirmed: lambda event: event.visit.booking_id,
    ClientArrived: lambda event: event.booking_id,
    ConsentRequested: lambda event: (event.booking_id, event.form_id, event.form_version),
    ConsentSigned: lambda event: event.consent_id,
    ScreeningAnswered: lambda event: event.screening_id,
    LotReceived: lambda event: event.lot_id,
    UnitsLabeled: lambda event: event.lot_id,
    CycleRecorded: lambda event: event.cycle_id,
    LoadReleased: lambda event: event.cycle_id,
    HandpieceReprocessed: lambda event: event.reprocessing_id,
    RoomTurnedOver: lambda event: event.turnover_id,
    TreatmentStarted: lambda event: event.booking_id,
    TreatmentEnded: lambda event: event.treatment_id,
    CartridgeOpened: lambda event: event.unit_id,
    CheckinDue: lambda event: event.checkin_id,
    CheckinAnswered: lambda event: event.checkin_id,
}
"""What happens once, and to what: the morning asks for each of them once. The product cannot know that it did not ask twice."""


def effects_not_exactly_once(evidence: Evidence) -> list[str]:
    """What was asked for once happened once, and every message left once."""
    counts = Counter(
        (type(entry.event).__name__, str(ONCE[type(entry.event)](entry.event))) for entry in evidence.entries if type(entry.event) in ONCE
    )
    doubled = [f"{kind} of {subject} was recorded {count} times" for (kind, subject), count in counts.items() if count > 1]
    return doubled + evidence.unsent + _messages(evidence)


def _messages(evidence: Evidence) -> list[str]:
    """What the provider saw: sent again only under the same id, after an attempt whose end nobody knows."""
    found: list[str] = []
    said: dict[str, dict[str, Any]] = {}
    attempts: set[tuple[str, int]] = set()
    links: dict[str, str] = {}
    for message in evidence.messages:
        number, content = message["attempt"], {name: value for name, value in message.items() if name != "attempt"}
        if (message["message_id"], number) in attempts:
            found.append(f"message {message['message_id']} was sent twice in attempt {number}")
        attempts.add((message["message_id"], number))
        if said.setdefault(message["message_id"], content) != content:
            found.append(f"message {message['message_id']} says two things")
        link = str(message["parameters"])
        if links.setdefault(link, message["message_id"]) != message["message_id"]:
            found.append(f"two messages carry the same link: {message['message_id']} and {links[link]}")
    return found


def unrest(evidence: Evidence) -> list[str]:
    """Everybody came to the end of the ledger, nobody stands still, and the outward stream is the whole ledger's."""
    found = [*evidence.behind, *(f"{pair.service} ({pair.stage}) halted at {pair.bookmark}" for pair in evidence.status.halted)]
    if evidence.unread_commands:
        found.append(f"{evidence.unread_commands} commands wait in the inbox")
    if evidence.outward != evidence.outward_of_ledger:
        there, wanted = ({shown for shown, _ in side} for side in (evidence.outward, evidence.outward_of_ledger))
        found.append(f"the outward stream is not the ledger's: missing {sorted(wanted - there)}, too many {sorted(there - wanted)}")
    return found


CHECKERS: Sequence[Checker] = (unsafe_starts, answers_out_of_order, lost_answers, effects_not_exactly_once, unrest)


async def products_findings(place: Place) -> list[str]:
    """What `asepsis check` says of the clinic, from the beginning."""
    async with ProductsChecker(place.database, SERVICES, place.valkey) as checker:
        checked = await checker.check(place.example.clinic_id)
    unfinished = [] if checked.whole else ["the check did not come to the end"]
    return [str(wrong) for wrong in checked.report.wrongs] + unfinished


async def problems(place: Place, *, dead_letters: int = 0) -> list[str]:
    """Everything that is wrong, once everything has come to rest."""
    evidence = await gather(place)
    found = [f"{checker.__name__}: {sentence}" for checker in CHECKERS for sentence in checker(evidence)]
    letters = sum(evidence.status.dead_letters.values())
    if letters != dead_letters:
        found.append(f"there are {letters} dead letters, not {dead_letters}")
    return found + await products_findings(place)
