"""What consent says: forms, signatures, screening verdicts, clearances."""

from typing import Literal
from uuid import UUID

from events.envelope import Event
from schemas.vocabulary import Area, Code, Count, Digest, Finding, Instant, Language, Micrometers, Modality, Restriction


class FormPublished(Event, type="form.published"):
    """A version of a consent form, by the hash of its exact text."""

    form_id: UUID
    form_version: Count
    language: Language
    text_digest: Digest
    material: bool
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    valid_days: Count


class ConsentRequested(Event, type="consent.requested"):
    """A booking needs a signature that is not there yet."""

    booking_id: UUID
    client_id: UUID
    form_id: UUID
    form_version: Count


class ConsentSigned(Event, type="consent.signed"):
    """The client signed exactly this text for these areas and this depth."""

    consent_id: UUID
    client_id: UUID
    form_id: UUID
    form_version: Count
    language: Language
    text_digest: Digest
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    explained_by: UUID
    signed_at: Instant
    valid_until: Instant
    commitment: Digest
    handing_id: UUID | None = None  # where a tablet was handed over for it


class ConsentDeclined(Event, type="consent.declined"):
    """The client said no to exactly this text: what they were handed signs nothing any more."""

    handing_id: UUID
    client_id: UUID
    form_id: UUID
    form_version: Count
    language: Language
    text_digest: Digest


class ConsentWithdrawn(Event, type="consent.withdrawn"):
    """Consent ends at once, for what comes after."""

    consent_id: UUID
    client_id: UUID
    channel: Code
    occurred_at: Instant


class ScreeningAnswered(Event, type="screening.answered"):
    """The verdict of a health questionnaire: opaque restrictions, judged under one screening policy."""

    screening_id: UUID
    client_id: UUID
    extent: Literal["full", "volatile"]
    answered_at: Instant
    policy_digest: Digest
    restrictions: tuple[Restriction, ...]
    commitment: Digest


class ClearanceGranted(Event, type="clearance.granted"):
    """A clinician cleared restrictions, until when."""

    clearance_id: UUID
    client_id: UUID
    restriction_ids: tuple[UUID, ...]
    valid_until: Instant


class ConsentRefused(Event, type="consent.refused", refusal=True):
    """A signature, answer sheet or clearance that could not be accepted, with every reason."""

    command: Code
    subject_id: UUID
    client_id: UUID | None = None
    findings: tuple[Finding, ...]
