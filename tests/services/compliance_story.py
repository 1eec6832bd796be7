"""A clinic with one load, one lot and treatments, told as facts; and the two questions asked of it."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from events.catalog.booking import BookingConfirmed, ClientArrived, PractitionerCredentialed
from events.catalog.consent import ConsentSigned, FormPublished, ScreeningAnswered
from events.catalog.hygiene import (
    CartridgeOpened,
    CycleRecorded,
    HandpieceCommissioned,
    HandpieceReprocessed,
    LabeledPack,
    LoadReleased,
    LotReceived,
    RoomTurnedOver,
    SterilizerCommissioned,
)
from events.catalog.treatment import Equipment, SkinCleansed, TreatmentStarted
from events.transaction import View, transaction
from schemas.compliance import Part, Touched, TouchedQuestion, TouchedTreatment, TreatmentRecord
from schemas.vocabulary import Actor, AgeBand, Area, Modality, Role, Visit
from services.compliance.queries import behind_treatment, touched_by, touched_page
from tests.conftest import House

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
DIGEST = "a" * 64


@dataclass(frozen=True)
class Things:
    """One sterilizer with a load of three packs, one lot, and the rest of a treatment room."""

    sterilizer: UUID
    cycle: UUID
    packs: tuple[UUID, UUID, UUID]
    lot: UUID
    handpiece: UUID
    room: UUID
    practitioner: UUID
    form: UUID


def cycle_recorded(cycle: UUID, sterilizer: UUID, packs: tuple[UUID, ...], *, at: datetime = NOON) -> CycleRecorded:
    return CycleRecorded(
        cycle_id=cycle,
        sterilizer_id=sterilizer,
        cycle_number=7,
        program="b134",
        started_at=at,
        ended_at=at + timedelta(minutes=40),
        plateau_seconds=250,
        lowest_mc=134_100,
        highest_mc=135_000,
        sample_count=250,
        samples_digest=DIGEST,
        external_indicator="changed",
        internal_indicator="changed",
        mechanical="passed",
        findings=(),
        packs=tuple(LabeledPack(pack_id=pack, contents="forceps", sterile_until=date(2027, 5, 1)) for pack in packs),
        occurred_at=at,
    )


async def furnished(house: House) -> Things:
    made = Things(uuid4(), uuid4(), (uuid4(), uuid4(), uuid4()), uuid4(), uuid4(), uuid4(), uuid4(), uuid4())
    await house.given(
        "hygiene",
        SterilizerCommissioned(sterilizer_id=made.sterilizer, serial="ST-1", air_removal="prevac", programs=("b134",)),
        cycle_recorded(made.cycle, made.sterilizer, made.packs),
        LoadReleased(cycle_id=made.cycle, sterilizer_id=made.sterilizer, basis="bi_pending", findings=(), occurred_at=NOON),
        LotReceived(
            lot_id=made.lot, gtin="09506000134352", lot="L1", expires_on=date(2028, 1, 1), quantity=20, source="scan", occurred_at=NOON
        ),
        HandpieceCommissioned(
            handpiece_id=made.handpiece, serial="HP-1", modality=Modality.MICRONEEDLING, fits_gtins=("09506000134352",), max_depth_um=2500
        ),
    )
    await house.given(
        "booking",
        PractitionerCredentialed(
            practitioner_id=made.practitioner,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=1500,
            valid_until=date(2027, 1, 1),
        ),
    )
    await house.given(
        "consent",
        FormPublished(
            form_id=made.form,
            form_version=3,
            language="nl",
            text_digest=DIGEST,
            material=True,
            modality=Modality.MICRONEEDLING,
            areas=(Area.CHEEKS,),
            max_depth_um=1500,
            valid_days=180,
        ),
    )
    return made


@dataclass(frozen=True)
class Treated:
    treatment: UUID
    client: UUID
    booking: UUID
    consent: UUID
    unit: UUID


async def treat(house: House, things: Things, pack: UUID, *, client: UUID | None = None, cycles: tuple[UUID, ...] | None = None) -> Treated:
    """A treatment with everything that comes before its start."""
    did = Treated(uuid4(), client or uuid4(), uuid4(), uuid4(), uuid4())
    reprocessing, turnover = uuid4(), uuid4()
    visit = Visit(
        booking_id=did.booking,
        client_id=did.client,
        practitioner_id=things.practitioner,
        room_id=things.room,
        device_id=things.handpiece,
        starts_at=NOON,
        ends_at=NOON + timedelta(hours=1),
        areas=(Area.CHEEKS,),
        depth_um=1000,
    )
    await house.given("booking", BookingConfirmed(visit=visit))
    await house.given("consent", signed(did, things, at=NOON), screened(did.client), screened(did.client))
    await house.given(
        "hygiene",
        HandpieceReprocessed(
            reprocessing_id=reprocessing,
            handpiece_id=things.handpiece,
            product="wipe",
            wet_seconds=120,
            label_seconds=120,
            occurred_at=NOON,
        ),
        RoomTurnedOver(turnover_id=turnover, room_id=things.room, product="wipe", wet_seconds=120, label_seconds=120, occurred_at=NOON),
    )
    arrived = ClientArrived(
        booking_id=did.booking, client_id=did.client, identity_confirmed=True, age_band=AgeBand.FROM_22, contactable=True
    )
    await house.given("booking", arrived)
    await house.given("treatment", SkinCleansed(booking_id=did.booking, client_id=did.client, product="soap", occurred_at=NOON))
    started = TreatmentStarted(
        treatment_id=did.treatment,
        booking_id=did.booking,
        client_id=did.client,
        practitioner_id=things.practitioner,
        equipment=Equipment(room_id=things.room, handpiece_id=things.handpiece, cartridge_unit_ids=(did.unit,), pack_ids=(pack,)),
        lot_ids=(things.lot,),
        cycle_ids=(things.cycle,) if cycles is None else cycles,
        reprocessing_id=reprocessing,
        turnover_id=turnover,
        consent_id=did.consent,
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        max_depth_um=1500,
        planned_end_at=NOON + timedelta(hours=1),
        findings=(),
    )
    actor = Actor(identity_id=things.practitioner, role=Role.PRACTITIONER)
    async with transaction(house.database, house.clinic_id, "treatment", actor, f"start.{did.treatment}") as tx:
        await tx.record(started, policy=1)
    opened = CartridgeOpened(unit_id=did.unit, lot_id=things.lot, treatment_id=did.treatment, client_id=did.client)
    await house.given("hygiene", opened)
    return did


def signed(did: Treated, things: Things, *, at: datetime) -> ConsentSigned:
    return ConsentSigned(
        consent_id=did.consent,
        client_id=did.client,
        form_id=things.form,
        form_version=3,
        language="nl",
        text_digest=DIGEST,
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        max_depth_um=1500,
        explained_by=things.practitioner,
        signed_at=at,
        valid_until=at + timedelta(days=180),
        commitment=DIGEST,
    )


def screened(client: UUID) -> ScreeningAnswered:
    return ScreeningAnswered(
        screening_id=uuid4(), client_id=client, extent="full", answered_at=NOON, policy_digest=DIGEST, restrictions=(), commitment=DIGEST
    )


async def behind(house: House, treatment: UUID) -> TreatmentRecord | None:
    await house.caught_up("compliance")
    async with house.look("compliance") as view:
        return await behind_treatment(view, treatment)


async def touched(house: House, question: TouchedQuestion) -> Touched:
    await house.caught_up("compliance")
    async with house.look("compliance") as view:
        whole = await touched_by(view, question)
        await _is_told_page_by_page(view, whole)
        return whole


async def _is_told_page_by_page(view: View, whole: Touched) -> None:
    """The newest first, and of each page how many there are in all."""
    told: list[TouchedTreatment] = []
    before: UUID | None = None
    while True:
        page = await touched_page(view, whole.question, 1, before)
        assert (page.count, page.clients, page.complete, page.lots) == (
            len(whole.treatments),
            len(whole.clients),
            whole.complete,
            whole.lots,
        )
        assert {load.cycle_id for load in page.loads} == {load.cycle_id for load in whole.loads}
        told += page.treatments
        before = page.before
        if before is None:
            break
    assert told == sorted(whole.treatments, key=lambda one: (one.started_at, one.treatment_id), reverse=True)


def types(record: TreatmentRecord, part: Part) -> list[str]:
    return [found.entry.type.removesuffix(".v1") for found in record.known_at_start if found.part == part]


def since(record: TreatmentRecord) -> list[str]:
    return [found.entry.type.removesuffix(".v1") for found in record.learned_since]
