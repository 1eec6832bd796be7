r"""The arithmetic of a clinic's ledger: header, leaf, chain, and where it first breaks. Standard library only, so that
an auditor can read and run this one file.

    header  seven LF-ended ASCII lines: clinic-ledger/v1, clinic, index, recorded_at, event id, type.vN, SHA-256(body) in hex
    leaf    SHA-256(0x00 || header), a leaf of RFC 6962
    chain   SHA-256(0x02 || chain before || leaf)
    genesis SHA-256("clinic-ledger/v1 genesis\n" || clinic || "\n" || epoch), the chain before entry 0
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Protocol
from uuid import UUID

FORMAT = "clinic-ledger/v1"

OPENING = "epoch.opened.v1"
"""The type of the first entry of every epoch but the first. Indexes go on through it; the chain begins anew."""

_TYPE = re.compile(r"[a-z0-9._-]+")


class Chained(Protocol):
    """What is needed of an entry to check it; `events.envelope.Entry` has it, and so has `Row`."""

    @property
    def index(self) -> int: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def event_id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def chain(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Row:
    """One entry as it stands in the table or in an export. `type` is versioned: `load.released.v1`."""

    index: int
    recorded_at: datetime
    event_id: UUID
    type: str
    body: bytes
    chain: bytes


Raw = tuple[int, int, bytes, str, bytes, bytes]
"""An entry as PostgreSQL's binary form has it: index, microseconds since 2000 (UTC), event id, type, body, chain."""

RAW_TIME_BEGINS = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What somebody outside kept: after `size` entries of this epoch the chain stood here."""

    epoch: int
    size: int
    chain: bytes


class EarlyCheckpointError(ValueError):
    """A checkpoint of before its epoch's first entry, where no head can stand: nothing can be compared with it."""

    def __init__(self, kept: Checkpoint, begins: int) -> None:
        super().__init__(f"epoch {kept.epoch} begins after {begins} entries: no head of it has {kept.size}")
        self.kept, self.begins = kept, begins


class Reason(StrEnum):
    """What is wrong at the index of a break."""

    MISSING = "missing"  # the entry at this index is not there, a later one follows
    DUPLICATE = "duplicate"  # an index that was already passed comes again
    HEADER = "header"  # a header cannot be written for it: a type or a time outside the format
    CHAIN = "chain"  # the chain that stands there is not the one its bytes and its forerunner give
    CLOCK = "clock"  # it was recorded before its forerunner
    TRUNCATED = "truncated"  # the ledger ends here, a kept checkpoint had seen more
    REWRITTEN = "rewritten"  # the chain holds in itself and is not the one of the kept checkpoint
    EPOCH = "epoch"  # the kept checkpoint belongs to another epoch


@dataclass(frozen=True, slots=True)
class Break:
    """Where a ledger first stops being sound. Every entry before `sound` is as it was recorded.

    `sound` equals `index` for what is found entry by entry. A history rewritten with all its chains made anew is
    only known to differ somewhere in `sound <= i <= index`, for it agrees with itself; so is one that ends before the
    checkpoint it is held against.
    """

    index: int
    reason: Reason
    sound: int


