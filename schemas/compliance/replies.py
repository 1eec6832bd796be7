"""Who may act, and which policy holds."""

from uuid import UUID

from schemas.compliance.traces import PolicyApproval
from schemas.policy import Policy, Source
from schemas.vocabulary import Count, Digest, Instant, Role, Shape


class TokenReply(Shape):
    """The secret is shown here once and nowhere again."""

    token_id: UUID
    identity_id: UUID
    token: str
    expires_at: Instant


class TokenSeen(Shape):
    """A token as it can be looked up: everything but the secret."""

    token_id: UUID
    identity_id: UUID
    label: str
    created_at: Instant
    expires_at: Instant
    revoked_at: Instant | None


class TabletSeen(Shape):
    """A shared tablet in force: everything but its secret."""

    tablet_id: UUID
    name: str
    enrolled_at: Instant
    used_at: Instant
    lapsed: bool
    """Nobody used it for so long that it must be enrolled anew."""


class PinShut(Shape):
    """Somebody's PIN that opens nothing on one tablet: after so many wrong tries, the last of them then."""

    identity_id: UUID
    tablet_id: UUID
    tablet: str
    tries: Count
    since: Instant


class Identity(Shape):
    """Who may act in this clinic, by name and by role."""

    identity_id: UUID
    display_name: str | None
    roles: tuple[Role, ...]


class PolicyReply(Shape):
    """The version in force (or the one that was just published), its text, and where each default comes from."""

    approval: PolicyApproval
    digest: Digest
    document: Policy
    text: str | None
    sources: dict[str, Source]
