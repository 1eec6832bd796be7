"""What a start would break, by a pencil that reads the ledger entry by entry. It asks none of our rules; it shares their names."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from events.catalog.booking import BookingConfirmed, PractitionerCredentialed
from events.catalog.compliance import PolicyPublished
from events.catalog.consent import ClearanceGranted, ConsentSigned, ConsentWithdrawn, ScreeningAnswered
from events.catalog.hygiene import (
    CycleRecorded,
    HandpieceReprocessed,
    LoadReleased,
    LotQuarantined,
    PackQuarantined,
    RecallOpened,
    RoomTurnedOver,
    UnitsLabeled,
)
from events.catalog.recovery import SafetyHoldLifted, SafetyHoldPlaced
from events.catalog.treatment import Equipment, TreatmentEnded, TreatmentStarted
from events.envelope import Entry, Event


@dataclass
class Use:
    """A treatment as far as it stands in somebody's way."""

    client_id: UUID
    practitioner_id: UUID
    equipment: Equipment
    started_at: datetime
    ended_at: datetime | None = None

    @property
    def things(self) -> set[UUID]:
        used = self.equipment
        named = {used.room_id, *used.cartridge_unit_ids, *used.pack_ids, self.client_id, self.practitioner_id}
        return named if used.handpiece_id is None else named | {used.handpiece_id}


