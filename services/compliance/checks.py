"""How compliance's decisions are asked again, and which rows beside the ledger its events are bound to.

Not asked again: that somebody looked (`record.viewed`), for nothing was decided; that a token was revoked, a tablet or a PIN set
or taken away, for these stand beside the ledger; that an epoch was opened, for what it says of the one before is held against
the chain. Names of identities are bound to nothing, so nothing can be said of them.
"""

from collections.abc import Sequence

from events.catalog.compliance import (
    AccessGranted,
    AccessRevoked,
    ClientErased,
    ClinicOpened,
    ComplianceRefused,
    EntrySkipped,
    PolicyPublished,
    SystemConnected,
    SystemDisconnected,
    TabletEnrolled,
    TokenCreated,
)
from events.checking.replays import Asked, Past, Private, Replays
from schemas.compliance import (
    ConnectSystem,
    CreateToken,
    DisconnectSystem,
    EraseClient,
    GrantAccess,
    OpenClinic,
    PolicyRequest,
    RevokeAccess,
    SkipEntry,
)
from services.compliance import commands

_BESIDE = ("tablet.enrolled.v1", "tablet.removed.v1", "pin.set.v1", "pin.locked.v1")

replays = Replays("compliance", unanswered=("record.viewed.v1", "token.revoked.v1", "epoch.opened.v1", *_BESIDE))
replays.keeps(Private(TokenCreated, "access.tokens", {"token_id": "token_id"}, besides=("revoked_at",), named=("token_id",)))
replays.keeps(Private(TabletEnrolled, "compliance.tablets", {"tablet_id": "tablet_id"}, besides=("used_at", "removed_at")))
replays.keeps(Private(PolicyPublished, "compliance.policy_texts", {"policy_version": "policy_version"}))

NOBODYS_SECRET = "0" * 64


@replays(ClinicOpened)
async def of_an_opening(past: Past) -> Sequence[Asked]:
    return [Asked(commands.open_clinic, OpenClinic(timezone=past.event.timezone))]


@replays(AccessGranted)
async def of_a_grant(past: Past) -> Sequence[Asked]:
    said: AccessGranted = past.event
    return [Asked(commands.grant_access, GrantAccess(identity_id=said.identity_id, role=said.role, until=said.until))]


@replays(AccessRevoked)
async def of_a_revocation(past: Past) -> Sequence[Asked]:
    said: AccessRevoked = past.event
    return [Asked(commands.revoke_access, RevokeAccess(identity_id=said.identity_id, role=said.role))]


@replays(TokenCreated)
async def of_a_token(past: Past) -> Sequence[Asked]:
    """Which secret it was is not asked: nobody may know it."""
    said: TokenCreated = past.event
    granted = past.said(AccessGranted)
    request = CreateToken(
        identity_id=said.identity_id,
        label="token",
        expires_at=said.expires_at,
        role=None if granted is None else granted.role,
        token_hash=NOBODYS_SECRET,
    )
    return [Asked(commands.create_token, request)]


@replays(SystemConnected)
async def of_a_connection(past: Past) -> Sequence[Asked]:
    said: SystemConnected = past.event
    return [Asked(commands.connect_system, ConnectSystem(system=said.system, identity_id=said.identity_id))]


@replays(SystemDisconnected)
async def of_a_disconnection(past: Past) -> Sequence[Asked]:
    return [Asked(commands.disconnect_system, DisconnectSystem(system=past.event.system))]


@replays(PolicyPublished)
async def of_a_policy(past: Past) -> Sequence[Asked] | None:
    """The text must still give the document that every decision was made by."""
    said: PolicyPublished = past.event
    kept = await past.kept("compliance.policy_texts", policy_version=said.policy_version)
    if kept is None:
        return None
    request = PolicyRequest(text=kept["text"], approver_id=said.approver_id, effective_at=said.effective_at)
    return [Asked(commands.publish_policy, request)]


@replays(ClientErased)
async def of_an_erasure(past: Past) -> Sequence[Asked]:
    return [Asked(commands.erase_client, EraseClient(client_id=past.event.client_id))]


@replays(ComplianceRefused, refusing=("erase_client",))
async def of_a_refused_erasure(past: Past) -> Sequence[Asked]:
    return [Asked(commands.erase_client, EraseClient(client_id=past.event.subject_id))]


@replays(EntrySkipped)
async def of_a_skip(past: Past) -> Sequence[Asked]:
    said: EntrySkipped = past.event
    request = SkipEntry.model_validate(
        {
            "service": said.service,
            "stage": said.stage,
            "epoch": said.skipped_epoch,
            "index": said.skipped_index,
            "approvers": said.approvers,
            "reason": said.reason,
        }
    )
    return [Asked(commands.skip_entry, request)]
