"""The projection itself, and the two ways in which its rows change most often."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import literal, update
from sqlalchemy.dialects.postgresql import insert

from events.policy import follow_policy
from events.projection import Projection
from events.tables import Rows
from services.hygiene.models import Lot, Policies

projects = Projection("hygiene")
follow_policy(projects, Policies)


async def put_all(rows: Rows, kind: type[Any], values: Sequence[dict[str, Any]]) -> int:
    """Insert the rows whose keys are free, in one statement; says how many."""
    if not values:
        return 0
    done = await rows.execute(insert(kind).values(list(values)).on_conflict_do_nothing().returning(literal(1)))
    return len(done.all())


async def put(rows: Rows, kind: type[Any], /, **values: Any) -> bool:
    """Insert a row if its key is free; says whether it was."""
    done = await rows.execute(insert(kind).values(**values).on_conflict_do_nothing().returning(literal(1)))
    return done.first() is not None


async def count_units(rows: Rows, clinic_id: UUID, lot_id: UUID, *, labeled: int = 0, used: int = 0, wasted: int = 0) -> None:
    await rows.execute(
        update(Lot)
        .where(Lot.clinic_id == clinic_id, Lot.lot_id == lot_id)
        .values(labeled=Lot.labeled + labeled, used=Lot.used + used, wasted=Lot.wasted + wasted)
    )
