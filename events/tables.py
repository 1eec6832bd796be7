"""A service's own tables as its projectors write them: `rows.put`, `rows.add`, `rows.write`; `rows.execute` asks.

Writes wait until somebody asks, or until the page of entries is over. Then they go to the driver together: statements that
touch different rows change places, so that equal ones stand beside each other and travel as one. What they leave behind
is what they would have left one by one, in the order in which they were given.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Result
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from events import wire
from events.scopes import Names
from events.writes import Values, Write, lengths_of

__all__ = ["Rows", "Write"]

Key = tuple[Any, ...]
Mark = tuple[int, Write]
"""The last turn in which something was touched, and a statement that did it.

Who asks for what it has itself touched in that turn is that statement: no other one shares a turn with it there.
"""

_prepared: dict[tuple[str, type[Any], Names], Write] = {}
"""One for each table and set of columns that a projector writes."""


def _putting(kind: type[Any], names: Names) -> Write:
    keys = [column.name for column in kind.__table__.primary_key.columns]
    new = insert(kind)
    values = [name for name in names if name not in keys]
    if not values:
        return Write(new.on_conflict_do_nothing(index_elements=keys), names)
    changed = new.on_conflict_do_update(index_elements=keys, set_={name: new.excluded[name] for name in values})
    return Write(changed, names, latest=True)


def _adding(kind: type[Any], names: Names) -> Write:
    return Write(insert(kind).on_conflict_do_nothing(), names)


def _made(how: str, make: Callable[[type[Any], Names], Write], kind: type[Any], names: Names) -> Write:
    found = _prepared.get((how, kind, names))
    if found is None:
        found = _prepared[how, kind, names] = make(kind, names)
    return found


class _Touched:
    """How far the writes to one table have come: for each scope, what was given for it, and for it or anything in it."""

    __slots__ = ("_given", "_inside", "_lengths")

    def __init__(self, table: str, first: Write | None) -> None:
        """`first`: what has been written in the first turn already. Nobody has looked which rows it touched."""
        self._lengths = lengths_of(table)
        self._given: dict[Key, Mark] = {(): (0, first)} if first else {}
        self._inside = dict(self._given)

    def turn(self, statement: Write, key: Key) -> int:
        """The first turn after all that this write must not overtake. Equal statements keep their order within a turn."""
        inside = self._inside.get(key)
        turn = 0 if inside is None else _behind(inside, statement)
        for length in self._lengths:
            if length >= len(key):
                break
            given = self._given.get(key[:length])
            if given is not None:
                turn = max(turn, _behind(given, statement))
        return turn

    def settle(self, statement: Write, key: Key, turn: int) -> None:
        """The write has its turn."""
        self._given[key] = _later(self._given.get(key), turn, statement)
        for length in self._lengths:
            if length > len(key):
                break
            self._inside[key[:length]] = _later(self._inside.get(key[:length]), turn, statement)

    def scope(self, key: Key) -> Key:
        """The key, or the longest beginning of it that is looked after: a statement that was made late may show more."""
        return key if len(key) in self._lengths else key[: max(length for length in self._lengths if length < len(key))]


def _behind(mark: Mark, statement: Write) -> int:
    return mark[0] if mark[1] is statement else mark[0] + 1


def _later(mark: Mark | None, turn: int, statement: Write) -> Mark:
    return (turn, statement) if mark is None or turn > mark[0] else mark


class Rows:
    """What a projector gets: a session of its service's tables whose writes travel together."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session
        self.kept: dict[Any, Any] = {}
        """What was asked once for all entries of the page. Whoever writes what it was made of takes it out."""
        self._waiting: list[dict[Write, list[Values]]] = [{}]
        self._alone: dict[Write, list[Values]] = {}
        """Statements whose tables nothing else has touched: all of theirs is in the first turn."""
        self._owned: dict[str, Write] = {}
        self._touched: dict[str, _Touched] = {}

    def put(self, kind: type[Any], /, **values: Any) -> None:
        """Insert a row, or set these values on the one that has its key."""
        self._wait(_made("put", _putting, kind, tuple(values)), values)

    def add(self, kind: type[Any], /, **values: Any) -> None:
        """Insert a row, unless one stands there."""
        self._wait(_made("add", _adding, kind, tuple(values)), values)

    def write(self, statement: Write, /, **values: Any) -> None:
        """Let a prepared statement wait for its turn."""
        self._wait(statement, values)

    def _wait(self, statement: Write, values: Values) -> None:
        alone = self._alone.get(statement)
        if alone is None:
            self._enqueue(statement, values)
        else:
            alone.append(values)

    def _enqueue(self, statement: Write, values: Values) -> None:
        if not any(table in self._owned or table in self._touched for table in statement.scopes):
            self._owned |= dict.fromkeys(statement.scopes, statement)
            self._alone[statement] = self._waiting[0][statement] = [values]
            return
        scopes: list[tuple[_Touched, Key]] = []
        for table, names in statement.scopes.items():
            touched = self._shared(table)
            scopes.append((touched, touched.scope(tuple([values[name] for name in names]))))
        turn = max([touched.turn(statement, key) for touched, key in scopes])
        for touched, key in scopes:
            touched.settle(statement, key, turn)
        while len(self._waiting) <= turn:
            self._waiting.append({})
        self._waiting[turn].setdefault(statement, []).append(values)

    def _shared(self, table: str) -> _Touched:
        """The table, from now on with a look at who touches which of its rows."""
        owner = self._owned.get(table)
        if owner is not None:
            del self._alone[owner]
            for name in owner.scopes:
                del self._owned[name]
                self._touched[name] = _Touched(name, owner)
        elif table not in self._touched:
            self._touched[table] = _Touched(table, None)
        return self._touched[table]

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, [{}]
        self._alone, self._owned, self._touched = {}, {}, {}
        if not waiting[0]:
            return
        schemas = await wire.schemas_of(self.session)
        for turn in waiting:
            for statement, many in turn.items():
                text, calls = statement.calls(many, schemas)
                await wire.write(self.session, text, calls)

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
