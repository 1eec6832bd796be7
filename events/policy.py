"""Every service keeps its own copy of the clinic's policy; this is how it follows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from events.asks import Ask
from events.catalog.compliance import PolicyPublished
from events.envelope import Entry
from events.projection import Projection
from events.tables import Rows
from schemas.policy import Policy


class PolicyCopy:
    """projection: a policy version as this service knows it."""

    clinic_id: Mapped[UUID] = mapped_column(primary_key=True)
    policy_version: Mapped[int] = mapped_column(primary_key=True)
    effective_at: Mapped[datetime]
    digest: Mapped[str]
    document: Mapped[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class InForce:
    """The policy that holds at a moment."""

    version: int
    policy: Policy


def follow_policy(projects: Projection, copies: type[PolicyCopy]) -> None:
    """Let a service's copies follow `policy.published`."""

    @projects(PolicyPublished)
    async def keep_policy(rows: Rows, entry: Entry[PolicyPublished]) -> None:
        published = entry.event
        rows.add(
            copies,
            clinic_id=entry.clinic_id,
            policy_version=published.policy_version,
            effective_at=published.effective_at,
            digest=published.digest,
            document=published.document.model_dump(mode="json"),
        )


_seen: dict[tuple[UUID, int, str], Policy] = {}
"""Policy versions never change, so one parse serves the process. Bounded in `_remember`."""


def _remember(key: tuple[UUID, int, str], document: dict[str, Any]) -> Policy:
    if len(_seen) > 2_000:  # noqa: PLR2004 - about 100 MB of policies at most
        _seen.clear()
    policy = Policy.model_validate(document)
    _seen[key] = policy
    return policy


async def policy_in_force(rows: AsyncSession | Rows, copies: type[PolicyCopy], clinic_id: UUID, at: datetime) -> InForce | None:
    """The newest policy that is effective at `at`, or None before the first."""
    newest, document = _asks_of(copies)
    found = await newest.first(rows, clinic=clinic_id, at=at)
    if found is None:
        return None
    key = (clinic_id, found.policy_version, found.digest)
    if key not in _seen:
        written = await document.first(rows, clinic=clinic_id, version=found.policy_version)
        return InForce(found.policy_version, _remember(key, written.document))
    return InForce(found.policy_version, _seen[key])


_asks: dict[type[PolicyCopy], tuple[Ask, Ask]] = {}


def _asks_of(copies: type[PolicyCopy]) -> tuple[Ask, Ask]:
    """The newest version that is effective at a moment; the text of a version."""
    if copies not in _asks:
        newest = (
            select(copies.policy_version, copies.digest)
            .where(copies.clinic_id == bindparam("clinic"), copies.effective_at <= bindparam("at"))
            .order_by(copies.policy_version.desc())
            .limit(literal_column("1"))
        )
        theirs = (copies.clinic_id == bindparam("clinic"), copies.policy_version == bindparam("version"))
        _asks[copies] = Ask(newest), Ask(select(copies.document).where(*theirs))
    return _asks[copies]
