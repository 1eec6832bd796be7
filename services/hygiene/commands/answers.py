"""What every decision of hygiene begins and may end with."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.orm import DeclarativeBase

from events.catalog.hygiene import HygieneRefused
from events.policy import InForce, policy_in_force
from events.transaction import Answer, RecordUnreadableError, Transaction
from schemas.vocabulary import Finding
from services.hygiene.models import Policies

T = TypeVar("T")
R = TypeVar("R", bound=DeclarativeBase)


async def policy_now(tx: Transaction) -> InForce:
    """The policy of this moment. Without one nothing is decided: raises `RecordUnreadableError`."""
    rule = await policy_in_force(tx.rows, Policies, tx.clinic_id, at=tx.now)
    if rule is None:
        raise RecordUnreadableError("no policy is in force")
    return rule


async def row_of(tx: Transaction, kind: type[R], record_id: UUID) -> R | None:
    """The clinic's row with this id, as it stands now."""
    return await tx.rows.get(kind, (tx.clinic_id, record_id), populate_existing=True)


def tells_the_same(row: DeclarativeBase, **claims: object) -> bool:
    """Whether a report that came under the same id from somebody else says what is recorded."""
    return all(getattr(row, name) == claim for name, claim in claims.items())


async def refuse(tx: Transaction, command: str, subject_id: UUID, findings: Iterable[Finding], rule: InForce) -> Answer[Any]:
    """Answer with every reason; the refusal is recorded."""
    refused = HygieneRefused(command=command, subject_id=subject_id, findings=tuple(findings))
    return await tx.answer(refused, policy=rule.version)


def pages(items: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Items in lots of at most so many: an entry of the ledger holds 32 KiB."""
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])
