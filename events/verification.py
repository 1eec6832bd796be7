"""Checks ledgers as they stand in the database, on every core of the machine.

A long ledger is cut into segments. Each begins at the chain that is stored before its first entry and must reach the
chain that the next one begins with. So, by induction from the genesis, all segments sound means the whole is sound: what
a segment takes on trust is what the one before it had to compute. They need no order, and no two of them one process.
Where any of them is in doubt, the ledger is walked alone, from its first entry, and what that walk says is the verdict.

The database hands out rows and computes nothing: every hash is made here, by `events.chain.Walk`.
"""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing import connection as connections
from multiprocessing import get_context, parent_process
from typing import Any
from uuid import UUID

import asyncpg

from events.chain import Break, Checkpoint, EarlyCheckpointError, Reason, Walk, former_of, genesis
from events.raw_rows import plain_rows, take_raw_rows

PAGE = 2_000
"""Entries that are looked at closely at once: 64 MB if every body were as large as a body can be."""
SHARE = 40_000
"""Entries that one process is given at once; a quarter of a second's work."""

Progress = Callable[[int, int], None]
"""Told how many entries were checked, of how many."""


@dataclass(frozen=True, slots=True)
class Where:
    """How a process reaches the database, and the role it reads as."""

    connect: dict[str, Any]
    role: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """One clinic's epoch, with the checkpoint somebody kept of it; `marks` are stored chains on the way."""

    clinic_id: UUID
    epoch: int
    size: int
    kept: Checkpoint | None
    marks: Sequence[Checkpoint] = ()
    begin: Checkpoint | None = None
    """Where a later epoch begins; the first begins with its genesis at 0."""
    end: Checkpoint | None = None
    """Where it ended, as the first entry of the next epoch says."""
    opened: bool = True
    """Whether it begins with an entry that opens it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The entries after `start` (None: from the first) up to the checkpoint `end` (None: to the last there is)."""

    ledger: Ledger
    start: Checkpoint | None
    end: Checkpoint | None

    @property
    def size(self) -> int:
        """How many entries it has."""
        return (self.end.size if self.end else self.ledger.size) - (self.start.size if self.start else 0)

    @property
    def expect(self) -> Checkpoint | None:
        """The kept checkpoint, if this is the segment that passes it."""
        # The first segment passes the epoch's beginning too: a checkpoint there is compared with the genesis.
        kept, begins = self.ledger.kept, self.start.size - (self.start == self.ledger.begin) if self.start else -1
        if kept is not None and kept.epoch != self.ledger.epoch:
            return kept
        return kept if kept is not None and begins < kept.size and (self.end is None or kept.size <= self.end.size) else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a ledger is sound. `head` is what to keep; `broken` is None when all is well."""

    ledger: Ledger
    head: Checkpoint
    broken: Break | None


async def _see(rows: asyncpg.Connection, walk: Walk, segment: Segment, limit: int) -> tuple[Break | None, int]:
    """Entry by entry; returns the break and how many entries there were."""
    ledger = segment.ledger
    page = await plain_rows(rows, ledger.clinic_id, ledger.epoch, walk.size, limit)
    for row in page:
        if broken := walk.see(row):
            return broken, len(page)
    return None, len(page)


async def walk_segment(rows: asyncpg.Connection, segment: Segment) -> Verdict:
    """A segment from one end to the other, and the seam behind it."""
    ledger, last = segment.ledger, segment.end
    walk = Walk(ledger.clinic_id, ledger.epoch, start=segment.start, expect=segment.expect)
    broken = walk.begin()
    while broken is None and (last is None or walk.size < last.size):
        begun, limit = walk.size, SHARE if last is None else min(SHARE, last.size - walk.size)
        await take_raw_rows(rows, ledger.clinic_id, ledger.epoch, begun, limit, walk.stride)
        if walk.size - begun < limit:  # the end, or something that needs a closer look
            broken, found = await _see(rows, walk, segment, min(PAGE, limit - (walk.size - begun)))
            if not found:
                break
    head = walk.head
    if broken is None and last is not None and head == last:
        broken, _ = await _see(rows, walk, segment, 1)  # is the next segment's first entry not older than our last?
    return Verdict(ledger, head, broken or walk.end())


@asynccontextmanager
async def connected(where: Where) -> AsyncIterator[asyncpg.Connection]:
    rows = await asyncpg.connect(**where.connect)
    try:
        yield rows
    finally:
        await rows.close()


@asynccontextmanager
async def in_clinic(rows: asyncpg.Connection, role: str, clinic_id: UUID | None) -> AsyncIterator[None]:
    """A transaction that reads one clinic's rows, as `Database.enter` begins it."""
    name, clinic = role.replace('"', '""'), "" if clinic_id is None else str(clinic_id)
    await rows.execute(f"begin read only; set local role \"{name}\"; set local app.clinic = '{clinic}'; set local lock_timeout = '2s'")
    try:
        yield
    finally:
        if not rows.is_closed():
            await rows.execute("rollback")


