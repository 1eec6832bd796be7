"""The ledger read again with a pencil: what stood before each start. It asks none of our rules."""

from collections.abc import Iterator
from uuid import UUID

from events.catalog.booking import ArrivalWithdrawn, BookingCanceled, BookingConfirmed, ClientArrived
from events.catalog.consent import ConsentSigned, ScreeningAnswered
from events.catalog.hygiene import (
    CartridgeWasted,
    CycleRecorded,
    HandpieceReprocessed,
    LoadReleased,
    PackQuarantined,
    RoomTurnedOver,
    UnitsLabeled,
)
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import CartridgeAdded, TreatmentStarted
from events.envelope import Event
from schemas.vocabulary import Verdict


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
            case ArrivalWithdrawn():
                self.arrived.discard(event.booking_id)
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
