"""A clinic laid out for races: everybody has come, everything is clean, and a hand reaches for the same thing as another."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from events.catalog.booking import BookingConfirmed, ClientArrived, ClientRegistered, PractitionerCredentialed
from events.catalog.compliance import ClinicOpened, PolicyPublished
from events.catalog.consent import ClearanceGranted, ConsentSigned, FormPublished, ScreeningAnswered
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
from events.catalog.treatment import SkinCleansed
from events.envelope import Event
from schemas.policy import Policy, digest_of, policy_from_toml, screening_digest
from schemas.vocabulary import AgeBand, Area, Modality, Restriction, RestrictionClass, Role, Visit
from tests.conftest import EPOCH

GTIN = "04012345678901"
DIGEST = "a" * 64
DAY = timedelta(days=1)
SIGNED_AGO = timedelta(hours=1)
UNITS_OF_A_LOT = PACKS_OF_A_LOAD = 4


@dataclass(frozen=True)
class Seat:
    """A booking that could be started at once, but for what is written beside it."""

    booking_id: UUID
    client_id: UUID
    practitioner_id: UUID
    room_id: UUID
    consent_id: UUID
    restriction_id: UUID | None = None
    """A clinician has to clear it, and nobody has yet."""
    unsigned: bool = False
    fading: bool = False
    """Who would treat may do so until the end of this day."""


@dataclass(frozen=True)
class Ground:
    """The ids of everything in one clinic. Its date turns when policy says that it stands in `east`, not in `west`."""

    clinic_id: UUID
    west: str
    east: str
    form_id: UUID
    seats: tuple[Seat, ...]
    handpieces: tuple[UUID, ...]
    lots: tuple[tuple[UUID, tuple[UUID, ...]], ...]
    loads: tuple[tuple[UUID, tuple[UUID, ...]], ...]
    fading_packs: frozenset[UUID]
    """Sterile until the end of this day."""


def two_dates(now: datetime) -> tuple[str, str]:
    """Two time zones: in the first it is today, in the second tomorrow, and in neither is a midnight near."""

    def at(offset: int) -> datetime:
        return now.astimezone(ZoneInfo(_zone(offset)))

    fine = [offset for offset in range(-12, 15) if 1 <= at(offset).hour <= 22]
    pairs = [(west, east) for west in fine for east in fine if at(east).date() == at(west).date() + DAY]
    west, east = min(pairs, key=lambda pair: pair[1] - pair[0])
    return _zone(west), _zone(east)


def _zone(offset: int) -> str:
    return f"Etc/GMT{-offset:+d}"


def policy_of(zone: str) -> Policy:
    text = files("services").joinpath("example_policy.toml").read_text(encoding="utf-8")
    return policy_from_toml(text + f'\n[clinic]\ntimezone = "{zone}"\n')


def lay_out(rng: Random, now: datetime, seats: int) -> Ground:
    """So many seats, one in five of them not ready or not for long, and things enough for each."""
    special = max(seats // 10, 1)

    def new() -> UUID:
        return UUID(int=rng.getrandbits(128), version=4)

    def seat(number: int) -> Seat:
        kind = number // special
        return Seat(
            booking_id=new(),
            client_id=new(),
            practitioner_id=new(),
            room_id=new(),
            consent_id=new(),
            unsigned=kind == 0,
            restriction_id=new() if kind == 1 else None,
            fading=kind == 2,
        )

    west, east = two_dates(now)
    count = seats // 3 + 2
    loads = tuple((new(), tuple(new() for _ in range(PACKS_OF_A_LOAD))) for _ in range(count))
    return Ground(
        clinic_id=new(),
        west=west,
        east=east,
        form_id=new(),
        seats=tuple(seat(number) for number in range(seats)),
        handpieces=tuple(new() for _ in range(max(seats // 3, 3))),
        lots=tuple((new(), tuple(new() for _ in range(UNITS_OF_A_LOT))) for _ in range(count)),
        loads=loads,
        fading_packs=frozenset(pack for _, packs in loads for pack in packs[:1]),
    )


def published(ground: Ground, version: int, zone: str, effective_at: datetime) -> PolicyPublished:
    """The same policy, with the clinic in this zone."""
    document = policy_of(zone)
    return PolicyPublished(
        policy_version=version, effective_at=effective_at, approver_id=ground.form_id, digest=digest_of(document), document=document
    )


def signature(ground: Ground, seat: Seat, signed_at: datetime, valid_until: datetime, consent_id: UUID) -> ConsentSigned:
    return ConsentSigned(
        consent_id=consent_id,
        client_id=seat.client_id,
        form_id=ground.form_id,
        form_version=1,
        language="en",
        text_digest=DIGEST,
        modality=Modality.MICRONEEDLING,
        areas=(Area.CHEEKS,),
        max_depth_um=1500,
        explained_by=seat.practitioner_id,
        signed_at=signed_at,
        valid_until=valid_until,
        commitment=DIGEST,
    )


def clearance(seat: Seat, valid_until: datetime, clearance_id: UUID) -> ClearanceGranted:
    restrictions = () if seat.restriction_id is None else (seat.restriction_id,)
    return ClearanceGranted(clearance_id=clearance_id, client_id=seat.client_id, restriction_ids=restrictions, valid_until=valid_until)


def _expected(seat: Seat, now: datetime, today: date) -> list[Event]:
    """Somebody who may treat, a client, their booking, and that the client has come."""
    return [
        PractitionerCredentialed(
            practitioner_id=seat.practitioner_id,
            role=Role.PRACTITIONER,
            modalities=(Modality.MICRONEEDLING,),
            max_depth_um=1500,
            valid_until=today if seat.fading else today + 9 * DAY,
        ),
        ClientRegistered(client_id=seat.client_id, commitment=DIGEST, contactable=True),
        BookingConfirmed(
            visit=Visit(
                booking_id=seat.booking_id,
                client_id=seat.client_id,
                practitioner_id=seat.practitioner_id,
                room_id=seat.room_id,
                starts_at=now + timedelta(minutes=10),
                ends_at=now + timedelta(minutes=40),
                areas=(Area.CHEEKS,),
                depth_um=1000,
            )
        ),
        ClientArrived(
            booking_id=seat.booking_id,
            client_id=seat.client_id,
            identity_confirmed=True,
            age_band=AgeBand.FROM_22,
            contactable=True,
        ),
    ]


def facts(ground: Ground, now: datetime) -> list[tuple[str, list[Event]]]:
    """What was recorded before the doors opened, by the service that said it."""
    today = now.astimezone(ZoneInfo(ground.west)).date()
    digest = screening_digest(policy_of(ground.west))
    booking: list[Event] = []
    consent: list[Event] = [
        FormPublished(
            form_id=ground.form_id,
            form_version=1,
            language="en",
            text_digest=DIGEST,
            material=True,
            modality=Modality.MICRONEEDLING,
            areas=(Area.FULL_FACE,),
            max_depth_um=1500,
            valid_days=180,
        )
    ]
    for seat in ground.seats:
        booking += _expected(seat, now, today)
        restricts = [] if seat.restriction_id is None else [seat.restriction_id]
        consent.append(
            ScreeningAnswered(
                screening_id=seat.booking_id,
                client_id=seat.client_id,
                extent="full",
                answered_at=now - SIGNED_AGO,
                policy_digest=digest,
                restrictions=tuple(Restriction(restriction_id=one, restriction_class=RestrictionClass.CLEARANCE) for one in restricts),
                commitment=DIGEST,
            )
        )
        if not seat.unsigned:
            consent.append(signature(ground, seat, now - SIGNED_AGO, now + 99 * DAY, seat.consent_id))
    return [
        ("compliance", [ClinicOpened(timezone=ground.west), published(ground, 1, ground.west, EPOCH)]),
        ("booking", booking),
        ("consent", consent),
        ("hygiene", list(_supplies(ground, now))),
    ]


def cleansings(ground: Ground, now: datetime) -> list[Event]:
    """After everybody came."""
    return [
        SkinCleansed(booking_id=seat.booking_id, client_id=seat.client_id, product="chlorhexidine", occurred_at=now)
        for seat in ground.seats
    ]


def _supplies(ground: Ground, now: datetime) -> list[Event]:
    today = now.astimezone(ZoneInfo(ground.west)).date()
    sterilizer, before = ground.form_id, now - 2 * DAY
    found: list[Event] = [SterilizerCommissioned(sterilizer_id=sterilizer, serial="ST1", air_removal="dynamic", programs=("wrapped_134",))]
    for handpiece in ground.handpieces:
        found.append(
            HandpieceCommissioned(
                handpiece_id=handpiece, serial=handpiece.hex[:8], modality=Modality.MICRONEEDLING, fits_gtins=(GTIN,), max_depth_um=2500
            )
        )
        wiped = {"product": "wipe", "wet_seconds": 900, "label_seconds": 120, "occurred_at": now}
        found.append(HandpieceReprocessed.model_validate({"reprocessing_id": handpiece, "handpiece_id": handpiece, **wiped}))
    for seat in ground.seats:
        wiped = {"product": "wipe", "wet_seconds": 900, "label_seconds": 120, "occurred_at": now}
        found.append(RoomTurnedOver.model_validate({"turnover_id": seat.room_id, "room_id": seat.room_id, **wiped}))
    for number, (lot, units) in enumerate(ground.lots):
        found.append(
            LotReceived(
                lot_id=lot,
                gtin=GTIN,
                lot=f"L{number}",
                expires_on=today + 99 * DAY,
                quantity=len(units),
                source="scan",
                occurred_at=before,
            )
        )
        found.append(UnitsLabeled(lot_id=lot, unit_ids=units))
    for number, (cycle, packs) in enumerate(ground.loads):
        found += _load(ground, number, cycle, packs, sterilizer, before + timedelta(minutes=number))
    return found


def _load(ground: Ground, number: int, cycle: UUID, packs: tuple[UUID, ...], sterilizer: UUID, began: datetime) -> list[Event]:
    today = (began + 2 * DAY).astimezone(ZoneInfo(ground.west)).date()
    labeled = tuple(
        LabeledPack(pack_id=pack, contents="forceps", sterile_until=today if pack in ground.fading_packs else today + 90 * DAY)
        for pack in packs
    )
    return [
        CycleRecorded(
            cycle_id=cycle,
            sterilizer_id=sterilizer,
            cycle_number=number + 1,
            program="wrapped_134",
            started_at=began,
            ended_at=began + timedelta(minutes=40),
            plateau_seconds=240,
            lowest_mc=134_100,
            highest_mc=136_000,
            sample_count=240,
            samples_digest=DIGEST,
            external_indicator="changed",
            internal_indicator="changed",
            mechanical="passed",
            findings=(),
            packs=labeled,
            occurred_at=began,
        ),
        LoadReleased(cycle_id=cycle, sterilizer_id=sterilizer, basis="bi_negative", findings=(), occurred_at=began + DAY),
    ]
