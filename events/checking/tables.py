"""Tables against what the ledger says of them, row by row. Findings name keys and no values: they may be a client's."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text
from sqlalchemy.ext.asyncio import AsyncSession

from events.checking.shadows import real_of, shadow_of

MOST_SHOWN = 20


@dataclass(slots=True)
class Compared:
    """One table: how many rows the ledger gives, and what differs, by key."""

    table: str
    rows: int = 0
    differences: list[str] = field(default_factory=list)


Keys = set[tuple[Any, ...]]


async def compare(
    rows: AsyncSession, table: Table, clinic_id: UUID, found: Compared, besides: Collection[str] = (), named: Sequence[str] = ()
) -> Keys:
    """Rows that stand on one side only, both ways. A key that stands on both has other content. Columns `besides` may differ.

    Rows are named by their key, or by the columns `named`. Returns the names of rows that the table lacks; they are not
    among the differences.
    """
    real, shadow = real_of(table), shadow_of(table)
    keys = list(named) or [column.name for column in table.primary_key.columns]
    columns = ", ".join(f'"{column.name}"' for column in table.columns if column.name not in besides)
    key = ", ".join(f'"{name}"' for name in keys)
    theirs, values = "where clinic_id = :clinic", {"clinic": clinic_id}
    count = text(f"select count(*) from {shadow} {theirs}")  # noqa: S608 - names from our own models
    found.rows += (await rows.execute(count, values)).scalar_one()
    differing: list[Keys] = []
    for one, other in ((real, shadow), (shadow, real)):
        difference = f"(select {columns} from {one} {theirs} except select {columns} from {other} {theirs})"  # noqa: S608 - as above
        query = text(f"select {key} from {difference} d order by {key} limit {MOST_SHOWN}")  # noqa: S608 - as above
        differing.append({tuple(row) for row in (await rows.execute(query, values)).all()})
    only_real, only_ledger = differing
    for which, words in (
        (only_real & only_ledger, "is not what the ledger says"),
        (only_real - only_ledger, "is in the table, and the ledger does not say so"),
    ):
        found.differences += [_sentence(keys, row, clinic_id, words) for row in sorted(which, key=str)]
    return only_ledger - only_real


def missing(table: Table, clinic_id: UUID, lacking: Keys, named: Sequence[str] = ()) -> list[str]:
    """Sentences about rows that the table lacks."""
    keys = list(named) or [column.name for column in table.primary_key.columns]
    return [_sentence(keys, row, clinic_id, "is missing in the table") for row in sorted(lacking, key=str)]


def _sentence(keys: Sequence[str], row: tuple[Any, ...], clinic_id: UUID, words: str) -> str:
    shown = ", ".join(f"{name}={value}" for name, value in zip(keys, row, strict=True) if name != "clinic_id")
    return f"row {shown} of clinic {clinic_id} {words}"
