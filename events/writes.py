"""Statements that change a service's tables, prepared once: how the driver takes one or many of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from sqlalchemy import ARRAY, Select, bindparam, func, select
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.dialects.postgresql.dml import OnConflictDoUpdate
from sqlalchemy.sql.dml import Insert, UpdateBase

from events.scopes import Names, scopes_of
from events.wire import in_json

Schemas = Mapping[str | None, str | None]
Values = Mapping[str, Any]

_lengths: defaultdict[str, set[int]] = defaultdict(lambda: {0})


def lengths_of(table: str) -> tuple[int, ...]:
    """How many leading columns of a table's key the statements that were made so far name, in rising order."""
    return tuple(sorted(_lengths[table]))


MANY = 8
"""From so many rows on, one array for each column is less work for the server than one statement for each row."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A statement as the driver takes it: its text, and for each place the parameter, its constant and how it is written."""

    text: str
    names: Names
    constants: Mapping[str, Any]
    written: Mapping[str, Any]

    def arguments(self, values: Values) -> list[Any]:
        """The values in the order of their places. Raises KeyError for a parameter that nobody gave."""
        found: list[Any] = []
        for name in self.names:
            value = values[name] if name in values else self.constants[name]
            processor = self.written.get(name)
            found.append(value if processor is None else processor(value))
        return found

    def column(self, name: str, many: Sequence[Values]) -> list[Any]:
        """One parameter's values in many rows."""
        processor = self.written.get(name)
        return [values[name] for values in many] if processor is None else [processor(values[name]) for values in many]


@cache
def dialect() -> PGDialect_asyncpg:
    return PGDialect_asyncpg(json_serializer=in_json, json_deserializer=orjson.loads)  # type: ignore[no-untyped-call] # SQLAlchemy has no types for it


def spoken(statement: UpdateBase | Select[Any], names: Names | None, schemas: Schemas | None) -> Spoken:
    mapped: dict[str, Any] = {"schema_translate_map": schemas, "render_schema_translate": True} if schemas else {}
    compiled: Any = statement.compile(dialect=dialect(), column_keys=names, **mapped)
    constants = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    return Spoken(str(compiled), tuple(compiled.positiontup), constants, dict(compiled._bind_processors))  # noqa: SLF001 - what SQLAlchemy itself does


class Write:
    """One INSERT, UPDATE or DELETE with bound parameters, prepared once: made at a module's top, given to `rows.write`.

    `scopes` are the tables that it names, each with the parameters that the leading columns of its key are set to or
    compared with: all columns name one row, none every row. Statements whose scopes do not meet may change places.
    """

    def __init__(self, statement: UpdateBase, names: Names | None = None, *, latest: bool = False) -> None:
        """`names`: the columns of an INSERT that says no values itself. `latest`: a row that is there gets all of them."""
        self._statement = statement
        self._names = names
        self._latest = latest
        self._spoken: dict[Any, tuple[Spoken, Spoken | None]] = {}
        self.scopes = scopes_of(statement, names or ())
        for table, scope in self.scopes.items():
            _lengths[table].add(len(scope))

    def calls(self, many: Sequence[Values], schemas: Schemas | None = None) -> tuple[str, list[list[Any]]]:
        """What to tell the driver so that all of these are written in this order: a text, and the arguments of each call.

        `schemas` stand in for the models' own: a rebuild works on shadows.
        """
        which = tuple(sorted(schemas.items(), key=str)) if schemas else None
        found = self._spoken.get(which)
        if found is None:
            gathered = _gathered(self._statement, self._names or ())
            one = spoken(self._statement, self._names, schemas)
            found = self._spoken[which] = (one, None if gathered is None else spoken(gathered, None, schemas))
        one, together = found
        rows = self._each_once(many) if together is not None and len(many) >= MANY else None
        if together is None or rows is None:
            return one.text, [one.arguments(values) for values in many]
        first, *others = together.names
        return together.text, [[rows[0][first], *(one.column(name, rows) for name in others)]]

    def _each_once(self, many: Sequence[Values]) -> Sequence[Values] | None:
        """The rows that one INSERT can take together: of one clinic, and none that it would have to change twice."""
        clinic = many[0]["clinic_id"]
        if any(values["clinic_id"] is not clinic and values["clinic_id"] != clinic for values in many):
            return None
        statement: Any = self._statement
        if not isinstance(statement._post_values_clause, OnConflictDoUpdate):  # noqa: SLF001 - nobody else tells
            return many
        key, *_ = self.scopes.values()
        keyed = {tuple(values[name] for name in key): values for values in many}
        return list(keyed.values()) if self._latest or len(keyed) == len(many) else None


def _gathered(statement: UpdateBase, names: Names) -> Insert | None:
    """The INSERT that takes an array for each column, and the clinic once. Arrays of arrays do not travel so."""
    target: Any = statement.table
    others = [name for name in names if name != "clinic_id"]
    if not isinstance(statement, Insert) or len(others) in {0, len(names)} or any(isinstance(target.c[name].type, ARRAY) for name in names):
        return None
    arrays = [bindparam(name, type_=ARRAY(target.c[name].type)) for name in others]
    given = func.unnest(*arrays).table_valued(*others, name="given").render_derived()
    clinic = bindparam("clinic_id", type_=target.c.clinic_id.type)
    return statement.from_select(["clinic_id", *others], select(clinic, *(given.c[name] for name in others)))
