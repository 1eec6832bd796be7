"""What treatment says: the gate's answers, and what was done to the skin."""

from typing import Literal
from uuid import UUID

from events.envelope import Event
from schemas.vocabulary import Area, AreaDepth, Code, Count, Finding, GateNumber, Instant, Micrometers, Modality, Shape


class SkinCleansed(Event, type="skin.cleansed"):
    """The skin was cleansed for a booking."""

    booking_id: UUID
    client_id: UUID
    product: Code
    occurred_at: Instant


class NumbingApplied(Event, type="numbing.applied"):
    """Numbing cream went on. Lidocaine in thousandths: 40 is 4 %."""

    numbing_id: UUID
    booking_id: UUID
    client_id: UUID
    product: Code
    lidocaine_permille: Count
    milligrams: Count
    areas: tuple[Area, ...]
    occluded: bool
    prescriber_order: bool
    occurred_at: Instant


class NumbingRemoved(Event, type="numbing.removed"):
    """Numbing cream came off."""

    numbing_id: UUID
    booking_id: UUID
    client_id: UUID
    occurred_at: Instant


class Equipment(Shape):
    """What is really used, which may differ from what was booked. A consultation has no handpiece."""

    room_id: UUID
    handpiece_id: UUID | None = None
    cartridge_unit_ids: tuple[UUID, ...] = ()
    pack_ids: tuple[UUID, ...] = ()


class TreatmentStarted(Event, type="treatment.started", outward=True, masked=("findings",)):
    """The gate allowed the start. The findings are its certificate.

    `areas` and `max_depth_um` are what was consented: until the end comes the client counts as treated to that.
    What the visit type does not need (a consultation has no consent) is null.
    """

    treatment_id: UUID
    booking_id: UUID
    client_id: UUID
    practitioner_id: UUID
    equipment: Equipment
    lot_ids: tuple[UUID, ...]
    cycle_ids: tuple[UUID, ...]
    reprocessing_id: UUID | None = None
    turnover_id: UUID | None = None
    consent_id: UUID | None = None
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    planned_areas: tuple[Area, ...] = ()
    planned_depth_um: Micrometers = 0
    planned_end_at: Instant
    findings: tuple[Finding, ...]


class TreatmentRefused(Event, type="treatment.refused", outward=True, refusal=True):
    """The gate refused the start: every rule's finding."""

    booking_id: UUID
    client_id: UUID | None = None
    equipment: Equipment
    findings: tuple[Finding, ...]


class TreatmentStopAdvised(Event, type="treatment.stop_advised", outward=True, masked=("findings",)):
    """Something learned since the start would have refused it."""

    treatment_id: UUID
    booking_id: UUID
    client_id: UUID
    cause: UUID
    findings: tuple[Finding, ...]


class TreatmentPaused(Event, type="treatment.paused"):
    """Needling has stopped for now."""

    treatment_id: UUID
    reason: Code
    occurred_at: Instant


class TreatmentResumed(Event, type="treatment.resumed"):
    """Needling goes on."""

    treatment_id: UUID
    occurred_at: Instant


class CartridgeAdded(Event, type="cartridge.added"):
    """A further cartridge goes into a running treatment: dropped, blunt or contaminated ones are replaced."""

    treatment_id: UUID
    booking_id: UUID
    client_id: UUID
    unit_id: UUID
    lot_id: UUID
    findings: tuple[Finding, ...]


class TreatmentEnded(Event, type="treatment.ended", outward=True, masked=("findings",)):
    """What was really done, and that the end was clean. Findings say where it went beyond the consent."""

    treatment_id: UUID
    booking_id: UUID
    client_id: UUID
    needle_contact: bool
    modality: Modality
    depths: tuple[AreaDepth, ...]
    skin_cleansed: bool
    sharps_disposed: bool
    aftercare_given: bool
    ended_at: Instant
    findings: tuple[Finding, ...] = ()


class TreatmentRecordedLate(Event, type="treatment.recorded_late", outward=True, masked=("findings",)):
    """A treatment that was done on paper: never refused, with the rules that would have failed."""

    treatment_id: UUID
    booking_id: UUID | None = None
    client_id: UUID
    practitioner_id: UUID
    equipment: Equipment
    lot_ids: tuple[UUID, ...] = ()
    cycle_ids: tuple[UUID, ...] = ()
    needle_contact: bool
    modality: Modality
    depths: tuple[AreaDepth, ...]
    started_at: Instant
    ended_at: Instant
    reason: Literal["tablet_dead", "network_down", "server_down", "other"]
    findings: tuple[Finding, ...]


class TreatmentEndMissing(Event, type="treatment.end_missing"):
    """Nobody said that a treatment ended: the client counts as treated to the consented maximum."""

    treatment_id: UUID
    booking_id: UUID
    planned_end_at: Instant


class RuleOverridden(Event, type="rule.overridden"):
    """Somebody with the right role let one booking pass one rule, until when."""

    override_id: UUID
    booking_id: UUID
    rule: Code
    code: GateNumber = ""
    reason: Code
    valid_until: Instant


class TreatmentRequestRefused(Event, type="treatment.request_refused", refusal=True):
    """A cleansing, numbing, pause, end or override that could not be recorded, with every reason."""

    command: Code
    subject_id: UUID
    findings: tuple[Finding, ...]
