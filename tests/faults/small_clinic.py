"""A clinic small enough to be known whole: what a person would expect of it, and the real commands beside that.

`Known` is the model. It is written from the policy's sentences and shares nothing with the gate but the names of its rules.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from events.catalog.booking import ClientRegistered, PractitionerCredentialed, ResourceAdded
from events.catalog.compliance import AccessGranted
from events.catalog.consent import ConsentSigned, FormPublished, ScreeningAnswered
from events.catalog.hygiene import (
    CycleRecorded,
    HandpieceCommissioned,
    LabeledPack,
    LoadReleased,
    LotReceived,
    SterilizerCommissioned,
    UnitsLabeled,
)
from events.database import Database
from events.transaction import Answer
from schemas.booking import ClientRegistration
from schemas.policy import Policy, policy_from_toml, screening_digest
from schemas.vocabulary import Actor, Area, Modality, Role
from services.booking.commands import register_client
from services.example import ZONES
from tests.conftest import House, actor, open_house

CLIENTS, PRACTITIONERS, ROOMS, HANDPIECES, UNITS, PACKS = 5, 5, 5, 2, 6, 6
GTIN = "04012345678901"
DIGEST = "a" * 64
DAY = timedelta(days=1)


@dataclass
class Seat:
    """A booking, and how far it came."""

    booking_id: UUID
    client: int
    practitioner: int
    room: int
    live: bool = True
    arrived: bool = False
    cleansed: bool = False
    start: UUID | None = None
    treatment_id: UUID | None = None
    open: bool = False
    used: tuple[int, int, int, int, int] = (-1, -1, -1, -1, -1)


@dataclass
class Known:
    """What somebody remembers who stood beside it all day."""

    seats: list[Seat] = field(default_factory=list)
    signed: dict[int, UUID] = field(default_factory=dict)
    holds: dict[UUID, int] = field(default_factory=dict)
    clean_handpieces: set[int] = field(default_factory=set)
    clean_rooms: set[int] = field(default_factory=set)
    units: set[int] = field(default_factory=lambda: set(range(UNITS)))
    packs: set[int] = field(default_factory=lambda: set(range(PACKS)))
    treated: set[int] = field(default_factory=set)

    def against(self, seat: Seat, used: tuple[int, int, int, int, int]) -> set[str]:
        """The rules that this start would break."""
        _, room, handpiece, unit, pack = used
        running = [other for other in self.seats if other.open]
        taken = any(other.client == seat.client or any(a == b for a, b in zip(other.used, used, strict=True)) for other in running)
        open_clients = {other.client for other in running}
        broken = {
            "booking_must_hold_its_slot": not seat.live,
            "identity_must_be_confirmed": not seat.arrived,
            "age_must_be_allowed": not seat.arrived,
            "client_must_be_contactable": not seat.arrived,
            "skin_must_be_cleansed": not seat.cleansed,
            "consent_must_cover_areas_and_depth": seat.client not in self.signed,
            "no_safety_hold_may_stand": seat.client in self.holds.values(),
            "handpiece_must_be_reprocessed": handpiece not in self.clean_handpieces,
            "room_must_be_turned_over": room not in self.clean_rooms,
            "cartridges_must_be_sterile_and_unused": unit not in self.units,
            "packs_must_be_sterile_and_unused": pack not in self.packs,
            "spacing_must_have_passed": seat.client in self.treated | open_clients,
            "nothing_named_may_be_taken": taken,
        }
        return {rule for rule, is_broken in broken.items() if is_broken}

    def use(self, seat: Seat, used: tuple[int, int, int, int, int]) -> None:
        """One reprocessing, one turnover, one cartridge, one pack: one start."""
        _, room, handpiece, unit, pack = seat.used = used
        seat.open = True
        self.clean_handpieces.discard(handpiece)
        self.clean_rooms.discard(room)
        self.units.discard(unit)
        self.packs.discard(pack)

    def end(self, seat: Seat, *, needled: bool) -> None:
        """What was cleaned while it ran was cleaned too early."""
        seat.open = False
        self.clean_rooms.discard(seat.used[1])
        self.clean_handpieces.discard(seat.used[2])
        if needled:
            self.treated.add(seat.client)


@dataclass(frozen=True)
class Given:
    """A command as it was given, and the entry that answered it."""

    service: str
    command: Callable[..., Awaitable[Answer[Any]]]
    request: BaseModel
    by: Actor
    command_id: str
    answer: UUID


def ids(count: int) -> list[UUID]:
    return [uuid4() for _ in range(count)]


@dataclass
class SmallClinic:
    """The clinic itself: ids of everything, and what is known of it."""

    house: House
    policy: Policy
    now: datetime
    known: Known = field(default_factory=Known)
    history: list[Given] = field(default_factory=list)
    clients: list[UUID] = field(default_factory=lambda: ids(CLIENTS))
    practitioners: list[UUID] = field(default_factory=lambda: ids(PRACTITIONERS))
    rooms: list[UUID] = field(default_factory=lambda: ids(ROOMS))
    handpieces: list[UUID] = field(default_factory=lambda: ids(HANDPIECES))
    units: list[UUID] = field(default_factory=lambda: ids(UNITS))
    packs: list[UUID] = field(default_factory=lambda: ids(PACKS))
    managers: list[UUID] = field(default_factory=lambda: ids(2))
    form_id: UUID = field(default_factory=uuid4)
    poison: dict[UUID, UUID] = field(default_factory=dict)
    skipped: set[UUID] = field(default_factory=set)

    @property
    def clinic_id(self) -> UUID:
        return self.house.clinic_id

    async def give(self, service: str, command: Any, request: BaseModel, by: Actor | None = None) -> Answer[Any]:
        """Give a command under a new id, and remember it."""
        who, command_id = by or actor(), str(uuid4())
        answer: Answer[Any] = await self.house.doing(service, command, request, by=who, command_id=command_id)
        if not answer.repeated:
            self.history.append(Given(service, command, request, who, command_id, answer.entry.event_id))
        return answer

    async def furnish(self) -> None:
        """Everything that was there before the day began. Clients are registered for real: the desk compares who comes."""
        people = [
            PractitionerCredentialed(
                practitioner_id=practitioner,
                role=Role.PRACTITIONER,
                modalities=(Modality.MICRONEEDLING,),
                max_depth_um=1500,
                valid_until=(self.now + DAY).date(),
            )
            for practitioner in self.practitioners
        ]
        rooms = [ResourceAdded(resource_id=room, kind="room", turnover_minutes=0) for room in self.rooms]
        await self.house.given("booking", *people, *rooms)
        for number, client in enumerate(self.clients):
            named = ClientRegistration.model_validate(
                {
                    "client_id": client,
                    "given_name": f"C{number}",
                    "family_name": "Kok",
                    "date_of_birth": "1990-01-01",
                    "phone": "+31201234567",
                }
            )
            registered = await self.give("booking", register_client, named)
            assert isinstance(registered.event, ClientRegistered)
        managers = [AccessGranted(identity_id=manager, role=Role.MANAGER) for manager in self.managers]
        await self.house.given("compliance", *managers)
        await self.house.given("consent", self._form(), *(self._screening(client) for client in self.clients))
        await self.house.given("hygiene", *self._supplies())
        await self.sign(*range(CLIENTS))

    async def sign(self, *clients: int) -> None:
        """Signatures as consent records them; the sheets themselves are not what is tried here."""
        signed = [self._signature(self.clients[client]) for client in clients]
        await self.house.given("consent", *signed)
        self.known.signed |= {client: signature.consent_id for client, signature in zip(clients, signed, strict=True)}

    def _signature(self, client_id: UUID) -> ConsentSigned:
        return ConsentSigned(
            consent_id=uuid4(),
            client_id=client_id,
            form_id=self.form_id,
            form_version=1,
            language="en",
            text_digest=DIGEST,
            modality=Modality.MICRONEEDLING,
            areas=(Area.CHEEKS,),
            max_depth_um=1500,
            explained_by=self.practitioners[0],
            signed_at=self.now - timedelta(hours=1),
            valid_until=self.now + 100 * DAY,
            commitment=DIGEST,
        )

    def _form(self) -> FormPublished:
        return FormPublished(
            form_id=self.form_id,
            form_version=1,
            language="en",
            text_digest=DIGEST,
            material=True,
            modality=Modality.MICRONEEDLING,
            areas=(Area.FULL_FACE,),
            max_depth_um=1500,
            valid_days=180,
        )

    def _screening(self, client: UUID) -> ScreeningAnswered:
        return ScreeningAnswered(
            screening_id=uuid4(),
            client_id=client,
            extent="full",
            answered_at=self.now - timedelta(hours=1),
            policy_digest=screening_digest(self.policy),
            restrictions=(),
            commitment=DIGEST,
        )

    def _supplies(self) -> tuple[Any, ...]:
        lot, cycle, sterilizer, before = uuid4(), uuid4(), uuid4(), self.now - 2 * DAY
        packs = [LabeledPack(pack_id=pack, contents="forceps", sterile_until=(self.now + 90 * DAY).date()) for pack in self.packs]
        device = {"modality": Modality.MICRONEEDLING, "fits_gtins": (GTIN,), "max_depth_um": 2500}
        return (
            *(HandpieceCommissioned.model_validate({"handpiece_id": pen, "serial": pen.hex[:8], **device}) for pen in self.handpieces),
            LotReceived(
                lot_id=lot, gtin=GTIN, lot="L1", expires_on=(self.now + 100 * DAY).date(), quantity=20, source="scan", occurred_at=before
            ),
            UnitsLabeled(lot_id=lot, unit_ids=tuple(self.units)),
            SterilizerCommissioned(sterilizer_id=sterilizer, serial="ST1", air_removal="dynamic", programs=("wrapped_134",)),
            CycleRecorded(
                cycle_id=cycle,
                sterilizer_id=sterilizer,
                cycle_number=1,
                program="wrapped_134",
                started_at=before,
                ended_at=before + timedelta(minutes=40),
                plateau_seconds=240,
                lowest_mc=134_100,
                highest_mc=136_000,
                sample_count=240,
                samples_digest=DIGEST,
                external_indicator="changed",
                internal_indicator="changed",
                mechanical="passed",
                findings=(),
                packs=tuple(packs),
                occurred_at=before,
            ),
            LoadReleased(cycle_id=cycle, sterilizer_id=sterilizer, basis="bi_negative", findings=(), occurred_at=before + DAY),
        )


async def open_small_clinic(database: Database, now: datetime) -> SmallClinic:
    """Always open, in a time zone where no midnight is near."""
    zone = next(zone for zone in ZONES if 2 <= now.astimezone(ZoneInfo(zone)).hour <= 20)
    text = files("services").joinpath("example_policy.toml").read_text(encoding="utf-8")
    policy = policy_from_toml(text + f'\n[clinic]\ntimezone = "{zone}"\n')
    clinic = SmallClinic(await open_house(database, policy), policy, now)
    await clinic.furnish()
    return clinic
