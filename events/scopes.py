"""Which rows a statement can touch, as far as it shows that itself: read from keys and parameters, once, when it is made."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Alias, Select, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.sql import operators
from sqlalchemy.sql.dml import Insert, Update, UpdateBase
from sqlalchemy.sql.elements import BinaryExpression, BindParameter, BooleanClauseList, ColumnClause

Names = tuple[str, ...]
Pins = Mapping[tuple[str, str], str]
"""Table and column: the parameter that the column is set to or compared with."""


def scopes_of(statement: UpdateBase, names: Names = ()) -> dict[str, Names]:
    """For each table that it names, its own first: the parameters that pin the leading columns of the key.

    All columns: it touches that one row. None: it may touch every row. `names` are an INSERT's columns given from outside.
    """
    found: dict[str, Names] = {}
    for part in _parts(statement):
        for table, shown in _mentioned(part, _pins(part, names if part is statement else ())):
            found[table.fullname] = _shared(found.get(table.fullname, shown), shown)
    return found


def _shared(one: Names, other: Names) -> Names:
    """What both begin with."""
    same = next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other)))
    return one[:same]


def _parts(statement: Any) -> Iterator[Any]:
    """The statement, and every statement inside it: subqueries, and what a CTE reads or writes."""
    seen, todo = {id(statement)}, [statement]
    while todo:
        part = todo.pop(0)
        yield part
        for inner in _near(part):
            if isinstance(inner, Select | UpdateBase) and id(inner) not in seen:
                seen.add(id(inner))
                todo.append(inner)


def _near(part: Any) -> Iterator[Any]:
    """Everything in one statement, without the inside of others in it."""
    todo = list(part.get_children())
    met: list[Any] = []
    while todo:
        inner = todo.pop(0)
        if any(inner is other for other in met):
            continue
        met.append(inner)
        yield inner
        if isinstance(inner, ColumnClause):
            todo += [] if inner.table is None else [inner.table]
        elif not isinstance(inner, Table | Select | UpdateBase) and not _is_second_name(inner):
            todo += inner.get_children()


def _is_second_name(part: Any) -> bool:
    return isinstance(part, Alias) and isinstance(part.element, Table)


def _mentioned(part: Any, pins: Pins) -> Iterator[tuple[Table, Names]]:
    for inner in _near(part):
        if isinstance(inner, Table):
            yield inner, _leading(inner, pins)
        elif _is_second_name(inner) and not (isinstance(part, Insert) and inner.name == "excluded"):
            yield inner.element, ()


def _leading(table: Table, pins: Pins) -> Names:
    unique = any(isinstance(constraint, UniqueConstraint | ExcludeConstraint) for constraint in table.constraints)
    if unique or any(index.unique for index in table.indexes):
        return ()  # one row's change may stand in another one's way
    found: list[str] = []
    for column in table.primary_key.columns:
        pinned = pins.get((table.fullname, column.name))
        if pinned is None:
            break
        found.append(pinned)
    return tuple(found)


def _pins(part: Any, names: Names) -> Pins:
    if isinstance(part, Insert):
        target: Any = part.table
        return {(target.fullname, column): name for column, name in _inserted(part, names)}
    pins = dict(_compared(part.whereclause))
    changed: Any = (part._values or ()) if isinstance(part, Update) else ()  # noqa: SLF001 - SQLAlchemy shows them nowhere else
    for column in changed:
        pins.pop((part.table.fullname, column.name), None)  # a row that gets another key is in two places
    return pins


def _inserted(part: Insert, names: Names) -> Iterator[tuple[str, str]]:
    yield from ((name, name) for name in names)
    values: Any = part._values or {}  # noqa: SLF001 - as above
    given = [(column.name, value) for column, value in values.items()]
    if part.select is not None:
        selected: Any = part.select
        given += zip(part._select_names or (), selected.selected_columns, strict=True)  # noqa: SLF001 - as above
    yield from ((name, str(value.key)) for name, value in given if isinstance(value, BindParameter) and value.required)


def _compared(clause: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """`column = :parameter` among conditions that all must hold."""
    if isinstance(clause, BooleanClauseList) and clause.operator is operators.and_:
        for part in clause.clauses:
            yield from _compared(part)
    elif isinstance(clause, BinaryExpression) and clause.operator is operators.eq:
        column, value = clause.left, clause.right
        if isinstance(column, ColumnClause) and isinstance(column.table, Table) and isinstance(value, BindParameter) and value.required:
            yield (column.table.fullname, column.name), str(value.key)
