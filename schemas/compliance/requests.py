"""What compliance is asked to do, and to look up."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, StringConstraints, ValidationError, field_validator

from schemas.policy import Policy, policy_from_toml
from schemas.vocabulary import NO_ZERO_BYTE, Code, Count, Digest, Instant, Role, Shape, SystemName, TimeZoneName, Token

DisplayName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=NO_ZERO_BYTE)]
"""A person's or a machine's name for people to read. Never enters the ledger."""

PolicyText = Annotated[str, StringConstraints(min_length=1, max_length=200_000)]
"""TOML as in the defaults' file: only what differs from the defaults needs to stand in it."""

KeptCheckpoint = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,10}[:,][0-9]{1,15}[:,][0-9a-f]{64}$")]
"""`epoch:size:chain` of a ledger's head, as somebody outside kept it; commas do as well."""

Subject = Literal["sterilizer", "cycle", "pack", "lot", "cartridge", "handpiece", "room", "practitioner", "client"]
"""What an auditor can ask about: everything that touches a treatment."""


class OpenClinic(Shape):
    """The ledger's first entry."""

    timezone: TimeZoneName


class AccessRequest(Shape):
    """A role for an identity. A name given here replaces the one that is known."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "practitioner", "until": "2027-12-31T23:00:00Z"}]})

    role: Role
    until: Instant | None = None
    display_name: DisplayName | None = None


class GrantAccess(AccessRequest):
    """The id is the caller's choice (UUID v4); the same person keeps it in every role."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"identity_id": "6f9619ff-8b86-4011-b42d-00c04fc964ff", "role": "practitioner", "display_name": "Ada Quist"}]
        }
    )

    identity_id: UUID


class EnrollTablet(Shape):
    """The door made the secret; only its SHA-256 comes in here."""

    name: DisplayName
    secret_hash: Digest


class RemoveTablet(Shape):
    tablet_id: UUID


class KeptPin(Shape):
    """What is kept of a PIN: the door has put it through a slow hash."""

    salt: Digest
    hash: Digest


class SetPin(Shape):
    """For whoever gives the command. The PIN itself is looked at by the door only: `guessable` says what it saw."""

    kept: KeptPin
    guessable: bool


class UnlockTablet(Shape):
    """Somebody typed the PIN that is kept; the door made a token for them."""

    tablet_id: UUID
    identity_id: UUID
    kept: KeptPin
    token_hash: Digest
    expires_at: Instant


class LockPin(Shape):
    """Somebody typed wrong PINs on a tablet in place of the one that is kept, until no try was left there."""

    tablet_id: UUID
    identity_id: UUID
    kept: KeptPin
    tries: Count


class RevokeAccess(Shape):
    identity_id: UUID
    role: Role


class TokenRequest(Shape):
    """A secret for an identity. With a role, that role is granted too if the identity has it not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "identity_id": "6f9619ff-8b86-4011-b42d-00c04fc964ff",
                    "label": "tablet of room 2",
                    "expires_at": "2027-11-23T09:00:00Z",
                    "role": "practitioner",
                }
            ]
        }
    )

    identity_id: UUID
    label: DisplayName
    expires_at: Instant
    role: Role | None = None


class CreateToken(TokenRequest):
    """The door made the secret; only its SHA-256 comes in here."""

    token_hash: Digest


class RevokeToken(Shape):
    token_id: UUID


class SystemRequest(Shape):
    """A front-desk system gets an inbox, and speaks through it as this identity, which gets the role `system`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"identity_id": "6f9619ff-8b86-4011-b42d-00c04fc964ff"}]})

    identity_id: UUID


class ConnectSystem(SystemRequest):
    system: SystemName


class DisconnectSystem(Shape):
    system: SystemName


class PolicyRequest(Shape):
    """A whole new version: the clinic's changes over the defaults. Without `effective_at` it holds at once.

    A text that is no policy, for its syntax, an unknown name or a value out of bounds, is no request either.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "spacing.bands.medium.floor_days = 29", "approver_id": "6f9619ff-8b86-4011-b42d-00c04fc964ff"}]
        }
    )

    text: PolicyText
    approver_id: UUID
    effective_at: Instant | None = None

    @field_validator("text")
    @classmethod
    def _is_a_policy(cls, text: str) -> str:
        try:
            policy_from_toml(text)
        except ValidationError as wrong:
            places = (f"{'.'.join(str(step) for step in error['loc']) or 'policy'}: {error['msg']}" for error in wrong.errors())
            raise ValueError("; ".join(places)) from None
        return text

    @property
    def policy(self) -> Policy:
        """What the text says, over the defaults."""
        return policy_from_toml(self.text)


class EraseClient(Shape):
    client_id: UUID


class SkipEntry(Shape):
    """Two persons let a service pass an entry it could not work."""

    service: Code
    stage: Literal["projected", "reacted", "published"]
    epoch: Count
    index: Count
    approvers: tuple[UUID, UUID]
    reason: Token


class OpenEpoch(Shape):
    """Two persons let the record go on behind a restore."""

    approvers: tuple[UUID, UUID]
    reason: Token


class RecordView(Shape):
    """Somebody looked: which question, about what, how many answers."""

    question: Code
    subject_id: UUID | None = None
    answers: Count


class TouchedQuestion(Shape):
    """All treatments a thing or person touched, by the treatment's start: `begins_at` inclusive, `until` exclusive."""

    kind: Subject
    subject_id: UUID
    begins_at: Instant | None = None
    until: Instant | None = None