def instant(at: datetime) -> str:
    """`2026-11-23T09:00:00.123456Z`: UTC, always six digits. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        message = "an instant needs its time zone"
        raise ValueError(message)
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def header(
    *,
    clinic_id: UUID,
    index: int,
    recorded_at: datetime,
    event_id: UUID,
    type: str,  # noqa: A002 - the word of the ledger
    body: bytes,
) -> bytes:
    """The seven lines. Raises ValueError for what the format has no place for."""
    if index < 0 or not _TYPE.fullmatch(type):
        message = f"no header for type {type!r} at {index}"
        raise ValueError(message)
    lines = (FORMAT, str(clinic_id), str(index), instant(recorded_at), str(event_id), type, sha256(body).hexdigest())
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def leaf(header: bytes) -> bytes:
    """SHA-256(0x00 || header): 32 bytes."""
    return sha256(b"\x00" + header).digest()


def link(chain_before: bytes, leaf: bytes) -> bytes:
    """SHA-256(0x02 || chain before || leaf): 32 bytes."""
    return sha256(b"\x02" + chain_before + leaf).digest()


def genesis(clinic_id: UUID, epoch: int) -> bytes:
    """The chain before the first entry of an epoch: 32 bytes."""
    return sha256(f"{FORMAT} genesis\n{clinic_id}\n{epoch}".encode("ascii")).digest()


def linked(chain_before: bytes, clinic_id: UUID, row: Chained) -> bytes:
    """The chain that must stand at an entry. Raises ValueError like `header`."""
    return link(
        chain_before,
        leaf(
            header(
                clinic_id=clinic_id,
                index=row.index,
                recorded_at=row.recorded_at,
                event_id=row.event_id,
                type=row.type,
                body=row.body,
            )
        ),
    )


def former_of(type_: str | None, body: bytes | None) -> Checkpoint | None:
    """Where the former epoch ended, as the entry that opens the next one says; None if this is no such entry."""
    if type_ != OPENING or body is None:
        return None
    try:
        data = json.loads(body)["data"]
        return Checkpoint(int(data["former_epoch"]), int(data["former_size"]), bytes.fromhex(data["former_chain"]))
    except (KeyError, TypeError, ValueError):
        return None


class Walk:
    """Checks a ledger entry by entry, for readers that fetch it in pages.

    Begins after `start` (a checkpoint that is trusted) or at the genesis of the epoch. `see` and `end` return the
    break; after one the walk is over.
    """

    def __init__(self, clinic_id: UUID, epoch: int, *, start: Checkpoint | None = None, expect: Checkpoint | None = None) -> None:
        begin = start or Checkpoint(epoch, 0, genesis(clinic_id, epoch))
        if begin.epoch != epoch:
            message = f"a walk through epoch {epoch} cannot begin in epoch {begin.epoch}"
            raise ValueError(message)
        if expect is not None and expect.epoch == epoch and expect.size < begin.size:
            message = f"a walk from {begin.size} passes no checkpoint at {expect.size}"
            raise ValueError(message)
        self._clinic_id = clinic_id
        self._epoch = epoch
        self._begin = begin.size
        self._expect = expect
        self._before: datetime | None = None
        self.size = begin.size
        self.chain = begin.chain

    def begin(self) -> Break | None:
        """The break that shows before any entry is read."""
        if self._expect is not None and self._expect.epoch != self._epoch:
            return Break(self._begin, Reason.EPOCH, self._begin)
        return self._compare()

    def see(self, row: Chained) -> Break | None:
        """Check the next entry."""
        at = self.size
        if row.index != at:
            return Break(at, Reason.MISSING, at) if row.index > at else Break(row.index, Reason.DUPLICATE, row.index)
        try:
            chain = linked(self.chain, self._clinic_id, row)
        except (ValueError, OverflowError):
            return Break(at, Reason.HEADER, at)
        if chain != row.chain:
            return Break(at, Reason.CHAIN, at)
        if self._before is not None and self._before - row.recorded_at > timedelta(0):
            return Break(at, Reason.CLOCK, at)
        self._before, self.size, self.chain = row.recorded_at, at + 1, chain
        return self._compare()

    def stride(self, rows: Iterable[Raw]) -> None:
        """Pass the entries that are as they must be, several times as fast as `see`.

        Stops before the first that may be otherwise, and before the one that completes the checkpoint to compare with:
        `see` then says what is to be said of it. Nothing can be hidden by this: an entry is passed only if the chain
        computed from its own bytes is the one that stands there.
        """
        # The same seven lines and the same two hashes as `header`, `leaf` and `link` write, in one loop.
        head = f"\x00{FORMAT}\n{self._clinic_id}\n"
        stop = -1 if self._expect is None else self._expect.size - 1
        size, chain, known = self.size, self.chain, set[str]()
        before = None if self._before is None else (self._before - RAW_TIME_BEGINS) // timedelta(microseconds=1)
        second, shown = None, ""
        for index, at, event_id, type_, body, stored in rows:
            if index != size or index == stop or (before is not None and at < before):
                break
            if type_ not in known:
                if not _TYPE.fullmatch(type_):
                    break
                known.add(type_)
            seconds, micros = divmod(at, 1_000_000)
            if seconds != second:
                try:
                    shown = instant(RAW_TIME_BEGINS + timedelta(seconds=seconds))[:-7]
                except OverflowError:
                    break
                second = seconds
            identity = event_id.hex()
            lines = (
                f"{head}{index}\n{shown}{micros:06d}Z\n{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:]}\n"
                f"{type_}\n{sha256(body).hexdigest()}\n"
            )
            linked_here = sha256(b"\x02" + chain + sha256(lines.encode()).digest()).digest()
            if linked_here != stored:
                break
            size, chain, before = size + 1, linked_here, at
        self.size, self.chain = size, chain
        if before is not None:
            self._before = RAW_TIME_BEGINS + timedelta(microseconds=before)

    def end(self) -> Break | None:
        """The break that shows only when no entry is left."""
        if self._expect is not None and self.size < self._expect.size:
            return Break(self.size, Reason.TRUNCATED, self._begin)
        return None

    @property
    def head(self) -> Checkpoint:
        """How far the walk came: what to keep for the next one."""
        return Checkpoint(self._epoch, self.size, self.chain)

    def _compare(self) -> Break | None:
        if self._expect is None or self._expect.size != self.size or self._expect.chain == self.chain:
            return None
        return Break(max(self.size - 1, 0), Reason.REWRITTEN, self._begin)


def first_break(
    rows: Iterable[Chained],
    clinic_id: UUID,
    epoch: int,
    *,
    start: Checkpoint | None = None,
    expect: Checkpoint | None = None,
) -> Break | None:
    """Where these entries, in order, first stop being the clinic's ledger; None when they are sound."""
    walk = Walk(clinic_id, epoch, start=start, expect=expect)
    if broken := walk.begin():
        return broken
    for row in rows:
        if broken := walk.see(row):
            return broken
    return walk.end()
