"""What compliance says: who may act, which policy holds, who looked."""

from uuid import UUID

from events.envelope import Event
from schemas.policy import Policy
from schemas.vocabulary import Code, Count, Digest, Finding, Instant, Role, SystemName, TimeZoneName, Token


class ClinicOpened(Event, type="clinic.opened", outward=True):
    """Entry 0 of every ledger."""

    timezone: TimeZoneName


class AccessGranted(Event, type="access.granted"):
    """An identity may act in a role in this clinic."""

    identity_id: UUID
    role: Role
    until: Instant | None = None


class AccessRevoked(Event, type="access.revoked"):
    """An identity may no longer act in a role in this clinic."""

    identity_id: UUID
    role: Role


class TokenCreated(Event, type="token.created"):
    """A secret was handed to an identity for this clinic; neither it nor its hash stands here."""

    token_id: UUID
    identity_id: UUID
    expires_at: Instant


class TokenRevoked(Event, type="token.revoked"):
    """The secret opens nothing any more."""

    token_id: UUID
    identity_id: UUID


class TabletEnrolled(Event, type="tablet.enrolled"):
    """A browser is a shared tablet of the clinic: people sign in on it by PIN. Its secret stands nowhere."""

    tablet_id: UUID


class TabletRemoved(Event, type="tablet.removed"):
    """The tablet is none any more, and whoever was signed in on it is signed out."""

    tablet_id: UUID


class PinSet(Event, type="pin.set"):
    """Somebody chose a PIN for shared tablets; neither it nor its hash stands here."""

    identity_id: UUID


class PinLocked(Event, type="pin.locked"):
    """Too many wrong PINs on this tablet: there it opens nothing until its owner sets it anew with a token."""

    identity_id: UUID
    tablet_id: UUID
    tries: Count


class SystemConnected(Event, type="system.connected"):
    """A front-desk system has an inbox in this clinic, and speaks through it as this identity."""

    system: SystemName
    identity_id: UUID


class SystemDisconnected(Event, type="system.disconnected"):
    """The system's inbox is not read any more."""

    system: SystemName
    identity_id: UUID


class PolicyPublished(Event, type="policy.published"):
    """All numbers of the clinic, from now on; decisions name this version."""

    policy_version: Count
    effective_at: Instant
    approver_id: UUID
    digest: Digest
    document: Policy


class RecordViewed(Event, type="record.viewed"):
    """Somebody asked the record a question; reading health records is itself recorded."""

    question: Code
    subject_id: UUID | None = None
    answers: Count


class ClientErased(Event, type="client.erased"):
    """A client's personal data is gone; `kept` names the grounds for what the law keeps."""

    client_id: UUID
    kept: tuple[Code, ...] = ()


class EntrySkipped(Event, type="entry.skipped"):
    """Two persons let a service pass an entry it could not work."""

    service: Code
    stage: Code
    skipped_epoch: Count
    skipped_index: Count
    approvers: tuple[UUID, UUID]
    reason: Token


class EpochOpened(Event, type="epoch.opened", outward=True, masked=("approvers",)):
    """The record goes on behind a restore: the first entry of a new epoch, at the index behind the former's last.

    What was published of the former epoch beyond `published_size` may have said what the record does not: whoever acted on it
    reads again from there.
    """

    former_epoch: Count
    former_size: Count
    former_chain: Digest
    published_size: Count
    approvers: tuple[UUID, UUID]
    reason: Token


class ComplianceRefused(Event, type="compliance.refused", refusal=True):
    """A grant, token, policy, skip, tablet or PIN that could not be given, with every reason."""

    command: Code
    subject_id: UUID
    findings: tuple[Finding, ...]
