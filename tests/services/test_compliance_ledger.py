"""The ledger is verified where it is and elsewhere; whoever reaches behind every lock is found, and found where."""

import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from events.catalog.compliance import AccessGranted
from events.chain import Checkpoint, Reason
from schemas.compliance import LedgerBreak, LedgerHead
from schemas.vocabulary import Role
from services.compliance.offline import UnreadableExportError, checkpoint_of, verify_export
from services.compliance.queries import export, ledger_head, ledger_page, record, verify_ledger
from tests.conftest import House, open_house

SIZE = 7
"""Two entries that open the clinic, and five more."""

Forge = Callable[[str], Awaitable[None]]


@pytest.fixture
async def kept(house: House) -> str:
    """A ledger of seven entries, and its head as somebody outside kept it."""
    for _ in range(SIZE - 2):
        await house.given("compliance", AccessGranted(identity_id=uuid4(), role=Role.AUDITOR))
    async with house.look("compliance") as view:
        return text_of(await ledger_head(view))


@pytest.fixture
def forge(house: House, owner: asyncpg.Connection) -> Forge:
    """Somebody with every right on the server, and the triggers switched off. `{mine}` limits them to this clinic."""

    async def reach_behind(statement: str) -> None:
        await owner.execute("set session_replication_role = replica")
        await owner.execute(statement.replace("{mine}", f"clinic_id = '{house.clinic_id}'"))
        await owner.execute("set session_replication_role = origin")

    return reach_behind


def text_of(head: LedgerHead) -> str:
    return f"{head.epoch}:{head.size}:{head.chain}"


async def broken(house: House, kept: str | None = None) -> LedgerBreak | None:
    verdict = await verify_ledger(house.database, house.clinic_id, kept)
    assert verdict.sound is (verdict.broken is None)
    return verdict.broken


async def exported(house: House) -> list[bytes]:
    async with house.look("compliance") as view:
        head = await ledger_head(view)
    return [line async for line in export(head, lambda: house.look("compliance"))]


async def test_what_the_database_chained_is_what_the_arithmetic_says(house: House, kept: str) -> None:
    verdict = await verify_ledger(house.database, house.clinic_id, kept)
    assert (verdict.sound, verdict.verified, text_of(verdict.head)) == (True, SIZE, kept)
    verdict_elsewhere = verify_export(await exported(house), checkpoint_of(kept))
    assert verdict_elsewhere.broken is None
    assert verdict_elsewhere.head == checkpoint_of(kept)
    assert verdict_elsewhere.clinic_id == house.clinic_id


async def test_a_ledger_that_grew_still_passes_its_old_checkpoint(house: House, kept: str) -> None:
    await house.given("compliance", AccessGranted(identity_id=uuid4(), role=Role.AUDITOR))
    assert await broken(house, kept) is None


SWAP = """
    update ledger.entries set index = -1 where {mine} and index = 2;
    update ledger.entries set index = 2 where {mine} and index = 5;
    update ledger.entries set index = 5 where {mine} and index = -1
"""

