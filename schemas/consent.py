"""What is asked of consent and what it answers: forms, signatures, screening sheets, clearances."""

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from schemas.vocabulary import (
    Area,
    Code,
    Count,
    Digest,
    Instant,
    Language,
    LocalDate,
    Micrometers,
    Modality,
    Restriction,
    Shape,
    Token,
)

FormVersion = Annotated[int, Field(ge=1, le=100_000)]
Areas = Annotated[tuple[Area, ...], Field(min_length=1, max_length=17)]
Coordinate = Annotated[int, Field(ge=-32_768, le=32_767)]


class FormDraft(Shape):
    """The text of one version of a consent form. Without `valid_days` the policy says how long a signature holds."""

    language: Language
    text: Annotated[str, Field(min_length=1, max_length=40_000)]
    material: bool = True
    modality: Modality
    areas: Areas
    max_depth_um: Micrometers
    valid_days: Annotated[int, Field(ge=1, le=3_650)] | None = None


class FormPublication(Shape):
    """Publish this draft as this version of this form."""

    form_id: UUID
    form_version: FormVersion
    draft: FormDraft


class Point(Shape):
    """A point of a signature in pixels, and the milliseconds since its first point."""

    x: Coordinate
    y: Coordinate
    t: Annotated[int, Field(ge=0, le=3_600_000)] = 0


Stroke = Annotated[tuple[Point, ...], Field(min_length=1, max_length=5_000)]


class DrawnSignature(Shape):
    """A signature drawn on the tablet: strokes, and the picture of them in base64 as a convenience copy."""

    method: Literal["drawn"]
    strokes: Annotated[tuple[Stroke, ...], Field(min_length=1, max_length=500)]
    png: Annotated[str, Field(max_length=400_000, pattern=r"^[A-Za-z0-9+/]*={0,2}$")] | None = None


class TypedSignature(Shape):
    """A name typed by somebody who cannot or does not want to draw."""

    method: Literal["typed"]
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


Signature = Annotated[DrawnSignature | TypedSignature, Field(discriminator="method")]


class Guardian(Shape):
    """Who signs for a minor, and who saw the proof of it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    proof: Annotated[str, Field(max_length=200)] | None = None
    proof_seen_by: UUID | None = None


class ConsentSheet(Shape):
    """What the client signed on the clinic's tablet. `text_digest` is of the text that was on the screen."""

    client_id: UUID
    form_id: UUID
    form_version: FormVersion
    text_digest: Digest
    areas: Areas
    max_depth_um: Micrometers
    explained_by: UUID
    signed_at: Instant
    signature: Signature
    client_language: Language | None = None
    interpreter_id: UUID | None = None
    guardian: Guardian | None = None


class ConsentSigning(Shape):
    """This sheet, under the tablet's id for it."""

    consent_id: UUID
    sheet: ConsentSheet


class WithdrawalNote(Shape):
    """How the client said no, and when; without a time, now."""

    channel: Code
    occurred_at: Instant | None = None


class Withdrawal(Shape):
    """This consent ends."""

    consent_id: UUID
    note: WithdrawalNote


class Answer(Shape):
    """One answer of a health questionnaire.

    `on` is the day it was over (healed, stopped) or done; `areas` where on the body. Neither belongs to a no.
    """

    code: Code
    answer: Literal["yes", "no", "prefer_not_to_say"]
    on: LocalDate | None = None
    areas: Annotated[tuple[Area, ...], Field(max_length=17)] = ()

    @model_validator(mode="after")
    def _only_a_yes_has_details(self) -> Self:
        if self.answer != "yes" and (self.on is not None or self.areas):
            raise ValueError("only a yes has a day or areas")
        return self


class ScreeningSheet(Shape):
    """Every answer of one questionnaire: the whole of it, or the questions of every visit."""

    client_id: UUID
    extent: Literal["full", "volatile"]
    answered_at: Instant
    answers: Annotated[tuple[Answer, ...], Field(max_length=200)]


class Screening(Shape):
    """This sheet, under the tablet's id for it."""

    screening_id: UUID
    sheet: ScreeningSheet


class ClearedRestriction(Shape):
    """A restriction a clinician opens, and what that rests on (`clinician`, `prescriber` …)."""

    restriction_id: UUID
    basis: Code


class ClearanceSheet(Shape):
    """What a clinician clears. Without `valid_until` the policy's longest."""

    client_id: UUID
    restrictions: Annotated[tuple[ClearedRestriction, ...], Field(min_length=1, max_length=50)]
    valid_until: Instant | None = None


class Clearing(Shape):
    """This clearance, under the sender's id for it."""

    clearance_id: UUID
    sheet: ClearanceSheet


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
