"""A binary COPY is taken apart the same wherever it is cut, and what has another form is not handed out."""

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as some

from events.chain import Raw
from events.raw_rows import RawRows

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

rows_of_any_kind = some.lists(
    some.tuples(
        some.integers(0, 2**63 - 1),
        some.integers(-(2**63), 2**63 - 1),
        some.binary(min_size=16, max_size=16),
        some.from_regex(r"[a-z0-9._-]{0,20}", fullmatch=True),
        some.binary(max_size=60),
        some.binary(min_size=32, max_size=32),
    ),
    max_size=6,
)


def copied(rows: Sequence[Raw]) -> bytes:
    """As PostgreSQL writes it: each column with its length before it."""
    written = bytearray(HEAD)
    for index, micros, event_id, kind, body, chain in rows:
        written += struct.pack(">h", 6)
        for column in (struct.pack(">q", index), struct.pack(">q", micros), event_id, chain, kind.encode(), body):
            written += struct.pack(">i", len(column)) + column
    return bytes(written + TRAILER)


@given(rows_of_any_kind, some.data())
def test_rows_are_the_same_wherever_the_copy_is_cut(rows: list[Raw], data: some.DataObject) -> None:
    whole = copied(rows)
    cuts = sorted(data.draw(some.lists(some.integers(len(HEAD), len(whole)), max_size=5)))
    reader, found = RawRows(), list[Raw]()
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        found += reader.rows(whole[begin:end])
    assert found == rows
    assert not reader.over


def test_the_head_may_come_alone() -> None:
    row = (0, 1, bytes(16), "a.v1", b"{}", bytes(32))
    reader = RawRows()
    whole = copied([row])
    assert list(reader.rows(whole[:7])) == []
    assert list(reader.rows(whole[7:19])) == []
    assert list(reader.rows(whole[19:])) == [row]


@pytest.mark.parametrize("column", range(6))
def test_nothing_comes_after_a_row_of_another_form(column: int) -> None:
    sound = (0, 1, bytes(16), "a.v1", b"{}", bytes(32))
    columns = [struct.pack(">q", 1), struct.pack(">q", 2), bytes(16), bytes(32), b"a.v1", b"{}"]
    odd = struct.pack(">h", 6) + b"".join(
        struct.pack(">i", -1) if at == column else struct.pack(">i", len(one)) + one for at, one in enumerate(columns)
    )
    one, two = copied([sound])[: -len(TRAILER)], copied([sound])[len(HEAD) :]
    reader = RawRows()
    assert list(reader.rows(one + odd + two + bytes(100))) == [sound]
    assert reader.over
    assert list(reader.rows(copied([sound])[len(HEAD) :])) == []


def test_nothing_comes_after_somebody_had_enough() -> None:
    rows = [(at, 1, bytes(16), "a.v1", b"{}", bytes(32)) for at in range(3)]
    reader = RawRows()
    assert next(iter(reader.rows(copied(rows)))) == rows[0]
    assert list(reader.rows(copied(rows)[len(HEAD) :])) == []