async def _walk_all(where: Where, segments: Sequence[Segment]) -> list[Verdict]:
    found = []
    async with connected(where) as rows:
        for segment in segments:
            async with in_clinic(rows, where.role, segment.ledger.clinic_id):
                found.append(await walk_segment(rows, segment))
    return found


def _attend() -> None:
    """A process of the pool: Ctrl-C is its parent's affair, and without its parent it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=lambda: (connections.wait([parent.sentinel]), os._exit(1)), daemon=True).start()


def _in_a_process(where: Where, segments: Sequence[Segment]) -> list[Checkpoint | None]:
    """Where each segment ends; None if it is not sound or ends elsewhere than the next begins.

    What keeps a process from finishing is not told either: whoever walks alone then will meet it too.
    """
    try:
        found = asyncio.run(_walk_all(where, segments))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return [None] * len(segments)
    return [
        None if verdict.broken or (segment.end and segment.end != verdict.head) else verdict.head
        for segment, verdict in zip(segments, found, strict=True)
    ]


@contextlib.contextmanager
def _processes(many: int) -> Iterator[Executor]:
    pool = ProcessPoolExecutor(many, get_context("spawn"), _attend)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def segments_of(ledger: Ledger) -> list[Segment]:
    """From mark to mark."""
    marks = [ledger.begin, *ledger.marks, None]
    return [Segment(ledger, start, end) for start, end in pairwise(marks)]


def _shares(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Enough of them for a process to be worth asking."""
    share, size = list[Segment](), 0
    for segment in segments:
        share.append(segment)
        size += segment.size
        if size >= SHARE:
            yield share
            share, size = [], 0
    if share:
        yield share


_SIZES = """select c.epoch, coalesce((select index + 1 from ledger.entries e where e.clinic_id = c.clinic_id and e.epoch = c.epoch
                                      order by index desc limit 1), 0) as size, f.index as first, f.type, f.body
            from ledger.clinics c
            left join lateral (select e.index, e.type, e.body from ledger.entries e where e.clinic_id = c.clinic_id and e.epoch = c.epoch
                               order by e.index limit 1) f on c.epoch > 1
            where c.clinic_id = $1 order by c.epoch"""
_MARKS = """select epoch, index + 1, chain from ledger.entries
            where clinic_id = $1 and epoch = $2 and index = any($3::bigint[]) order by index"""


