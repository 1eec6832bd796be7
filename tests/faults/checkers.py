"""What must hold after every fault. Each checker says in sentences what it found wrong; nothing is found wrong in a sound house."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any
from uuid import UUID

from events.catalog.booking import BookingCanceled, BookingConfirmed, BookingRequested, ClientArrived, ClientRegistered
from events.catalog.consent import ConsentRequested, ConsentSigned, ScreeningAnswered
from events.catalog.hygiene import (
    CartridgeOpened,
    CartridgeWasted,
    CycleRecorded,
    HandpieceReprocessed,
    LoadReleased,
    LotReceived,
    PackQuarantined,
    RoomTurnedOver,
    UnitsLabeled,
)
from events.catalog.recovery import CheckinAnswered, CheckinDue, SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import CartridgeAdded, TreatmentEnded, TreatmentStarted
from events.chain import first_break
from events.envelope import Entry, Event
from events.transaction import command_event_id
from schemas.vocabulary import Verdict
from tests.faults.evidence import EPOCH, Evidence, Place, gather

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


class Replay:
    """What a person with the ledger, a pencil and no program of ours would note down while reading it."""

    def __init__(self) -> None:
        self.booked: dict[UUID, UUID] = {}
        self.arrived: set[UUID] = set()
        self.signed: set[UUID] = set()
        self.screened: set[UUID] = set()
        self.held: set[UUID] = set()
        self.units: set[UUID] = set()
        self.packs: dict[UUID, tuple[UUID, ...]] = {}
        self.sterile: set[UUID] = set()
        self.reprocessed: set[UUID] = set()
        self.turned_over: set[UUID] = set()
        self.started: set[UUID] = set()

    def against(self, start: TreatmentStarted) -> Iterator[str]:
        """Everything that speaks against this start."""
        for finding in start.findings:
            if finding.verdict is Verdict.UNMET:
                yield f"its certificate says that {finding.rule} is not met"
        used = start.equipment
        expected: list[tuple[bool, str]] = [
            (self.booked.get(start.booking_id) == start.client_id, "the booking is not this client's"),
            (start.booking_id in self.arrived, "nobody had confirmed who the client is"),
            (start.client_id in self.signed, "the client had not signed"),
            (start.client_id in self.screened, "the client had not been asked about their health"),
            (start.client_id not in self.held, "a safety hold stood"),
            (set(used.cartridge_unit_ids) <= self.units, "a cartridge had no lot, or was used before"),
            (set(used.pack_ids) <= self.sterile, "a pack was not sterile, or was used before"),
            (used.handpiece_id in self.reprocessed, "the handpiece had not been reprocessed since its last use"),
            (used.room_id in self.turned_over, "the room had not been turned over since its last use"),
            (start.booking_id not in self.started, "the booking had been started before"),
        ]
        yield from (reason for holds, reason in expected if not holds)

    def follow(self, event: Event) -> None:
        """Note down what an entry says."""
        match event:
            case BookingConfirmed(visit=visit):
                self.booked[visit.booking_id] = visit.client_id
            case BookingCanceled():
                self.booked.pop(event.booking_id, None)
            case ClientArrived(identity_confirmed=True):
                self.arrived.add(event.booking_id)
            case ConsentSigned():
                self.signed.add(event.client_id)
            case ScreeningAnswered():
                self.screened.add(event.client_id)
            case SafetyHoldPlaced():
                self.held.add(event.client_id)
            case SafetyHoldLifted():
                self.held.discard(event.client_id)
            case TreatmentStarted():
                self._use(event)
            case _:
                self._follow_supplies(event)

    def _follow_supplies(self, event: Event) -> None:
        match event:
            case UnitsLabeled():
                self.units |= set(event.unit_ids)
            case CartridgeWasted() | CartridgeAdded():
                self.units.discard(event.unit_id)
            case CycleRecorded():
                self.packs[event.cycle_id] = tuple(pack.pack_id for pack in event.packs)
            case LoadReleased():
                self.sterile |= set(self.packs[event.cycle_id])
            case PackQuarantined():
                self.sterile -= set(event.pack_ids)
            case HandpieceReprocessed():
                self.reprocessed.add(event.handpiece_id)
            case RoomTurnedOver():
                self.turned_over.add(event.room_id)
            case _:
                pass

    def _use(self, start: TreatmentStarted) -> None:
        """One reprocessing, one turnover, one cartridge, one pack: one start."""
        self.started.add(start.booking_id)
        self.units -= set(start.equipment.cartridge_unit_ids)
        self.sterile -= set(start.equipment.pack_ids)
        self.reprocessed -= {start.equipment.handpiece_id}
        self.turned_over.discard(start.equipment.room_id)


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
    """Dense, chained, time never decreasing; policy and epoch as they were."""
    broken = first_break(evidence.entries, evidence.place.example.clinic_id, EPOCH)
    return [] if broken is None else [f"the chain breaks at {broken.index}: {broken.reason}"]


ONCE: dict[type[Event], Callable[[Any], object]] = {
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


def _messages(evidence: Evidence) -> Iterator[str] | list[str]:
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
    return []


async def problems(place: Place, *, dead_letters: int = 0) -> list[str]:
    """Everything that is wrong, once everything has come to rest."""
    evidence = await gather(place)
    found = [f"{checker.__name__}: {sentence}" for checker in CHECKERS for sentence in checker(evidence)]
    letters = sum(evidence.status.dead_letters.values())
    if letters != dead_letters:
        found.append(f"there are {letters} dead letters, not {dead_letters}")
    return found + [f"tables_unlike_the_ledger: {sentence}" for sentence in await tables_unlike_the_ledger(place)]