TAMPERING = {
    "a changed byte of a body": (
        "update ledger.entries set body = set_byte(body, 20, get_byte(body, 20) # 1) where {mine} and index = 3",
        3,
        "chain",
    ),
    "a changed chain": (
        "update ledger.entries set chain = set_byte(chain, 31, get_byte(chain, 31) # 1) where {mine} and index = 4",
        4,
        "chain",
    ),
    "a later time": (
        "update ledger.entries set recorded_at = recorded_at + interval '1 microsecond' where {mine} and index = 6",
        6,
        "chain",
    ),
    "another event id": ("update ledger.entries set event_id = gen_random_uuid() where {mine} and index = 2", 2, "chain"),
    "another type": ("update ledger.entries set type = 'access.revoked.v1' where {mine} and index = 5", 5, "chain"),
    "an entry taken out": ("delete from ledger.entries where {mine} and index = 3", 3, "missing"),
    "a swapped pair": (SWAP, 2, "chain"),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_tampering_is_found_where_it_is(house: House, kept: str, forge: Forge, what: str) -> None:
    statement, index, reason = TAMPERING[what]
    await forge(statement)
    found = await broken(house)
    assert found is not None
    assert (found.index, found.sound, found.reason) == (index, index, reason)
    assert str(index) in found.sentence
    elsewhere = verify_export(await exported(house), checkpoint_of(kept))
    assert elsewhere.broken is not None
    assert (elsewhere.broken.index, elsewhere.broken.reason) == (index, reason)


async def test_a_deleted_newest_entry_is_found_against_a_kept_checkpoint(house: House, kept: str, forge: Forge) -> None:
    await forge(f"delete from ledger.entries where {{mine}} and index = {SIZE - 1}")
    assert await broken(house) is None, "a shorter ledger agrees with itself"
    found = await broken(house, kept)
    assert found is not None
    assert (found.index, found.reason) == (SIZE - 1, "truncated")


async def test_a_history_made_anew_is_found_against_a_kept_checkpoint(house: House, kept: str, forge: Forge) -> None:
    await forge(
        f"""
        delete from ledger.entries where {{mine}} and index = {SIZE - 1};
        insert into ledger.entries
        select clinic_id, epoch, index + 1, recorded_at, gen_random_uuid(), type, body,
               ledger.link(chain, ledger.leaf(clinic_id, index + 1, recorded_at, event_id, type, body))
          from ledger.entries where {{mine}} and index = {SIZE - 2};
        update ledger.entries e
           set chain = ledger.link(b.chain, ledger.leaf(e.clinic_id, e.index, e.recorded_at, e.event_id, e.type, e.body))
          from ledger.entries b where b.{{mine}} and e.{{mine}} and b.index = {SIZE - 2} and e.index = {SIZE - 1}
        """
    )
    assert await broken(house) is None, "a forger who can chain agrees with himself"
    found = await broken(house, kept)
    assert found is not None
    assert (found.index, found.sound, found.reason) == (SIZE - 1, 0, "rewritten")


async def test_without_switching_off_triggers_not_even_a_superuser_changes_an_entry(owner: asyncpg.Connection, kept: str) -> None:
    assert kept
    for statement in ("update ledger.entries set type = 'x.v1'", "delete from ledger.entries", "truncate ledger.entries"):
        with pytest.raises(asyncpg.PostgresError, match="keeps what was recorded"):
            await owner.execute(statement)


async def test_pages_follow_each_other_to_the_end(house: House, kept: str) -> None:
    assert kept
    async with house.look("compliance") as view:
        first = await ledger_page(view, 0, 4)
        second = await ledger_page(view, int(first.cursor or 0), 4)
        beyond = await ledger_page(view, 99, 4)
    assert [entry.index for entry in (*first.entries, *second.entries)] == list(range(SIZE))
    assert (first.cursor, second.cursor, beyond.entries) == ("4", None, ())
    assert first.entries[0].type == "clinic.opened.v1"


async def test_the_export_holds_one_clinic(house: House, kept: str) -> None:
    other = await open_house(house.database)
    await other.given("compliance", AccessGranted(identity_id=uuid4(), role=Role.AUDITOR))
    verdict = verify_export(await exported(house))
    assert (verdict.head, verdict.broken) == (checkpoint_of(kept), None)


async def test_a_file_cut_short_is_found_without_a_checkpoint(house: House, kept: str) -> None:
    assert kept
    found = verify_export((await exported(house))[:-2]).broken
    assert found is not None
    assert (found.index, found.reason) == (SIZE - 2, Reason.TRUNCATED)


async def test_a_first_line_that_lies_about_the_chain_is_found(house: House, kept: str) -> None:
    lines = await exported(house)
    about = json.loads(lines[0]) | {"chain": "0" * 64}
    found = verify_export([json.dumps(about).encode(), *lines[1:]]).broken
    assert found is not None
    assert found.reason is Reason.REWRITTEN
    other = Checkpoint(2, SIZE, checkpoint_of(kept).chain)
    of_another_epoch = verify_export(lines, other).broken
    assert of_another_epoch is not None
    assert of_another_epoch.reason is Reason.EPOCH


@pytest.mark.parametrize(
    ("line", "text", "says"),
    [
        (0, b"", "line 1 is not JSON"),
        (0, b"[]", "line 1 is not an object"),
        (0, b'{"format": "something else"}', "line 1 does not say that this is an exported ledger"),
        (0, b'{"format": "clinic-ledger/v1", "clinic_id": 7}', "line 1 does not say which ledger"),
        (2, b"\xff", "line 3 is not JSON"),
        (3, b'{"index": 2}', "line 4 is not an entry"),
    ],
)
async def test_a_file_that_is_no_export_is_unreadable_and_says_where(house: House, kept: str, line: int, text: bytes, says: str) -> None:
    assert kept
    lines = await exported(house)
    lines[line] = text
    with pytest.raises(UnreadableExportError, match=says):
        verify_export(lines)


async def test_the_database_waits_for_nobody_who_reads_an_export_slowly(
    house: House, kept: str, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No transaction is open between two lines; what is recorded meanwhile belongs to the next export."""
    monkeypatch.setattr(record, "EXPORT_PAGE", 2)
    async with house.look("compliance") as view:
        head = await ledger_head(view)
    lines = []
    query = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
    async for line in export(head, lambda: house.look("compliance")):
        lines.append(line)
        assert await owner.fetchval(query) == 0
        await house.given("compliance", AccessGranted(identity_id=uuid4(), role=Role.AUDITOR))
    verdict = verify_export(lines, checkpoint_of(kept))
    assert (verdict.head.size, verdict.broken) == (SIZE, None)


async def test_an_auditor_verifies_a_file_with_two_files_of_ours_and_no_package(house: House, kept: str, tmp_path: Path) -> None:
    """`-I -S`: nothing installed is there to lean on."""
    root = Path(__file__).parent.parent.parent
    for name in ("events/__init__.py", "events/chain.py"):
        copy = tmp_path / "alone" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / name).read_bytes())
    offline = tmp_path / "alone" / "offline.py"
    offline.write_bytes((root / "services/compliance/offline.py").read_bytes())
    file = tmp_path / "ledger.ndjson"
    lines = await exported(house)

    def verdict(*arguments: str) -> tuple[int, str]:
        program = f"import sys; sys.path.insert(0, {str(offline.parent)!r}); import offline; sys.exit(offline.main(sys.argv[1:]))"
        done = subprocess.run([sys.executable, "-I", "-S", "-c", program, *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    file.write_bytes(b"".join(lines))
    assert verdict(str(file), kept) == (0, f"Sound: {SIZE} entries of clinic {house.clinic_id}. Keep: {kept}\n")
    file.write_bytes(b"".join([*lines[:3], lines[4], *lines[5:]]))
    code, said = verdict(str(file))
    assert code == 1
    assert said.startswith("BROKEN at entry 2.")
    file.write_bytes(b"no")
    assert verdict(str(file)) == (2, "line 1 is not JSON\n")
