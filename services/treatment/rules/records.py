"""What the gate looks at, as it stands in the record. Field names are column names: the loader fills them by name."""

from uuid import UUID

from schemas.vocabulary import (
    AgeBand,
    Area,
    AreaDepth,
    Code,
    Gtin,
    Instant,
    LocalDate,
    Micrometers,
    Modality,
    Restriction,
    Role,
    SerialCode,
    Shape,
    VisitType,
)


class BookedVisit(Shape):
    event_id: UUID
    booking_id: UUID
    client_id: UUID
    practitioner_id: UUID
    room_id: UUID
    device_id: UUID | None
    starts_at: Instant
    ends_at: Instant
    visit_type: VisitType
    modality: Modality
    areas: tuple[Area, ...]
    depth_um: Micrometers
    state: Code


class Arrival(Shape):
    """`arrived_at`: when it was recorded, which orders them. `came_at`: when the client came, where the desk claims it."""

    event_id: UUID
    client_id: UUID
    identity_confirmed: bool
    age_band: AgeBand
    contactable: bool
    arrived_at: Instant
    came_at: Instant | None = None


class Screening(Shape):
    """The newest of one client id. `merged_index`: where the person's records last became one."""

    screening_id: UUID
    answered_at: Instant
    policy_digest: str
    restrictions: tuple[Restriction, ...]
    ledger_index: int
    merged_index: int | None


class Clearance(Shape):
    clearance_id: UUID
    restriction_ids: tuple[UUID, ...]
    valid_until: Instant
    granted_by: UUID
    granted_at: Instant


class Consent(Shape):
    """`material_version`: the newest version of its form that must be signed anew."""

    consent_id: UUID
    form_id: UUID
    form_version: int
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    explained_by: UUID
    signed_at: Instant
    valid_until: Instant
    withdrawn_at: Instant | None
    material_version: int | None


class Hold(Shape):
    hold_id: UUID
    placed_at: Instant
    lifted_at: Instant | None


class Credential(Shape):
    event_id: UUID
    role: Role
    modalities: tuple[Modality, ...]
    max_depth_um: Micrometers
    valid_until: LocalDate


class Handpiece(Shape):
    handpiece_id: UUID
    serial: SerialCode
    modality: Modality
    fits_gtins: tuple[Gtin, ...]
    max_depth_um: Micrometers


class Disinfection(Shape):
    """A reprocessing of the handpiece, or a turnover of the room."""

    record_id: UUID
    wet_seconds: int
    label_seconds: int
    occurred_at: Instant


class Use(Shape):
    """Another treatment that had the same room or handpiece."""

    treatment_id: UUID
    started_at: Instant
    ended_at: Instant | None


class Cartridge(Shape):
    """A unit with its lot. `used_in` and `held_by` name treatments, quarantines and recalls."""

    unit_id: UUID
    lot_id: UUID
    gtin: Gtin | None
    expires_on: LocalDate | None
    wasted_at: Instant | None
    used_in: tuple[UUID, ...]
    held_by: tuple[UUID, ...]


class Pack(Shape):
    """A pack with its cycle and sterilizer."""

    pack_id: UUID
    cycle_id: UUID
    sterile_until: LocalDate
    used_in: tuple[UUID, ...]
    held_by: tuple[UUID, ...]
    cycle_held_by: tuple[UUID, ...]
    sterilizer_id: UUID | None
    sterilizer_known: bool
    sterilizer_removed_at: Instant | None
    cycle_ended_at: Instant | None
    released_as: Code | None


class Opening(Shape):
    """What was seen when a pack was opened at the chair."""

    pack_id: UUID
    indicator_changed: bool
    intact: bool


class Numbing(Shape):
    event_id: UUID
    lidocaine_permille: int
    occluded: bool
    prescriber_order: bool
    applied_at: Instant
    removed_at: Instant | None


class Cleansing(Shape):
    event_id: UUID
    occurred_at: Instant


class Session(Shape):
    """An earlier treatment of the same person. Open ones carry the consented maximum as `depths`."""

    treatment_id: UUID
    started_at: Instant
    modality: Modality
    needle_contact: bool
    depths: tuple[AreaDepth, ...]


class OpenTreatment(Shape):
    """A treatment that nobody has ended."""

    treatment_id: UUID
    practitioner_id: UUID
    client_id: UUID
    room_id: UUID
    handpiece_id: UUID | None
    unit_ids: tuple[UUID, ...]
    pack_ids: tuple[UUID, ...]


class Reservation(Shape):
    """A booking whose slot holds this very instant, and whose treatment is not over."""

    booking_id: UUID
    room_id: UUID
    device_id: UUID | None


class Override(Shape):
    event_id: UUID
    rule: Code
    role: Role
    valid_until: Instant
