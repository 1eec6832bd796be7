"""Recalls of items and the look-back on clients; why a sterilizer goes out of service."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from schemas.hygiene.claims import Claim, Said
from schemas.vocabulary import Code, Instant, Shape

__all__ = ["JointDecision", "RecallDecisionReport", "RecallExposure", "RecallSheet", "Removal", "Said"]


class Removal(Claim):
    """A sterilizer leaves service for a reason other than a positive indicator."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "repair", "occurred_at": "2026-11-23T13:00:00+01:00"}]},
    )

    reason: Annotated[Code, Field(examples=["repair", "relocation", "redesign", "defect"])]


class RecallDecisionReport(Claim):
    """Two persons confirm or release a recall that awaits a decision."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "decision": "released",
                    "root_cause": "wrong_bi",
                    "second_signer_id": "6a1f0a86-0c0e-4b38-8c22-0b8e2c6a7f01",
                    "occurred_at": "2026-11-24T09:00:00+01:00",
                }
            ]
        },
    )

    decision: Literal["confirmed", "released"]
    root_cause: Annotated[Code, Field(description="A root cause of the clinic's policy.", examples=["overload", "wrong_bi"])]
    second_signer_id: Annotated[
        UUID, Field(description="The second person: not the sender, and in a role that may decide a recall itself.")
    ]


class JointDecision(Said[RecallDecisionReport]):
    """A decision of two, with how the second one showed that they were there."""

    second_showed: Literal["pin", "token"]


class RecallExposure(Shape):
    """A client on whom an item of the recall was used."""

    treatment_id: UUID
    client_id: UUID
    item_id: UUID
    found_late: Annotated[bool, Field(description="Found after the recall was opened, by a record that came late.")]


class RecallSheet(Shape):
    """A recall and its look-back list. `client_ids`: whom to reach, each once."""

    recall_id: UUID
    kind: Literal["sterilizer", "lot", "handpiece"]
    subject_id: UUID
    cause: UUID
    window_from: Instant | None = None
    window_until: Instant | None = None
    opened_at: Instant
    decision: Literal["confirmed", "pending", "released"]
    decide_by: Instant | None = None
    cycle_ids: tuple[UUID, ...] = ()
    pack_ids: tuple[UUID, ...] = ()
    client_ids: tuple[UUID, ...] = ()
    exposures: tuple[RecallExposure, ...] = ()
