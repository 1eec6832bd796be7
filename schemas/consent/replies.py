"""What consent answers: forms on the screen, signatures, questions, restrictions."""

from typing import Literal
from uuid import UUID

from schemas.vocabulary import Area, Code, Count, Digest, Instant, Language, LocalDate, Micrometers, Modality, Restriction, Shape, Token


class FormOnScreen(Shape):
    """A version of a form as the tablet shows it."""

    form_id: UUID
    form_version: Count
    language: Language
    text: str
    text_digest: Digest
    material: bool
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    valid_days: Count


class ConsentRecord(Shape):
    """A signature and whether it still stands."""

    consent_id: UUID
    form_id: UUID
    form_version: Count
    language: Language
    modality: Modality
    areas: tuple[Area, ...]
    max_depth_um: Micrometers
    explained_by: UUID
    signed_at: Instant
    valid_until: Instant
    withdrawn_at: Instant | None
    superseded: bool
    in_force: bool


class Question(Shape):
    """One question of the questionnaire, and whether a yes asks for a day or areas."""

    code: Code
    every_visit: bool
    asks_areas: bool
    asks_day: bool


class QuestionList(Shape):
    """The questions of one extent, with the digest of the screening policy they come from."""

    extent: Literal["full", "volatile"]
    policy_digest: Digest
    questions: tuple[Question, ...]


class StandingRestriction(Shape):
    """A restriction as everybody may see it, and until when it is cleared."""

    restriction: Restriction
    cleared_until: Instant | None = None


class ScreeningRecord(Shape):
    """What a client's screening says, never why. `eligible_now` looks at nothing but the screening."""

    client_id: UUID
    full_answered_at: Instant | None
    volatile_answered_at: Instant | None
    judged_under_policy_in_force: bool
    eligible_now: bool
    restrictions: tuple[StandingRestriction, ...]


class RestrictionReason(Shape):
    """Why a restriction stands: for clinical roles."""

    restriction_id: UUID
    screening_id: UUID
    code: Code
    answer: Token
    on: LocalDate | None
    needs: Code | None
