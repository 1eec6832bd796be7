"""What is asked of recovery and what it answers: check-ins, reactions, safety holds, incidents."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from schemas.policy import Tier
from schemas.vocabulary import Code, Count, Instant, LocalDate, Shape


def _shown(body: dict[str, Any]) -> ConfigDict:
    """The configuration of every shape, with an example for the OpenAPI document."""
    return ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [body]})


class CheckInSheet(Shape):
    """What a client answers: what they feel (none is an answer), and whether they have a fever of 38 °C or chills."""

    model_config = _shown({"symptoms": ["mild_redness", "flaking"], "fever": False})

    symptoms: Annotated[tuple[Code, ...], Field(max_length=60)] = ()
    fever: bool = False


class CheckInAnswer(Shape):
    """The sheet for the check-in that the link was for."""

    checkin_id: UUID
    sheet: CheckInSheet


class CheckInReply(Shape):
    """What the client is told: what to do, and nothing about the record."""

    received: bool
    tier: Tier
    advice: str


class CheckInQuestions(Shape):
    """What the client is asked. No name stands on it."""

    symptoms: tuple[Code, ...]
    asks_fever: bool
    open_until: Instant


class ReactionReport(Shape):
    """What somebody of the staff saw or heard after a treatment."""

    model_config = _shown({"treatment_id": "01890000-0000-7000-8000-000000000005", "symptoms": ["blisters"]})

    treatment_id: UUID
    symptoms: Annotated[tuple[Code, ...], Field(min_length=1, max_length=60)]


class ReactionReporting(Shape):
    """This report, under the sender's id for it."""

    reaction_id: UUID
    report: ReactionReport


class GivenAnswer(Shape):
    """One answer to a check-in, for clinical roles."""

    answered_at: Instant
    sheet: CheckInSheet


class HoldNote(Shape):
    """Why a client must not be treated for now."""

    model_config = _shown({"client_id": "01890000-0000-7000-8000-000000000001", "reason": "reported_by_phone", "tier": "review"})

    client_id: UUID
    reason: Code
    tier: Tier = "review"


class HoldPlacing(Shape):
    """This hold, under the sender's id for it."""

    hold_id: UUID
    note: HoldNote


class LiftNote(Shape):
    """Why a hold is over."""

    model_config = _shown({"reason": "healed"})

    reason: Code


class HoldLifting(Shape):
    """This hold ends."""

    hold_id: UUID
    note: LiftNote


class SafetyHold(Shape):
    """A hold as clinical roles see it."""

    hold_id: UUID
    client_id: UUID
    reason: Code
    tier: Tier
    cause: UUID
    placed_at: Instant
    ledger_index: Count
    lifted_at: Instant | None


class Incident(Shape):
    """Something that must be looked into.

    For what may have to be reported: the last of the policy's work days, and whether it must be or may be.
    """

    incident_id: UUID
    kind: Code
    subject_id: UUID
    cause: UUID
    become_aware_at: Instant
    ledger_index: Count
    report_due_on: LocalDate | None = None
    reporting: Literal["mandatory", "voluntary"] | None = None


class CheckInLine(Shape):
    """A check-in on the day's list."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID
    step: Code
    due_at: Instant
    state: Literal["planned", "asked", "answered", "missed"]
    tier: Tier | None = None


Outcome = Literal["taken", "not_reached", "reached"]


class FollowUpNote(Shape):
    """What became of the call: taken upon oneself, tried in vain, or spoken with the client."""

    model_config = _shown({"outcome": "reached"})

    outcome: Outcome


class FollowUp(Shape):
    """The call about this check-in."""

    checkin_id: UUID
    note: FollowUpNote


class Call(Shape):
    """Somebody who did not answer and is to be called: since when, and who saw to it last. No word of health."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID
    due_at: Instant
    missed_at: Instant
    outcome: Outcome | None = None
    called_by: UUID | None = None
    called_at: Instant | None = None


class Reaction(Shape):
    """A reaction that was reported, and until when the policy wants a person to have looked."""

    reaction_id: UUID
    treatment_id: UUID
    client_id: UUID
    tier: Tier
    reported_at: Instant
    ledger_index: Count
    respond_by: Instant
