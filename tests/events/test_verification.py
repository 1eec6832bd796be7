"""A ledger cut into segments for several processes says exactly what one walk from its first entry says."""

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from events import ledger, verification
from events.catalog.booking import ResourceAdded
from events.chain import Break, Checkpoint, Reason, Row, Walk, linked
from events.database import SERVICES
from events.verification import Ledger, Verdict, Where, segments_of
from services.settings import PARTS
from services.verification import Bar, connect_arguments
from tests.conftest import House, open_house

ROOT = Path(__file__).parents[2]


@pytest.fixture
def where(house: House) -> Where:
    return Where(connect_arguments(house.database.url), house.database.role("compliance"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three entries are much already."""
    monkeypatch.setattr(verification, "SHARE", 3)
    monkeypatch.setattr(verification, "PAGE", 2)


@pytest.fixture
def threads(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads instead of processes, which take longer to start than everything else here."""

    @contextlib.contextmanager
    def pool(many: int) -> Iterator[Executor]:
        with ThreadPoolExecutor(many) as executor:
            yield executor

    monkeypatch.setattr(verification, "_processes", pool)


async def filled(house: House, entries: int) -> list[Row]:
    """The whole ledger, with so many entries more."""
    await house.given("booking", *(ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15) for _ in range(entries)))
    async with house.look("compliance") as view:
        found = ledger.read_all(view.rows, house.clinic_id, 1)
        return [Row(one.index, one.recorded_at, one.event_id, one.type, one.body, one.chain) async for one in found]


async def asked(where: Where, *clinics: UUID, kept: Checkpoint | None = None) -> list[Verdict]:
    told: list[tuple[int, int]] = []
    found = [verdict async for verdict in verification.verdicts(where, clinics, kept, lambda done, total: told.append((done, total)))]
    assert told[-1][0] == told[-1][1]
    return found


@asynccontextmanager
async def instead(owner: asyncpg.Connection, clinic_id: UUID, rows: list[Row], forged: list[Row]) -> AsyncIterator[None]:
    """Other entries in the table for as long as this lasts."""

    async def put(those: list[Row]) -> None:
        await owner.execute("set session_replication_role = replica")
        await owner.execute("delete from ledger.entries where clinic_id = $1", clinic_id)
        columns = ["clinic_id", "epoch", "index", "recorded_at", "event_id", "type", "body", "chain"]
        records = [(clinic_id, 1, one.index, one.recorded_at, one.event_id, one.type, one.body, one.chain) for one in those]
        await owner.copy_records_to_table("entries", schema_name="ledger", columns=columns, records=records)

    await put(forged)
    yield
    await put(rows)


async def test_segments_in_processes_reach_the_end_that_one_walk_reaches(
    house: House, where: Where, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await filled(house, 17)
    monkeypatch.delattr(verification, "_alone")  # nothing is in doubt here
    other = await open_house(house.database)
    one, two = await asked(where, house.clinic_id, other.clinic_id)
    assert len(segments_of(one.ledger)) > 3
    assert (one.broken, one.head) == (None, Checkpoint(1, len(rows), rows[-1].chain))
    assert (two.broken, two.ledger.clinic_id) == (None, other.clinic_id)


async def test_a_process_that_cannot_answer_is_no_verdict(
    house: House, where: Where, threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await filled(house, 12)
    rightly = verification._ends
    wrong = Where(where.connect, "nobody_at_all")
    monkeypatch.setattr(verification, "_ends", lambda _where, shares: rightly(wrong, shares))
    (found,) = await asked(where, house.clinic_id)
    assert (found.broken, found.head.size) == (None, len(rows))


async def test_what_was_changed_is_located_on_both_sides_of_every_seam(
    house: House, where: Where, threads: None, owner: asyncpg.Connection
) -> None:
    rows = await filled(house, 9)
    for at, row in enumerate(rows[:-1]):
        changed = {
            "body": replace(row, body=row.body + b" "),
            "chain": replace(row, chain=bytes(32)),
            "shorter chain": replace(row, chain=row.chain[1:]),
            "recorded_at": replace(row, recorded_at=row.recorded_at + timedelta(microseconds=1)),
            "event_id": replace(row, event_id=uuid4()),
            "type": replace(row, type="resource.added.v2"),
        }
        for part, forged in changed.items():
            async with instead(owner, house.clinic_id, rows, [*rows[:at], forged, *rows[at + 1 :]]):
                (found,) = await asked(where, house.clinic_id)
                assert found.broken == Break(at, Reason.CHAIN, at), part
        async with instead(owner, house.clinic_id, rows, [*rows[:at], *rows[at + 1 :]]):
            (found,) = await asked(where, house.clinic_id)
            assert found.broken == Break(at, Reason.MISSING, at)


async def test_a_time_outside_the_calendar_is_located(house: House, where: Where, threads: None, owner: asyncpg.Connection) -> None:
    await filled(house, 9)
    await owner.execute("set session_replication_role = replica")
    await owner.execute("update ledger.entries set recorded_at = 'infinity' where clinic_id = $1 and index = 5", house.clinic_id)
    (found,) = await asked(where, house.clinic_id)
    assert found.broken is not None
    assert found.broken.index == 5


async def test_time_that_goes_back_across_a_seam_is_found(house: House, where: Where, threads: None, owner: asyncpg.Connection) -> None:
    """By a forger who makes every chain anew, so that time is all there is to see."""
    rows = await filled(house, 9)
    for at in range(1, len(rows)):
        forged, chain = [], Walk(house.clinic_id, 1).chain
        for row in rows:
            late = replace(row, recorded_at=row.recorded_at + timedelta(days=row.index < at))
            chain = linked(chain, house.clinic_id, late)
            forged.append(replace(late, chain=chain))
        async with instead(owner, house.clinic_id, rows, forged):
            (found,) = await asked(where, house.clinic_id)
            assert found.broken == Break(at, Reason.CLOCK, at)


async def test_a_kept_checkpoint_is_compared_in_whatever_segment_it_lies(house: House, where: Where, threads: None) -> None:
    rows = await filled(house, 9)
    for size in range(1, len(rows) + 1):
        kept = Checkpoint(1, size, rows[size - 1].chain)
        (sound,) = await asked(where, house.clinic_id, kept=kept)
        assert sound.broken is None
        (elsewhere,) = await asked(where, house.clinic_id, kept=Checkpoint(1, size, bytes(32)))
        assert elsewhere.broken == Break(size - 1, Reason.REWRITTEN, 0)
        (cut,) = await asked(where, house.clinic_id, kept=Checkpoint(1, len(rows) + size, kept.chain))
        assert cut.broken == Break(len(rows), Reason.TRUNCATED, 0)
        (restored,) = await asked(where, house.clinic_id, kept=Checkpoint(7, size, kept.chain))
        assert restored.broken == Break(0, Reason.EPOCH, 0)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql+asyncpg://a@/b?host=%2Frun", {"dsn": "postgresql://a@/b?host=%2Frun", "timeout": 5}),
        (
            "postgresql+asyncpg://a:c@d:5/b?ssl=require&prepared_statement_cache_size=0",
            {"host": "d", "port": 5, "user": "a", "password": "c", "database": "b", "ssl": "require", "timeout": 5},
        ),
    ],
)
def test_the_driver_is_told_what_the_url_says(url: str, told: dict[str, Any]) -> None:
    assert connect_arguments(url) == told


def test_every_service_can_be_run() -> None:
    assert (*SERVICES, "relay") == PARTS


def test_segments_are_seamless() -> None:
    marks = [Checkpoint(1, size, bytes([size]) * 32) for size in (10, 20)]
    segments = segments_of(Ledger(UUID(int=1), 1, 25, None, marks))
    assert [(one.start, one.end, one.size) for one in segments] == [(None, marks[0], 10), (marks[0], marks[1], 10), (marks[1], None, 5)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_shown_how_far_it_is_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        bar = Bar()
        bar.show(400_000, 1_000_000)
        assert ("400,000 of 1,000,000 entries" in stream.getvalue()) is shown
        bar.close()
        assert stream.getvalue().endswith("\r\x1b[K") is shown


ORPHANS = """
import os, sys
from events import verification
if __name__ == "__main__":
    with verification._processes(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        os._exit(1)
"""


def test_processes_end_with_the_program_however_it_ends(tmp_path: Path) -> None:
    program = tmp_path / "orphans.py"
    program.write_text(ORPHANS)
    said = subprocess.run([sys.executable, program], capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    worker = int(said.stdout)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{worker}").exists() and "zombie" not in Path(f"/proc/{worker}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


async def test_many_short_ledgers_are_shared_out(house: House, where: Where, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(verification, "_alone")
    houses = [house, *[await open_house(house.database) for _ in range(6)]]
    found = await asked(where, *(one.clinic_id for one in houses))
    assert [verdict.ledger.clinic_id for verdict in found] == [one.clinic_id for one in houses]
    assert all(verdict.broken is None for verdict in found)


async def test_a_short_ledger_needs_no_other_process(house: House, where: Where, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(verification, "_processes")
    rows = await filled(house, 5)
    (found,) = await asked(where, house.clinic_id)
    assert (found.broken, found.head) == (None, Checkpoint(1, len(rows), rows[-1].chain))
