"""What recovery says: check-ins, reactions, holds, incidents."""

from typing import Literal
from uuid import UUID

from events.envelope import Event
from schemas.vocabulary import Code, Digest, Finding, Instant

Tier = Literal["none", "review", "urgent", "emergency"]
"""How fast a human must look (domain.md 1.7: R, U, E)."""

Outcome = Literal["taken", "not_reached", "reached"]
"""What became of a call: somebody has taken it upon themselves, tried in vain, or spoken with the client."""


class CheckinDue(Event, type="checkin.due"):
    """It is time to ask; the message to the client was queued in the same commit."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID
    step: Code
    due_at: Instant


class CheckinReminded(Event, type="checkin.reminded"):
    """The client was asked once more; the message was queued in the same commit."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID


class CheckinAnswered(Event, type="checkin.answered"):
    """The client answered; the answers stand beside the ledger."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID
    tier: Tier
    answered_at: Instant
    commitment: Digest


class CheckinMissed(Event, type="checkin.missed"):
    """No answer in time: somebody of the staff calls."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID
    step: Code


class CheckinFollowedUp(Event, type="checkin.followed_up"):
    """Somebody of the staff calls a client who did not answer, or has called. What the client then says is a reaction of its own."""

    checkin_id: UUID
    treatment_id: UUID
    client_id: UUID
    outcome: Outcome


class ReactionReported(Event, type="reaction.reported"):
    """A client's skin reacts worse than it should after a treatment."""

    reaction_id: UUID
    treatment_id: UUID
    client_id: UUID
    tier: Tier


class SafetyHoldPlaced(Event, type="safety_hold.placed", outward=True, masked=("reason", "tier")):
    """This client must not be treated until somebody with the role lifts it."""

    hold_id: UUID
    client_id: UUID
    reason: Code
    tier: Tier
    cause: UUID


class SafetyHoldLifted(Event, type="safety_hold.lifted", outward=True, masked=("reason",)):
    """The hold is over."""

    hold_id: UUID
    client_id: UUID
    reason: Code


class IncidentOpened(Event, type="incident.opened"):
    """Something that must be looked into and closed by a person."""

    incident_id: UUID
    kind: Code
    subject_id: UUID
    cause: UUID
    become_aware_at: Instant


class RecoveryRefused(Event, type="recovery.refused", refusal=True):
    """An answer, report or lift that could not be accepted, with every reason."""

    command: Code
    subject_id: UUID
    findings: tuple[Finding, ...]
