"""Questions that are asked in every decision, prepared once: SQLAlchemy writes the statement, the driver carries it.

`select(...)` through a session is compiled, cached and wrapped anew each time, which costs several times what the answer
takes. An `Ask` stands at a module's top with bound parameters; its answers are named tuples of the selected columns.
"""

from collections import namedtuple
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from events import wire
from events.tables import Rows
from events.wire import Line, schemas_of
from events.writes import Schemas, Spoken, dialect, spoken


class Ask:
    """One SELECT with bound parameters."""

    def __init__(self, query: Select[*tuple[Any, ...]]) -> None:
        self._query = query
        names = [column.name for column in query.selected_columns]
        shape: Any = namedtuple("Found", names)  # type: ignore[misc] # noqa: PYI024 - its fields are known here only
        self._shape = shape
        read = [column.type._cached_result_processor(dialect(), None) for column in query.selected_columns]  # noqa: SLF001 - what SQLAlchemy itself does
        self._read = read if any(processor is not None for processor in read) else None
        self._spoken: dict[Any, Spoken] = {}

    async def all(self, where: AsyncSession | Rows | Line, /, **values: Any) -> Sequence[Any]:
        """Every row. Sees what was written before, and what a session was told to add only once it was flushed."""
        if isinstance(where, Rows):
            await where.flush()
            where = where.session
        schemas = None if isinstance(where, Line) else await schemas_of(where)
        statement = self._for(schemas)
        found = await wire.fetch(where, statement.text, *statement.arguments(values))
        if self._read is None:
            return [self._shape(*row) for row in found]
        return [
            self._shape(*(value if read is None else read(value) for read, value in zip(self._read, row, strict=True))) for row in found
        ]

    async def first(self, where: AsyncSession | Rows | Line, /, **values: Any) -> Any:
        """The first row, or None."""
        found = await self.all(where, **values)
        return found[0] if found else None

    def _for(self, schemas: Schemas | None) -> Spoken:
        which = tuple(sorted(schemas.items(), key=str)) if schemas else None
        found = self._spoken.get(which)
        if found is None:
            found = self._spoken[which] = spoken(self._query, None, schemas)
        return found