async def _ledgers(rows: asyncpg.Connection, clinic_id: UUID, kept: Checkpoint | None) -> list[Ledger]:
    found = await rows.fetch(_SIZES, clinic_id)
    epochs, made = [row["epoch"] for row in found], list[Ledger]()
    said = [former_of(row["type"], row["body"]) if row["epoch"] > 1 else None for row in found]
    for number, row in enumerate(found):
        epoch, size, first = row["epoch"], row["size"], row["first"] or 0
        # A checkpoint of an epoch that is not there is held against the newest, which says so.
        mine = kept if kept is not None and (kept.epoch == epoch or (kept.epoch not in epochs and epoch == epochs[-1])) else None
        if mine is not None and mine.epoch == epoch and mine.size < first:
            raise EarlyCheckpointError(mine, first)
        places = list(range(first + SHARE - 1, size - 1, SHARE))
        marks = [Checkpoint(*row) for row in await rows.fetch(_MARKS, clinic_id, epoch, places)] if places else []
        begin = Checkpoint(epoch, first, genesis(clinic_id, epoch)) if epoch > 1 else None
        former = said[number]
        opened = epoch == 1 or (former is not None and former.size == first)
        made.append(Ledger(clinic_id, epoch, size, mine, marks, begin, said[number + 1] if number + 1 < len(said) else None, opened))
    return made


def seamed(verdict: Verdict) -> Verdict:
    """The verdict with both ends of its epoch looked at: does it begin with its opening, does it end where the next one says?"""
    ledger, head, begins = verdict.ledger, verdict.head, 0 if verdict.ledger.begin is None else verdict.ledger.begin.size
    if verdict.broken is not None:
        return verdict
    if not ledger.opened:
        return Verdict(ledger, head, Break(begins, Reason.MISSING, begins))
    if ledger.end is not None and head != ledger.end:
        reason = Reason.TRUNCATED if head.size < ledger.end.size else Reason.REWRITTEN
        return Verdict(ledger, head, Break(min(head.size, ledger.end.size), reason, begins))
    return verdict


async def all_clinics(where: Where) -> list[UUID]:
    """Every clinic's id."""
    async with connected(where) as rows, in_clinic(rows, where.role, None):
        return [UUID(int=row[0].int) for row in await rows.fetch("select clinic_id from ledger.all_clinics()")]


async def verdicts(where: Where, clinics: Sequence[UUID], kept: Checkpoint | None, progress: Progress) -> AsyncIterator[Verdict]:
    """The verdict on every epoch of these clinics, in order. `kept` belongs to one clinic. Raises `EarlyCheckpointError`."""
    todo: list[Ledger] = []
    async with connected(where) as rows:
        for clinic_id in clinics:
            async with in_clinic(rows, where.role, clinic_id):
                todo += await _ledgers(rows, clinic_id, kept)
    segments = [segment for ledger in todo for segment in segments_of(ledger)]
    shares = list(_shares(segments))
    done, total = 0, sum(segment.size for segment in segments)
    if len(shares) < 2:  # noqa: PLR2004 - one share is not worth another process
        async with connected(where) as rows:
            for ledger in todo:
                async with in_clinic(rows, where.role, ledger.clinic_id):
                    yield seamed(await walk_segment(rows, Segment(ledger, ledger.begin, None)))
        progress(total, total)
        return
    sound = True
    async for segment, end in _ends(where, shares):
        sound = sound and end is not None
        done += segment.size
        if segment.end is None:
            ledger = segment.ledger
            yield seamed(Verdict(ledger, end, None) if sound and end is not None else await _alone(where, ledger))
            sound = True
        progress(done, total)


async def _alone(where: Where, ledger: Ledger) -> Verdict:
    """One walk from the first entry: its verdict is the last word."""
    (verdict,) = await _walk_all(where, [Segment(ledger, ledger.begin, None)])
    return verdict


async def _ends(where: Where, shares: Sequence[Sequence[Segment]]) -> AsyncIterator[tuple[Segment, Checkpoint | None]]:
    """Every segment in order, with where it ends if all is well."""
    loop = asyncio.get_running_loop()
    with _processes(min(os.cpu_count() or 1, len(shares))) as pool:
        asked = [loop.run_in_executor(pool, _in_a_process, where, share) for share in shares]
        for share, answer in zip(shares, asked, strict=True):
            try:
                ends = await answer
            except BrokenExecutor:  # somebody ended one of the processes
                ends = [None] * len(share)
            for found in zip(share, ends, strict=True):
                yield found
