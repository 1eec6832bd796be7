"""What must hold after every fault. Each checker says in sentences what it found wrong; nothing is found wrong in a sound house."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
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
from events.chain import first_break
from events.database import SERVICES
from events.envelope import Event
from events.rebuild import rebuild_service
from tests.faults.evidence import EPOCH, Evidence, Place, gather
from tests.faults.replay import Replay

Checker = Callable[[Evidence], list[str]]


def unsafe_starts(evidence: Evidence) -> list[str]:
    """Replay the ledger: what stood before each start, and what its certificate says."""
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


def breaks_of_the_chain(evidence: Evidence) -> list[str]:
    """Dense, chained, time never decreasing."""
    broken = first_break(evidence.entries, evidence.place.example.clinic_id, EPOCH)
    return [] if broken is None else [f"the chain breaks at {broken.index}: {broken.reason}"]


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
"""What happens once, and to what. The morning asks for each of them once."""


def effects_not_exactly_once(evidence: Evidence) -> list[str]:
    """Nothing doubled, and nothing owed left undone."""
    counts = Counter(
        (type(entry.event).__name__, str(ONCE[type(entry.event)](entry.event))) for entry in evidence.entries if type(entry.event) in ONCE
    )
    found = [f"{kind} of {subject} was recorded {count} times" for (kind, subject), count in counts.items() if count > 1]
    starts = [entry.event for entry in evidence.said("treatment.started")]
    signed = {entry.event.client_id for entry in evidence.said("consent.signed")}
    unsigned = [entry.event.visit for entry in evidence.said("booking.confirmed") if entry.event.visit.client_id not in signed]
    owed: list[tuple[str, object, set[Any]]] = [
        ("cartridge.opened", unit, {entry.event.unit_id for entry in evidence.said("cartridge.opened")})
        for start in starts
        for unit in start.equipment.cartridge_unit_ids
    ]
    asked = {entry.event.booking_id for entry in evidence.said("consent.requested")}
    owed += [("consent.requested", visit.booking_id, asked) for visit in unsigned]
    checked = {entry.event.treatment_id for entry in evidence.said("checkin.due")}
    owed += [("checkin.due", entry.event.treatment_id, checked) for entry in evidence.said("treatment.ended")]
    return found + [f"{kind} of {subject} is missing" for kind, subject, done in owed if subject not in done] + _messages(evidence)


def _messages(evidence: Evidence) -> list[str]:
    """One message for each check-in; sent again only under the same id, after an attempt whose end nobody knows."""
    found: list[str] = list(evidence.unsent)
    written = [row for row in evidence.outbox if row["template"] == "checkin_due"]
    due = evidence.said("checkin.due")
    if len(written) != len(due):
        found.append(f"{len(written)} messages were written for {len(due)} check-ins")
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


def contradictions_of_bookmarks_and_streams(evidence: Evidence) -> list[str]:
    """Everybody came to the end of the ledger, nobody stands still, and the outward stream is the ledger's."""
    found = [*evidence.behind, *(f"{pair.service} ({pair.stage}) halted at {pair.bookmark}" for pair in evidence.status.halted)]
    if evidence.unread_commands:
        found.append(f"{evidence.unread_commands} commands wait in the inbox")
    if evidence.outward != evidence.outward_of_ledger:
        there, wanted = ({shown for shown, _ in side} for side in (evidence.outward, evidence.outward_of_ledger))
        found.append(f"the outward stream is not the ledger's: missing {sorted(wanted - there)}, too many {sorted(there - wanted)}")
    found += [
        f"{later[0]} on the outward stream does not name {earlier[0]} as the one before"
        for earlier, later in pairwise(evidence.outward)
        if later[1].get("previous") != earlier[0]
    ]
    return found


CHECKERS: Sequence[Checker] = (
    unsafe_starts,
    answers_out_of_order,
    lost_answers,
    breaks_of_the_chain,
    effects_not_exactly_once,
    contradictions_of_bookmarks_and_streams,
)


async def tables_unlike_the_ledger(place: Place) -> list[str]:
    """Every service's projection, made again from the ledger, row for row."""
    return [
        difference
        for service in SERVICES
        for compared in await rebuild_service(place.database, service)
        for difference in compared.differences
    ]


async def problems(place: Place, *, dead_letters: int = 0) -> list[str]:
    """Everything that is wrong, once everything has come to rest."""
    evidence = await gather(place)
    found = [f"{checker.__name__}: {sentence}" for checker in CHECKERS for sentence in checker(evidence)]
    letters = sum(evidence.status.dead_letters.values())
    if letters != dead_letters:
        found.append(f"there are {letters} dead letters, not {dead_letters}")
    return found + [f"tables_unlike_the_ledger: {sentence}" for sentence in await tables_unlike_the_ledger(place)]
