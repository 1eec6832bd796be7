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
        rows.kept.pop((copies, entry.clinic_id), None)
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
    found = await (
        _newest_of_page(rows, copies, clinic_id, at)
        if isinstance(rows, Rows)
        else _asks_of(copies).newest.first(rows, clinic=clinic_id, at=at)
    )
    if found is None:
        return None
    key = (clinic_id, found.policy_version, found.digest)
    if key not in _seen:
        written = await _asks_of(copies).document.first(rows, clinic=clinic_id, version=found.policy_version)
        return InForce(found.policy_version, _remember(key, written.document))
    return InForce(found.policy_version, _seen[key])


async def _newest_of_page(rows: Rows, copies: type[PolicyCopy], clinic_id: UUID, at: datetime) -> Any:
    """A projector asks for entry after entry: the versions are fetched once, until another one is published."""
    if (copies, clinic_id) not in rows.kept:
        rows.kept[copies, clinic_id] = await _asks_of(copies).versions.all(rows, clinic=clinic_id)
    return next((version for version in rows.kept[copies, clinic_id] if version.effective_at <= at), None)


@dataclass(frozen=True, slots=True)
class _Asks:
    """Every version, the newest first; the newest that is effective at a moment; the text of one."""

    versions: Ask
    newest: Ask
    document: Ask


_asks: dict[type[PolicyCopy], _Asks] = {}


def _asks_of(copies: type[PolicyCopy]) -> _Asks:
    if copies not in _asks:
        theirs = copies.clinic_id == bindparam("clinic")
        versions = select(copies.policy_version, copies.digest, copies.effective_at).where(theirs).order_by(copies.policy_version.desc())
        _asks[copies] = _Asks(
            Ask(versions),
            Ask(versions.where(copies.effective_at <= bindparam("at")).limit(literal_column("1"))),
            Ask(select(copies.document).where(theirs, copies.policy_version == bindparam("version"))),
        )
    return _asks[copies]
