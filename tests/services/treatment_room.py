"""A room where everything is ready for one client: facts of all services, given to the ledger."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from events.catalog.booking import BookingConfirmed, ClientArrived, ClientRegistered, PractitionerCredentialed
from events.catalog.consent import ConsentSigned, FormPublished, ScreeningAnswered
from events.catalog.hygiene import (
    CycleRecorded,
    HandpieceCommissioned,
    HandpieceReprocessed,
    LabeledPack,
    LoadReleased,
    LotReceived,
    RoomTurnedOver,
    SterilizerCommissioned,
    UnitsLabeled,
)
from events.catalog.treatment import SkinCleansed, TreatmentStarted
from events.transaction import Answer
from schemas.policy import default_policy, screening_digest
from schemas.treatment import EndNote, OpenedPack, StartRequest
from schemas.vocabulary import AgeBand, Area, AreaDepth, Finding, Modality, Restriction, Role, Verdict, Visit, VisitType
from services.treatment.commands import start_treatment
from tests.conftest import House, actor

GTIN = "04012345678901"
DIGEST = "a" * 64
DAY = timedelta(days=1)


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


@dataclass
class Room:
    """Ids of one client's visit, and the words to prepare and start it."""

    house: House
    now: datetime
    client_id: UUID = field(default_factory=uuid4)
    booking_id: UUID = field(default_factory=uuid4)
    practitioner_id: UUID = field(default_factory=uuid4)
    room_id: UUID = field(default_factory=uuid4)
    handpiece_id: UUID = field(default_factory=uuid4)
    lot_id: UUID = field(default_factory=uuid4)
    unit_id: UUID = field(default_factory=uuid4)
    spare_unit_id: UUID = field(default_factory=uuid4)
    pack_id: UUID = field(default_factory=uuid4)
    cycle_id: UUID = field(default_factory=uuid4)
    sterilizer_id: UUID = field(default_factory=uuid4)
    consent_id: UUID = field(default_factory=uuid4)
    form_id: UUID = field(default_factory=uuid4)
    reprocessing_id: UUID = field(default_factory=uuid4)
    turnover_id: UUID = field(default_factory=uuid4)

    @property
    def by(self) -> Any:
        return actor(Role.PRACTITIONER, self.practitioner_id)

    def visit(self, **changes: Any) -> Visit:
        booked = Visit(
            booking_id=self.booking_id,
            client_id=self.client_id,
            practitioner_id=self.practitioner_id,
            room_id=self.room_id,
            device_id=self.handpiece_id,
            starts_at=self.now - minutes(5),
            ends_at=self.now + minutes(55),
            visit_type=VisitType.TREATMENT,
            modality=Modality.MICRONEEDLING,
            areas=(Area.CHEEKS,),
            depth_um=1000,
        )
        return booked.model_copy(update=changes)

    async def book(self, **changes: Any) -> None:
        known = ClientRegistered(client_id=self.client_id, commitment=DIGEST, contactable=True)
        credential = PractitionerCredentialed(
            practitioner_id=self.practitioner_id,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=1500,
            valid_until=(self.now + DAY).date(),
        )
        await self.house.given("booking", known, credential, BookingConfirmed(visit=self.visit(**changes)))

    async def arrive(self, **changes: Any) -> None:
        arrived = ClientArrived(
            booking_id=self.booking_id,
            client_id=self.client_id,
            identity_confirmed=True,
            age_band=AgeBand.FROM_22,
            contactable=True,
        )
        await self.house.given("booking", arrived.model_copy(update=changes))

    async def screen(self, *restrictions: Restriction) -> None:
        answered = ScreeningAnswered(
            screening_id=uuid4(),
            client_id=self.client_id,
            extent="full",
            answered_at=self.now - minutes(60),
            policy_digest=screening_digest(default_policy()),
            restrictions=restrictions,
            commitment=DIGEST,
        )
        await self.house.given("consent", answered)

    async def sign(self, **changes: Any) -> None:
        form = FormPublished(
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
        signed = ConsentSigned(
            consent_id=self.consent_id,
            client_id=self.client_id,
            form_id=self.form_id,
            form_version=1,
            language="en",
            text_digest=DIGEST,
            modality=Modality.MICRONEEDLING,
            areas=(Area.CHEEKS, Area.FOREHEAD),
            max_depth_um=1500,
            explained_by=self.practitioner_id,
            signed_at=self.now - minutes(60),
            valid_until=self.now + 100 * DAY,
            commitment=DIGEST,
        )
        await self.house.given("consent", form, signed.model_copy(update=changes))

    def reprocessed(self, **changes: Any) -> HandpieceReprocessed:
        done = HandpieceReprocessed(
            reprocessing_id=self.reprocessing_id,
            handpiece_id=self.handpiece_id,
            product="wipe",
            wet_seconds=120,
            label_seconds=120,
            occurred_at=self.now - minutes(30),
        )
        return done.model_copy(update=changes)

    def turned_over(self, **changes: Any) -> RoomTurnedOver:
        done = RoomTurnedOver(
            turnover_id=self.turnover_id,
            room_id=self.room_id,
            product="wipe",
            wet_seconds=120,
            label_seconds=120,
            occurred_at=self.now - minutes(30),
        )
        return done.model_copy(update=changes)

    async def equip(self) -> None:
        handpiece = HandpieceCommissioned(
            handpiece_id=self.handpiece_id,
            serial=f"SN{self.handpiece_id.hex[:8]}",
            modality=Modality.MICRONEEDLING,
            fits_gtins=(GTIN,),
            max_depth_um=2500,
        )
        lot = LotReceived(
            lot_id=self.lot_id,
            gtin=GTIN,
            lot="L1",
            expires_on=(self.now + 100 * DAY).date(),
            quantity=20,
            source="scan",
            occurred_at=self.now - DAY,
        )
        units = UnitsLabeled(lot_id=self.lot_id, unit_ids=(self.unit_id, self.spare_unit_id))
        await self.house.given("hygiene", handpiece, self.reprocessed(), self.turned_over(), lot, units)
        await self.house.given("hygiene", *self.load())

    def load(self) -> tuple[Any, ...]:
        sterilizer = SterilizerCommissioned(
            sterilizer_id=self.sterilizer_id, serial="ST1", air_removal="dynamic", programs=("wrapped_134",)
        )
        cycle = CycleRecorded(
            cycle_id=self.cycle_id,
            sterilizer_id=self.sterilizer_id,
            cycle_number=1,
            program="wrapped_134",
            started_at=self.now - 2 * DAY,
            ended_at=self.now - 2 * DAY + minutes(40),
            plateau_seconds=240,
            lowest_mc=134_100,
            highest_mc=136_000,
            sample_count=240,
            samples_digest=DIGEST,
            external_indicator="changed",
            internal_indicator="changed",
            mechanical="passed",
            findings=(),
            packs=(LabeledPack(pack_id=self.pack_id, contents="forceps", sterile_until=(self.now + 90 * DAY).date()),),
            occurred_at=self.now - 2 * DAY,
        )
        released = LoadReleased(
            cycle_id=self.cycle_id,
            sterilizer_id=self.sterilizer_id,
            basis="bi_negative",
            findings=(),
            occurred_at=self.now - DAY,
        )
        return sterilizer, cycle, released

    async def cleanse(self) -> None:
        cleansed = SkinCleansed(
            booking_id=self.booking_id, client_id=self.client_id, product="chlorhexidine", occurred_at=await self.house.now()
        )
        await self.house.given("treatment", cleansed)

    async def ready(self) -> "Room":
        """Everything the gate asks for."""
        await self.equip()
        await self.visit_ready()
        return self

    async def visit_ready(self, **changes: Any) -> None:
        """What belongs to the client; rooms and items may be shared with another."""
        await self.book(**changes)
        await self.arrive()
        await self.screen()
        await self.sign()
        await self.cleanse()

    def request(self, **changes: Any) -> StartRequest:
        start = StartRequest(
            booking_id=self.booking_id,
            room_id=self.room_id,
            handpiece_id=self.handpiece_id,
            cartridge_unit_ids=(self.unit_id,),
            packs=(OpenedPack(pack_id=self.pack_id, indicator_changed=True, intact=True),),
        )
        return start.model_copy(update=changes)

    async def start(self, command_id: str | None = None, **changes: Any) -> Answer[Any]:
        return await self.house.doing("treatment", start_treatment, self.request(**changes), by=self.by, command_id=command_id)


async def a_room(house: House, **ids: Any) -> Room:
    return Room(house, await house.now(), **ids)


def unmet(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule for finding in findings if finding.verdict is Verdict.UNMET}


CLEAN = {"skin_cleansed": True, "sharps_disposed": True, "aftercare_given": True}


async def running(house: House) -> tuple[Room, TreatmentStarted]:
    room = await (await a_room(house)).ready()
    started = (await room.start()).event
    assert isinstance(started, TreatmentStarted), unmet(started.findings)
    return room, started


def touched(*depths: tuple[Area, int], **changes: bool) -> EndNote:
    charted = tuple(AreaDepth(area=area, depth_um=um) for area, um in depths)
    return EndNote.model_validate({"needle_contact": bool(depths), "depths": charted} | CLEAN | changes)
