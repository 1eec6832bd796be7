"""Tampering with a copy of a ledger: each way says where it first differs, so that whoever finds it can be held to the place."""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from events.chain import FORMAT, RAW_TIME_BEGINS, Break, Checkpoint, Raw, Reason, Row, Walk, genesis, instant, linked
from services.compliance.offline import UnreadableExportError, verify_export

EPOCH = 1
COLUMNS = ("index", "recorded_at", "event_id", "type", "body", "chain")


@dataclass(frozen=True)
class Copy:
    """A sound ledger, whole."""

    clinic_id: UUID
    rows: tuple[Row, ...]

    @property
    def head(self) -> Checkpoint:
        """What an auditor keeps."""
        return self.at(len(self.rows))

    def at(self, size: int) -> Checkpoint:
        """What somebody kept when there were so many entries."""
        return Checkpoint(EPOCH, size, self.rows[size - 1].chain if size else genesis(self.clinic_id, EPOCH))


@dataclass(frozen=True)
class Forged:
    """A copy that somebody has touched, what was kept of the true one, and the first index at which the two differ."""

    how: str
    rows: Sequence[Row]
    kept: Checkpoint | None
    differs_at: int

    def wrong_about(self, found: Break | None) -> str | None:
        """What is wrong with a finding; None if it is found at its place.

        A forged entry may agree with itself: then the one behind it shows it. A history that was chained anew is only known
        to differ somewhere between two checkpoints.
        """
        if found is None:
            return "was not found"
        if found.reason is Reason.REWRITTEN or (found.reason is Reason.TRUNCATED and self.how == "chained anew"):
            return None if found.sound <= self.differs_at <= found.index else f"is not between {found.sound} and {found.index}"
        return None if self.differs_at - 1 <= found.index <= self.differs_at + 1 else f"was looked for at {found.index}"


def chained(clinic_id: UUID, rows: Sequence[Row], begin: int, before: bytes) -> list[Row]:
    """The rows from `begin` on with indexes and chains that hold, behind a chain."""
    found = list(rows[:begin])
    for row in rows[begin:]:
        numbered = replace(row, index=len(found))
        before = linked(before, clinic_id, numbered)
        found.append(replace(numbered, chain=before))
    return found


def _flipped(content: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]


def touched(row: Row, column: str, rng: Random) -> Row:
    """The row with one bit of one column turned."""
    match column:
        case "index":
            return replace(row, index=row.index ^ (1 << rng.randrange(40)))
        case "recorded_at":
            micros = (row.recorded_at - RAW_TIME_BEGINS) // timedelta(microseconds=1)
            return replace(row, recorded_at=RAW_TIME_BEGINS + timedelta(microseconds=micros ^ (1 << rng.randrange(55))))
        case "event_id":
            return replace(row, event_id=UUID(int=row.event_id.int ^ (1 << rng.randrange(128))))
        case "type":
            at = rng.randrange(len(row.type))
            return replace(row, type=row.type[:at] + chr(ord(row.type[at]) ^ (1 << rng.randrange(7))) + row.type[at + 1 :])
        case "body":
            return replace(row, body=_flipped(row.body, rng))
        case _:
            return replace(row, chain=_flipped(row.chain, rng))


def _first_difference(copy: Copy, rows: Sequence[Row]) -> int:
    return next((at for at, (one, other) in enumerate(zip(copy.rows, rows, strict=False)) if one != other), min(len(copy.rows), len(rows)))


def _bit(copy: Copy, rng: Random) -> Forged:
    at = rng.randrange(len(copy.rows))
    rows = list(copy.rows)
    rows[at] = touched(rows[at], rng.choice(COLUMNS), rng)
    rows.sort(key=lambda row: row.index)  # as a database gives them
    return Forged("bit", rows, rng.choice([None, copy.head]), _first_difference(copy, rows))


def _deleted(copy: Copy, rng: Random) -> Forged:
    at = rng.randrange(len(copy.rows))
    return Forged("deleted", [*copy.rows[:at], *copy.rows[at + 1 :]], copy.head, at)


def _swapped(copy: Copy, rng: Random) -> Forged:
    """Two entries change places; with their indexes, or keeping those of the places."""
    one, other = sorted(rng.sample(range(len(copy.rows)), 2))
    rows = list(copy.rows)
    rows[one], rows[other] = rows[other], rows[one]
    if rng.random() < 0.5:
        rows[one], rows[other] = replace(rows[one], index=one), replace(rows[other], index=other)
    return Forged("swapped", rows, rng.choice([None, copy.head]), one)


