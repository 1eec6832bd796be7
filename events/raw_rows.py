"""Rows of the ledger as they stand in the table, cheaply: PostgreSQL's binary COPY, taken apart by hand."""

import struct
from collections.abc import Iterator
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


def raw_rows(copied: bytes | bytearray) -> Iterator[Raw]:
    """Rows of PostgreSQL's binary COPY. Ends early at a row of another form, which no entry has that was not changed."""
    at = _SIGNATURE
    fixed, length, lengths = _FIXED.unpack_from, _LENGTH.unpack_from, _LENGTHS
    view = bytes(copied)  # slices of a bytearray would be bytearrays
    while len(view) - at > _FIXED.size:
        columns, a, index, b, micros, c, event_id, d, chain, long = fixed(view, at)
        if (columns, a, b, c, d) != lengths or long < 0:
            return
        at += _FIXED.size
        kind = view[at : at + long].decode()
        at += long
        (long,) = length(view, at)
        if long < 0:
            return
        at += 4
        yield index, micros, event_id, kind, view[at : at + long], chain
        at += long


async def copied_rows(rows: asyncpg.Connection, clinic_id: UUID, epoch: int, size: int, limit: int) -> Iterator[Raw]:
    """Up to so many entries from index `size` on."""
    into = bytearray()

    async def take(part: bytes) -> None:
        into.extend(part)

    # UUID and integers: nothing in them can be read as SQL.
    query = (
        f"select {_COLUMNS} from ledger.entries where clinic_id = '{UUID(int=clinic_id.int)}'"  # noqa: S608
        f" and epoch = {int(epoch)} and index >= {int(size)} order by index limit {int(limit)}"
    )
    await rows.copy_from_query(query, output=take, format="binary")
    return raw_rows(into)


_PLAIN = """select index, recorded_at, event_id, type, body, chain from ledger.entries
            where clinic_id = $1 and epoch = $2 and index >= $3 order by index limit $4"""


async def plain_rows(rows: asyncpg.Connection, clinic_id: UUID, epoch: int, size: int, limit: int) -> list[Row]:
    """The same in Python's own types, for whoever looks closer."""
    return [Row(*row) for row in await rows.fetch(_PLAIN, clinic_id, epoch, size, limit)]
