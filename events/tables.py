"""A service's own tables as its projectors write them: `rows.put`, `rows.add`, `rows.write`; `rows.execute` asks.

Writes wait until somebody asks, or until the page of entries is over. Then they go to the driver together: statements that
touch different rows change places, so that equal ones stand beside each other and travel as one. What they leave behind
is what they would have left one by one, in the order in which they were given.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Result, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint, insert
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Insert, UpdateBase
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnElement
from sqlalchemy.sql.schema import Column
from sqlalchemy.sql.selectable import SelectBase

from events import wire
from events.wire import in_json

Names = tuple[str, ...]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Spoken:
    """A statement as the driver takes it: its text, and for each place the parameter, its constant and how it is written."""

    text: str
    names: Names
    constants: Mapping[str, Any]
    written: Mapping[str, Any]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """The values in the order of their places. Raises KeyError for a parameter that nobody gave."""
        found: list[Any] = []
        for name in self.names:
            value = values[name] if name in values else self.constants[name]
            processor = self.written.get(name)
            found.append(value if processor is None else processor(value))
        return found


class Write:
    """One INSERT, UPDATE or DELETE with bound parameters, prepared once: made at a module's top, given to `rows.write`.

    `key` are the parameters that name the one row it touches, when the statement itself shows it: all columns of the primary
    key are inserted, or are compared with parameters. Otherwise it may touch every row of the tables that it names.
    """

    def __init__(self, statement: UpdateBase, names: Names | None = None) -> None:
        self._statement = statement
        self._names = names
        self._spoken: dict[Any, Spoken] = {}
        target: Any = statement.table
        self.tables = tuple({part for part in visitors.iterate(statement) if isinstance(part, Table)} | {target})
        self.key = _key_of(statement, target, names or ())

    def spoken(self, schemas: Mapping[str | None, str | None] | None = None) -> Spoken:
        """The statement for the driver; `schemas` stand in for the models' own (a rebuild works on shadows)."""
        which = tuple(sorted(schemas.items(), key=str)) if schemas else None
        found = self._spoken.get(which)
        if found is None:
            mapped: dict[str, Any] = {"schema_translate_map": schemas, "render_schema_translate": True} if schemas else {}
            compiled: Any = self._statement.compile(dialect=_dialect(), column_keys=self._names, **mapped)
            constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
            found = Spoken(str(compiled), tuple(compiled.positiontup), constants, dict(compiled._bind_processors))  # noqa: SLF001 - what SQLAlchemy itself does
            self._spoken[which] = found
        return found


@cache
def _dialect() -> PGDialect_asyncpg:
    return PGDialect_asyncpg(json_serializer=in_json)  # type: ignore[no-untyped-call] # SQLAlchemy has no types for it


def _key_of(statement: UpdateBase, target: Table, names: Names) -> Names | None:
    others = [
        part
        for part in visitors.iterate(statement)
        if isinstance(part, SelectBase) or (isinstance(part, UpdateBase) and part is not statement)
    ]
    if others or _is_kept_apart(target):
        return None
    wanted = [column.name for column in target.primary_key.columns]
    if isinstance(statement, Insert):
        return tuple(wanted) if set(wanted) <= set(names) else None
    compared = dict(_comparisons(getattr(statement, "whereclause", None)))
    return tuple(compared[name] for name in wanted) if set(wanted) <= set(compared) else None


def _is_kept_apart(target: Table) -> bool:
    """Whether one row's change may stand in another one's way."""
    unique = any(isinstance(constraint, UniqueConstraint | ExcludeConstraint) for constraint in target.constraints)
    return unique or any(index.unique for index in target.indexes)


def _comparisons(clause: ColumnElement[Any] | None) -> Sequence[tuple[str, str]]:
    """`column = :parameter` among conditions that all must hold."""
    if isinstance(clause, BooleanClauseList):
        return [found for part in clause.clauses for found in _comparisons(part)] if clause.operator is operators.and_ else []
    if isinstance(clause, BinaryExpression) and clause.operator is operators.eq:
        column, value = clause.left, clause.right
        if isinstance(column, Column) and isinstance(value, BindParameter):
            return [(column.name, str(value.key))]
    return []


