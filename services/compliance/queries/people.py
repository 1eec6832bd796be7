"""Who may act in the clinic, and which policy holds."""

from collections import defaultdict
from uuid import UUID

from sqlalchemy import select

from events.access import AccessToken, Grant
from events.transaction import View
from schemas.compliance import Identity, PolicyApproval, PolicyReply, TokenSeen
from schemas.policy import Policy, sources
from schemas.vocabulary import Role
from services.compliance.models import IdentityRow, Policies, PolicyTextRow


async def identities(view: View) -> tuple[Identity, ...]:
    """Everybody who has a role in force now, or a name here."""
    names = select(IdentityRow.identity_id, IdentityRow.display_name).where(IdentityRow.clinic_id == view.clinic_id)
    called: dict[UUID, str] = {row.identity_id: row.display_name for row in await view.rows.execute(names)}
    granted = select(Grant.identity_id, Grant.role).where(
        Grant.clinic_id == view.clinic_id, Grant.granted, Grant.until.is_(None) | (Grant.until > view.now)
    )
    roles: defaultdict[UUID, list[Role]] = defaultdict(list)
    for row in await view.rows.execute(granted):
        roles[row.identity_id].append(Role(row.role))
    everybody = sorted({*called, *roles})
    return tuple(Identity(identity_id=who, display_name=called.get(who), roles=tuple(sorted(roles[who]))) for who in everybody)


async def tokens(view: View) -> tuple[TokenSeen, ...]:
    """Every token that was made for this clinic, in order of their making."""
    query = select(AccessToken).where(AccessToken.clinic_id == view.clinic_id).order_by(AccessToken.created_at, AccessToken.token_id)
    return tuple(
        TokenSeen(
            token_id=row.token_id,
            identity_id=row.identity_id,
            label=row.label,
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )
        for row in (await view.rows.execute(query)).scalars()
    )


async def policy_reply(view: View) -> PolicyReply | None:
    """The policy in force now, its text, and where each default comes from; None before the first."""
    newest = (
        select(Policies, PolicyTextRow.text)
        .outerjoin(
            PolicyTextRow, (PolicyTextRow.clinic_id == Policies.clinic_id) & (PolicyTextRow.policy_version == Policies.policy_version)
        )
        .where(Policies.clinic_id == view.clinic_id, Policies.effective_at <= view.now)
        .order_by(Policies.policy_version.desc())
        .limit(1)
    )
    found = (await view.rows.execute(newest)).one_or_none()
    if found is None:
        return None
    version, text = found
    return PolicyReply(
        approval=PolicyApproval(
            policy_version=version.policy_version,
            approver_id=version.approver_id,
            effective_at=version.effective_at,
            index=version.index,
        ),
        digest=version.digest,
        document=Policy.model_validate(version.document),
        text=text,
        sources=dict(sources()),
    )