@dataclass
class Pencil:
    """What is noted of one clinic."""

    zones: dict[int, tuple[datetime, str]] = field(default_factory=dict)
    clients: dict[UUID, UUID] = field(default_factory=dict)
    practitioners: dict[UUID, UUID] = field(default_factory=dict)
    credentials: dict[UUID, date] = field(default_factory=dict)
    signed: dict[UUID, tuple[UUID, datetime, datetime]] = field(default_factory=dict)
    withdrawn: dict[UUID, datetime] = field(default_factory=dict)
    restrictions: dict[UUID, set[UUID]] = field(default_factory=dict)
    clearances: list[tuple[UUID, datetime]] = field(default_factory=list)
    holds: dict[UUID, UUID] = field(default_factory=dict)
    lots: dict[UUID, UUID] = field(default_factory=dict)
    packs: dict[UUID, tuple[UUID, date]] = field(default_factory=dict)
    released: set[UUID] = field(default_factory=set)
    held: dict[UUID, datetime] = field(default_factory=dict)
    cleaned: defaultdict[UUID, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    treatments: dict[UUID, Use] = field(default_factory=dict)
    used: dict[UUID, UUID] = field(default_factory=dict)
    started: set[UUID] = field(default_factory=set)

    def today(self, at: datetime) -> date:
        """The date on the clinic's wall, by the newest policy that holds at that moment."""
        newest = max(version for version, (effective_at, _) in self.zones.items() if effective_at <= at)
        return at.astimezone(ZoneInfo(self.zones[newest][1])).date()

    def against(self, booking_id: UUID, used: Equipment, at: datetime) -> set[str]:
        """The rules that a start of this booking with these things would break at this moment."""
        client, practitioner = self.clients[booking_id], self.practitioners[booking_id]
        mine = Use(client, practitioner, used, at)
        running = [other for other in self.treatments.values() if other.ended_at is None]
        broken = {
            "booking_must_hold_its_slot": booking_id in self.started,
            "consent_must_cover_areas_and_depth": not self._consents(client, at),
            "clearances_must_be_valid": not self._cleared(client, at),
            "no_safety_hold_may_stand": client in self.holds.values(),
            "practitioner_must_be_credentialed": self.today(at) > self.credentials[practitioner],
            "nothing_named_may_be_taken": any(mine.things & other.things for other in running),
            "room_must_be_turned_over": not self._clean(used.room_id, at),
            "handpiece_must_be_reprocessed": used.handpiece_id is None or not self._clean(used.handpiece_id, at),
            "cartridges_must_be_sterile_and_unused": any(
                unit in self.used or self.lots[unit] in self.held for unit in used.cartridge_unit_ids
            ),
            "packs_must_be_sterile_and_unused": any(self._pack_is_bad(pack, at) for pack in used.pack_ids),
            "sterilizers_must_not_be_in_doubt": any(self.packs[pack][0] in self.held for pack in used.pack_ids),
        }
        return {rule for rule, is_broken in broken.items() if is_broken}

    def _consents(self, client: UUID, at: datetime) -> bool:
        """Any that was signed, is not over, and was not taken back, nor was one signed after it."""
        mine = [(consent, since, until) for consent, (who, since, until) in self.signed.items() if who == client]
        noes = [since for consent, since, _ in mine if consent in self.withdrawn]
        return any(since <= at < until and not any(since <= no for no in noes) for _, since, until in mine)

    def _cleared(self, client: UUID, at: datetime) -> bool:
        good = {restriction for restriction, until in self.clearances if at < until}
        return self.restrictions.get(client, set()) <= good

    def _clean(self, subject: UUID, at: datetime) -> bool:
        """Its newest cleaning came after whatever had it in hand, and after it was held."""
        done = max((when for when in self.cleaned[subject] if when <= at), default=None)
        if done is None or (subject in self.held and done <= self.held[subject]):
            return False
        uses = [one for one in self.treatments.values() if subject in one.things]
        return all((use.ended_at or use.started_at) < done for use in uses)

    def _pack_is_bad(self, pack: UUID, at: datetime) -> bool:
        cycle, until = self.packs[pack]
        return cycle not in self.released or pack in self.held or pack in self.used or self.today(at) > until

    def follow(self, entry: Entry[Event]) -> None:
        """Note down what an entry says."""
        event: Any = entry.event
        match event:
            case TreatmentStarted():
                use = Use(event.client_id, event.practitioner_id, event.equipment, entry.recorded_at)
                self.treatments[event.treatment_id] = use
                self.started.add(event.booking_id)
                self.used |= dict.fromkeys((*event.equipment.cartridge_unit_ids, *event.equipment.pack_ids), event.treatment_id)
            case TreatmentEnded():
                self.treatments[event.treatment_id].ended_at = event.ended_at
            case BookingConfirmed():
                self.clients[event.visit.booking_id] = event.visit.client_id
                self.practitioners[event.visit.booking_id] = event.visit.practitioner_id
            case PractitionerCredentialed():
                self.credentials[event.practitioner_id] = event.valid_until
            case PolicyPublished():
                self.zones[event.policy_version] = (event.effective_at, event.document.clinic.timezone)
            case SafetyHoldPlaced():
                self.holds[event.hold_id] = event.client_id
            case SafetyHoldLifted():
                self.holds.pop(event.hold_id, None)
            case _:
                self._follow_consent(entry, event)
                self._follow_supplies(entry, event)

    def _follow_consent(self, entry: Entry[Event], event: Any) -> None:
        match event:
            case ConsentSigned():
                self.signed[event.consent_id] = (event.client_id, event.signed_at, event.valid_until)
            case ConsentWithdrawn():
                self.withdrawn[event.consent_id] = entry.recorded_at
            case ScreeningAnswered():
                self.restrictions[event.client_id] = {found.restriction_id for found in event.restrictions}
            case ClearanceGranted():
                self.clearances += [(restriction, event.valid_until) for restriction in event.restriction_ids]
            case _:
                pass

    def _follow_supplies(self, entry: Entry[Event], event: Any) -> None:
        match event:
            case UnitsLabeled():
                self.lots |= dict.fromkeys(event.unit_ids, event.lot_id)
            case CycleRecorded():
                self.packs |= {pack.pack_id: (event.cycle_id, pack.sterile_until) for pack in event.packs}
            case LoadReleased():
                self.released.add(event.cycle_id)
            case HandpieceReprocessed():
                self.cleaned[event.handpiece_id].append(min(event.occurred_at, entry.recorded_at))
            case RoomTurnedOver():
                self.cleaned[event.room_id].append(min(event.occurred_at, entry.recorded_at))
            case LotQuarantined():
                self.held[event.lot_id] = entry.recorded_at
            case PackQuarantined():
                self.held |= dict.fromkeys(event.pack_ids, entry.recorded_at)
            case RecallOpened():
                subject = [] if event.kind == "sterilizer" else [event.subject_id]
                self.held |= dict.fromkeys((*subject, *event.cycle_ids, *event.pack_ids), entry.recorded_at)
            case _:
                pass
