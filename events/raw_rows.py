"""Rows of the ledger as they stand in the table, cheaply: PostgreSQL's binary COPY, taken apart by hand."""

import struct
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

import asyncpg

from events.chain import Raw, Row

_COLUMNS = "index, recorded_at, event_id, chain, type, body"
_FIXED = struct.Struct(">hiqiqi16si32si")
"""Six columns; four with their lengths, and the length of the type."""
_LENGTHS = (6, 8, 8, 16, 32)
_LENGTH = struct.Struct(">i")
_SIGNATURE = 19
"""Bytes before the first row: eleven that say what this is, flags, the length of an extension that nobody has made yet."""


class RawRows:
    """Takes a binary COPY part by part, wherever it is cut, and hands out the rows that are whole.

    `over` once there was a row of another form, which no entry has that was not changed, or once somebody had enough:
    nothing is handed out any more.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._skip = _SIGNATURE
        self.over = False

    def rows(self, part: bytes) -> Iterator[Raw]:
        """The rows that end in this part. Whoever does not take them all has had enough."""
        if self.over:
            return
        self.over = True  # until all of them were taken
        view = self._rest + part if self._rest else part
        at, end = self._skip, len(view)
        fixed, length, lengths, least = _FIXED.unpack_from, _LENGTH.unpack_from, _LENGTHS, _FIXED.size
        while end - at >= least:
            columns, a, index, b, micros, c, event_id, d, chain, long = fixed(view, at)
            if (columns, a, b, c, d) != lengths or long < 0:
                return
            body = at + least + long + 4
            if end < body:
                break
            (size,) = length(view, body - 4)
            if size < 0:
                return
            if end - body < size:
                break
            yield index, micros, event_id, view[at + least : body - 4].decode(), view[body : body + size], chain
            at = body + size
        self._rest, self._skip, self.over = view[at:], max(0, at - end), False


async def take_raw_rows(
    rows: asyncpg.Connection, clinic_id: UUID, epoch: int, size: int, limit: int, take: Callable[[Iterable[Raw]], None]
) -> None:
    """Hand up to so many entries from index `size` on to `take`, some hundred at a time, as long as it takes them all.

    They come in one statement: while some are worked here, PostgreSQL makes the next ones ready.
    """
    found = RawRows()

    async def hear(part: bytes) -> None:
        take(found.rows(part))

    # UUID and integers: nothing in them can be read as SQL.
    query = (
        f"select {_COLUMNS} from ledger.entries where clinic_id = '{UUID(int=clinic_id.int)}'"  # noqa: S608
        f" and epoch = {int(epoch)} and index >= {int(size)} order by index limit {int(limit)}"
    )
    await rows.copy_from_query(query, output=hear, format="binary")


_PLAIN = """select index, recorded_at, event_id, type, body, chain from ledger.entries
            where clinic_id = $1 and epoch = $2 and index >= $3 order by index limit $4"""


async def plain_rows(rows: asyncpg.Connection, clinic_id: UUID, epoch: int, size: int, limit: int) -> list[Row]:
    """The same in Python's own types, for whoever looks closer."""
    return [Row(*row) for row in await rows.fetch(_PLAIN, clinic_id, epoch, size, limit)]
