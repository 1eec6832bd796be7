"""Where everybody stands: bookmarks on the ledger, the chain under them, the outward stream beside them."""

from itertools import pairwise
from typing import Any
from uuid import UUID

import orjson
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from events import ledger
from events.chain import Checkpoint, Walk, former_of
from events.checking.report import Report
from events.envelope import Entry
from events.epochs import Epoch, epochs_of
from events.ledger import Head
from events.outward import outward_after, outward_stream, parse_id
from events.relay import FIELD

PAGE = 500


class Chain:
    """A clinic's chains, walked once: the next look goes on where the last ended."""

    def __init__(self, clinic_id: UUID) -> None:
        self.report = Report(clinic_id)
        self._clinic_id = clinic_id
        self._walks: dict[int, Walk] = {}
        self._broken: set[int] = set()
        self._epochs: dict[int, Epoch] = {}

    async def epochs(self, rows: AsyncSession) -> list[int]:
        """The clinic's epochs, the newest last."""
        self._epochs = {epoch.number: epoch for epoch in await epochs_of(rows, self._clinic_id)}
        return list(self._epochs)

    async def walk(self, rows: AsyncSession, epoch: int, most: int) -> int:
        """Walk up to `most` further entries; returns how many there were."""
        if epoch in self._broken:
            return 0
        if epoch not in self._walks:
            self._walks[epoch] = Walk(self._clinic_id, epoch, start=self._epochs[epoch].beginning)
        walk = self._walks[epoch]
        page = await ledger.read_after(rows, self._clinic_id, epoch, walk.size, most)
        for entry in page:
            if epoch > 1 and entry.index == self._epochs[epoch].first and not self._seam(epoch, entry):
                return 0
            broken = walk.see(entry)
            if broken is not None:
                self._broken.add(epoch)
                self.report.wrong(4, f"epoch {epoch} breaks at entry {broken.index}: {broken.reason}")
                return 0
            self.report.looked_at("entries")
        return len(page)

    def _seam(self, epoch: int, opening: Entry[Any]) -> bool:
        """Whether an epoch begins with the entry that opens it, and the former ended as that says."""
        former, there = former_of(opening.type, opening.body), self.head(epoch - 1)
        if former is not None and there == former and former.size == opening.index:
            return True
        self._broken.add(epoch)
        self.report.wrong(4, f"epoch {epoch} breaks at entry {opening.index}: epoch {epoch - 1} did not end as it says")
        return False

    def head(self, epoch: int) -> Checkpoint | None:
        """How far an epoch was found sound."""
        return self._walks[epoch].head if epoch in self._walks and epoch not in self._broken else None


async def look_at_bookmarks(rows: AsyncSession, at: Head, report: Report) -> None:
    """Every bookmark stands on this ledger: its epoch, not beyond its end, on its chain."""
    query = text("select service, stage, epoch, size, chain from ledger.bookmarks where clinic_id = :clinic order by 1, 2")
    for mark in await rows.execute(query, {"clinic": report.clinic_id}):
        report.looked_at("bookmarks")
        chain = await ledger.chain_at(rows, report.clinic_id, mark.epoch, mark.size)
        if mark.epoch != at.epoch or mark.size > at.size or chain != bytes(mark.chain):
            report.wrong(7, f"the bookmark of {mark.service} ({mark.stage}) at {mark.epoch}-{mark.size} is not on this ledger")


async def look_at_stream(rows: AsyncSession, client: "Redis", at: Head, report: Report) -> None:
    """What stands on the outward stream is the ledger's, in its order, without holes up to the relay's bookmark.

    Parts that were trimmed, or lost and not published again yet, are no contradiction: only what stands there is judged.
    """
    clinic_id, stream = report.clinic_id, outward_stream(report.clinic_id)
    # What an earlier epoch was published as stays where it is, also what its restore has made void.
    first: Any = await client.xrange(stream, min=f"{at.epoch}-0", count=1)
    if not first:
        return
    begin = parse_id(first[0][0].decode())
    if begin[0] != at.epoch:
        report.wrong(7, f"{first[0][0].decode()} on the outward stream is of an epoch that the ledger does not have")
        return
    size, before, shown = begin[1] - 1, None, f"{at.epoch}-0"
    while True:
        page: Any = await client.xrange(stream, min=shown, count=PAGE)
        if not page:
            return
        wanted = {event["sequence"]: event for event in map(orjson.loads, await outward_after(rows, clinic_id, at.epoch, size, PAGE))}
        names = [entry_id.decode() for entry_id, _ in page]
        there = {name: orjson.loads(fields[FIELD.encode()]) for name, (_, fields) in zip(names, page, strict=True)}
        _compare(wanted, there, at, report)
        for earlier, later in pairwise([*([before] if before else []), *names]):
            if there[later].get("previous") != earlier:
                report.wrong(7, f"{later} on the outward stream does not name {earlier} as the one before")
        before, size, shown = names[-1], parse_id(names[-1])[1], f"({names[-1]}"


def _compare(wanted: dict[str, Any], there: dict[str, Any], at: Head, report: Report) -> None:
    """A page of the stream with as much of the ledger. What was published after this moment of the ledger is not judged."""
    last = max(map(parse_id, there))
    for name, event in there.items():
        report.looked_at("outward events")
        if parse_id(name) <= (at.epoch, at.size) and wanted.get(name) != event:
            report.wrong(7, f"{name} on the outward stream is not the ledger's")
    for name in wanted:
        if name not in there and parse_id(name) < last:
            report.wrong(7, f"{name} is missing on the outward stream between others")