def _inserted(copy: Copy, rng: Random) -> Forged:
    """One more entry, with a chain that holds; those behind it move up, with the chains that they had."""
    at = rng.randrange(1, len(copy.rows))
    new = replace(copy.rows[at - 1], index=at, event_id=UUID(int=rng.getrandbits(128)))
    new = replace(new, chain=linked(copy.rows[at - 1].chain, copy.clinic_id, new))
    behind = [replace(row, index=row.index + 1) for row in copy.rows[at:]]
    return Forged("inserted", [*copy.rows[:at], new, *behind], rng.choice([None, copy.head]), at)


def _truncated(copy: Copy, rng: Random) -> Forged:
    size = rng.randrange(len(copy.rows))
    return Forged("truncated", copy.rows[:size], copy.head, size)


def _chained_anew(copy: Copy, rng: Random) -> Forged:
    """Something is changed, left out or put in, and every chain from there on is made anew: only what was kept tells."""
    at = rng.randrange(1, len(copy.rows))
    forged = replace(copy.rows[at], event_id=UUID(int=rng.getrandbits(128)))
    changed = rng.choice([[forged], [], [forged, copy.rows[at]]])
    rows = chained(copy.clinic_id, [*copy.rows[:at], *changed, *copy.rows[at + 1 :]], at, copy.rows[at - 1].chain)
    return Forged("chained anew", rows, copy.at(rng.randint(at + 1, len(copy.rows))), at)


FORGERS: tuple[Callable[[Copy, Random], Forged], ...] = (_bit, _bit, _bit, _deleted, _swapped, _inserted, _truncated, _chained_anew)


def raw(row: Row) -> Raw:
    """The row as `Walk.stride` takes it."""
    return (
        row.index,
        (row.recorded_at - RAW_TIME_BEGINS) // timedelta(microseconds=1),
        row.event_id.bytes,
        row.type,
        row.body,
        row.chain,
    )


def in_strides(rows: Sequence[Row], clinic_id: UUID, kept: Checkpoint | None) -> Break | None:
    """What `asepsis verify` finds: in strides, and entry by entry where something is to be looked at."""
    walk = Walk(clinic_id, EPOCH, expect=kept)
    broken, at = walk.begin(), 0
    while broken is None and at < len(rows):
        before = walk.size
        walk.stride(map(raw, rows[at:]))
        at += walk.size - before
        if at < len(rows):
            broken = walk.see(rows[at])
            at += 1
    return broken or walk.end()


def export_of(copy: Copy) -> bytes:
    """The file that an auditor takes away."""
    about = {"format": FORMAT, "clinic_id": str(copy.clinic_id), "epoch": EPOCH, "size": len(copy.rows), "chain": copy.head.chain.hex()}
    return b"".join(json.dumps(line).encode() + b"\n" for line in (about, *map(_line, copy.rows)))


def _line(row: Row) -> dict[str, object]:
    texts = {"recorded_at": instant(row.recorded_at), "event_id": str(row.event_id), "type": row.type, "chain": row.chain.hex()}
    return {"index": row.index, **texts, "body": base64.b64encode(row.body).decode()}


def meaning(exported: bytes) -> list[tuple[object, ...]]:
    """What a file says, whatever the case of its digits: two files of one meaning are one copy."""
    return list(_values(exported))


def _values(exported: bytes) -> Iterator[tuple[object, ...]]:
    first, *lines = [json.loads(line) for line in exported.splitlines()]
    yield first["format"], UUID(first["clinic_id"]), int(first["epoch"]), int(first["size"]), bytes.fromhex(first["chain"])
    for line in lines:
        at = datetime.fromisoformat(line["recorded_at"]).astimezone(UTC)
        body, chain = base64.b64decode(line["body"], validate=True), bytes.fromhex(line["chain"])
        yield int(line["index"]), at, UUID(line["event_id"]), str(line["type"]), body, chain


def wrong_about_file(exported: bytes, forged: bytes, kept: Checkpoint, line: int) -> str | None:
    """What is wrong with the verdict on an export of which one bit in this line (0: about the whole) was turned."""
    try:
        verdict = verify_export(forged.splitlines(), kept)
    except UnreadableExportError:
        return None  # it names the line
    if verdict.broken is None:
        return None if meaning(forged) == meaning(exported) else "was not found"
    at = verdict.broken.index
    if verdict.broken.reason is Reason.DUPLICATE:
        return None  # a digit of its index: it says that it is an earlier entry, and is named by that
    return None if line == 0 or line - 2 <= at <= line else f"was looked for at {at}"
