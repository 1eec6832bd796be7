"""What is asked of consent: forms, signatures, screening sheets, clearances."""

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from schemas.vocabulary import (
    NO_ZERO_BYTE,
    Area,
    Code,
    Digest,
    Instant,
    Language,
    LocalDate,
    Micrometers,
    Modality,
    Shape,
)

FormVersion = Annotated[int, Field(ge=1, le=100_000)]
Areas = Annotated[tuple[Area, ...], Field(min_length=1, max_length=17)]
Coordinate = Annotated[int, Field(ge=-32_768, le=32_767)]


def _shown(body: dict[str, Any]) -> ConfigDict:
    """The configuration of every shape, with an example for the OpenAPI document."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [body]})


class FormDraft(Shape):
    """The text of one version of a consent form. Without `valid_days` the policy says how long a signature holds."""

    model_config = _shown(
        {
            "language": "en",
            "text": "Microneedling makes many fine channels in the skin.",
            "material": True,
            "modality": "microneedling",
            "areas": ["full_face", "neck"],
            "max_depth_um": 1500,
        }
    )

    language: Language
    text: Annotated[str, Field(min_length=1, max_length=40_000, pattern=NO_ZERO_BYTE)]
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
    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]


Signature = Annotated[DrawnSignature | TypedSignature, Field(discriminator="method")]


class Guardian(Shape):
    """Who signs for a minor, and who saw the proof of it."""

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=NO_ZERO_BYTE)]
    proof: Annotated[str, Field(max_length=200, pattern=NO_ZERO_BYTE)] | None = None
    proof_seen_by: UUID | None = None


class ConsentSheet(Shape):
    """What the client signed on the clinic's tablet. `text_digest` is of the text that was on the screen."""

    model_config = _shown(
        {
            "client_id": "01890000-0000-7000-8000-000000000001",
            "form_id": "01890000-0000-7000-8000-000000000002",
            "form_version": 1,
            "text_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "areas": ["cheeks", "nose"],
            "max_depth_um": 1000,
            "explained_by": "01890000-0000-7000-8000-000000000003",
            "signed_at": "2026-11-23T10:00:00+01:00",
            "signature": {"method": "typed", "name": "A. Client"},
        }
    )

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
    """This sheet, under the tablet's id for it. `handing_id`: the handing over that it was signed under, where there was one."""

    consent_id: UUID
    sheet: ConsentSheet
    handing_id: UUID | None = None


class Declining(Shape):
    """The client says no to this version of a form. `consent_id` is what the signature would have been called."""

    handing_id: UUID
    consent_id: UUID
    client_id: UUID
    form_id: UUID
    form_version: FormVersion


class WithdrawalNote(Shape):
    """How the client said no, and when; without a time, now."""

    model_config = _shown({"channel": "phone"})

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

    model_config = _shown(
        {
            "client_id": "01890000-0000-7000-8000-000000000001",
            "extent": "volatile",
            "answered_at": "2026-11-23T10:00:00+01:00",
            "answers": [
                {"code": "pregnancy", "answer": "no"},
                {"code": "neurotoxin", "answer": "yes", "on": "2026-11-01", "areas": ["forehead"]},
                {"code": "alcohol", "answer": "prefer_not_to_say"},
            ],
        }
    )

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

    model_config = _shown(
        {
            "client_id": "01890000-0000-7000-8000-000000000001",
            "restrictions": [{"restriction_id": "01890000-0000-7000-8000-000000000004", "basis": "prescriber"}],
        }
    )

    client_id: UUID
    restrictions: Annotated[tuple[ClearedRestriction, ...], Field(min_length=1, max_length=50)]
    valid_until: Instant | None = None


class Clearing(Shape):
    """This clearance, under the sender's id for it."""

    clearance_id: UUID
    sheet: ClearanceSheet