_prepared: dict[tuple[str, type[Any], Names], Write] = {}
"""One for each table and set of columns that a projector writes."""


def _putting(kind: type[Any], names: Names) -> Write:
    keys = [column.name for column in kind.__table__.primary_key.columns]
    new = insert(kind)
    values = [name for name in names if name not in keys]
    if not values:
        return Write(new.on_conflict_do_nothing(index_elements=keys), names)
    return Write(new.on_conflict_do_update(index_elements=keys, set_={name: new.excluded[name] for name in values}), names)


def _adding(kind: type[Any], names: Names) -> Write:
    return Write(insert(kind).on_conflict_do_nothing(), names)


def _made(how: str, make: Callable[[type[Any], Names], Write], kind: type[Any], names: Names) -> Write:
    found = _prepared.get((how, kind, names))
    if found is None:
        found = _prepared[how, kind, names] = make(kind, names)
    return found


@dataclass(slots=True)
class _Touched:
    """How far the writes to one table have come, by statement: to any row, to the whole table, to one row."""

    all: dict[Write, int] = field(default_factory=dict)
    whole: dict[Write, int] = field(default_factory=dict)
    rows: dict[Key, tuple[Write, int]] = field(default_factory=dict)


class Rows:
    """What a projector gets: a session of its service's tables whose writes travel together."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self._waiting: list[dict[Write, list[Mapping[str, Any]]]] = []
        self._touched: dict[Table, _Touched] = {}

    def put(self, kind: type[Any], /, **values: Any) -> None:
        """Insert a row, or set these values on the one that has its key."""
        self.write(_made("put", _putting, kind, tuple(values)), **values)

    def add(self, kind: type[Any], /, **values: Any) -> None:
        """Insert a row, unless one stands there."""
        self.write(_made("add", _adding, kind, tuple(values)), **values)

    def write(self, statement: Write, /, **values: Any) -> None:
        """Let a prepared statement wait for its turn."""
        turn = self._turn(statement, values)
        while len(self._waiting) <= turn:
            self._waiting.append({})
        self._waiting[turn].setdefault(statement, []).append(values)

    def _turn(self, statement: Write, values: Mapping[str, Any]) -> int:
        """The first turn after all that this write must not overtake. Equal statements keep their order within a turn."""
        touched = [self._touched.setdefault(table, _Touched()) for table in statement.tables]
        key = None if statement.key is None else tuple(values[name] for name in statement.key)
        if key is None:
            before = [(other, turn) for table in touched for other, turn in table.all.items()]
        else:
            before = [*touched[0].whole.items(), *([touched[0].rows[key]] if key in touched[0].rows else [])]
        turn = max((turn if other is statement else turn + 1 for other, turn in before), default=0)
        for table in touched:
            table.all[statement] = max(turn, table.all.get(statement, 0))
            if key is None:
                table.whole[statement] = max(turn, table.whole.get(statement, 0))
        if key is not None:
            touched[0].rows[key] = (statement, turn)
        return turn

    async def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        waiting, self._waiting, self._touched = self._waiting, [], {}
        schemas = await wire.schemas_of(self.session)
        for turn in waiting:
            for statement, many in turn.items():
                spoken = statement.spoken(schemas)
                await wire.write(self.session, spoken.text, [spoken.arguments(values) for values in many])

    async def execute(self, query: Any, values: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> Result[Any]:
        """Ask, or write what must be answered at once. Sees everything that was written before."""
        await self.flush()
        found: Result[Any] = await self.session.execute(query, values)
        return found

    async def scalar(self, query: Any) -> Any:
        """The first column of the first row, or None."""
        return (await self.execute(query)).scalar()

    async def scalars(self, query: Any) -> Sequence[Any]:
        """The first column of every row."""
        return (await self.execute(query)).scalars().all()
