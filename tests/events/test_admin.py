"""The operator's commands, as the command line gives them, on the real servers."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from events.access import authenticate
from events.catalog.booking import ResourceAdded
from events.catalog.compliance import AccessGranted, EntrySkipped
from events.embedded import Servers
from events.envelope import Entry, versioned_type
from events.projection import projection_of
from events.streams import Follower
from schemas.vocabulary import Role
from services.__main__ import _parser
from services.admin import COMMANDS
from services.compliance.queries import export, ledger_head
from services.settings import SettingsError
from tests.conftest import SECRET, House, open_house, owner_url

Asking = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def asepsis(
    house: House, servers: Servers, database_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Asking:
    """`await asepsis("verify", …)`: exit code and everything that was printed."""
    monkeypatch.setenv("ASEPSIS_DATABASE_URL", house.database.url)
    monkeypatch.setenv("ASEPSIS_MIGRATION_URL", owner_url(servers, database_name))
    monkeypatch.setenv("ASEPSIS_REDIS_URL", servers.redis_url)
    monkeypatch.setenv("ASEPSIS_SECRET", SECRET.decode())

    async def run(*words: Any) -> tuple[int, str]:
        arguments = _parser().parse_args([str(word) for word in words])
        code = await COMMANDS[arguments.command](arguments)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def added() -> ResourceAdded:
    return ResourceAdded(resource_id=uuid4(), kind="room", turnover_minutes=15)


async def past_all_rights(owner: asyncpg.Connection, statement: str, *values: Any) -> None:
    await owner.execute("set session_replication_role = replica")
    await owner.execute(statement, *values)


async def kept_by_the_auditor(asepsis: Asking, clinic_id: UUID) -> str:
    code, said = await asepsis("verify", "--clinic", clinic_id)
    assert code == 0
    intact, line = said.splitlines()
    assert intact.startswith(f"intact: clinic {clinic_id}, epoch 1, ")
    return line


async def test_verify_says_intact_and_what_to_keep(house: House, asepsis: Asking) -> None:
    (entry,) = await house.given("booking", added())
    line = await kept_by_the_auditor(asepsis, house.clinic_id)
    assert line == f"1:{entry.size}:{entry.chain.hex()}"
    await house.given("booking", added())
    for kept in (line, line.replace(":", ",")):
        assert (await asepsis("verify", "--clinic", house.clinic_id, "--against", kept))[0] == 0
    other = await open_house(house.database)
    code, said = await asepsis("verify")
    assert code == 0
    assert str(other.clinic_id) in said


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("update ledger.entries set body = overlay(body placing '\\x20'::bytea from 9) where clinic_id = $1 and index = 3", 3),
        ("update ledger.entries set recorded_at = recorded_at + interval '1 microsecond' where clinic_id = $1 and index = 4", 4),
        ("update ledger.entries set type = 'resource.added.v2' where clinic_id = $1 and index = 2", 2),
        ("delete from ledger.entries where clinic_id = $1 and index = 3", 3),
        ("update ledger.entries set index = case index when 3 then 104 else 103 end where clinic_id = $1 and index in (3, 4)", 3),
    ],
)
async def test_verify_finds_and_locates_a_change(
    house: House, asepsis: Asking, owner: asyncpg.Connection, statement: str, index: int
) -> None:
    other = await open_house(house.database)
    await house.given("booking", *(added() for _ in range(5)))
    await past_all_rights(owner, statement, house.clinic_id)
    if "104" in statement:
        await owner.execute("update ledger.entries set index = index - 100 where index > 100")
    code, said = await asepsis("verify", "--clinic", house.clinic_id)
    assert code == 1
    assert f"BROKEN: clinic {house.clinic_id}, epoch 1, at entry {index}." in said
    assert (await asepsis("verify", "--clinic", other.clinic_id))[0] == 0
    assert (await asepsis("verify"))[0] == 1


async def test_verify_against_what_was_kept_finds_a_cut_and_a_rewritten_history(
    house: House, asepsis: Asking, owner: asyncpg.Connection
) -> None:
    await house.given("booking", added(), added())
    line = await kept_by_the_auditor(asepsis, house.clinic_id)
    await past_all_rights(owner, "delete from ledger.entries where clinic_id = $1 and index = 3", house.clinic_id)
    assert (await asepsis("verify", "--clinic", house.clinic_id))[0] == 0  # alone it cannot know
    code, said = await asepsis("verify", "--clinic", house.clinic_id, "--against", line)
    assert code == 1
    assert "at entry 3." in said
    await past_all_rights(
        owner, "update ledger.bookmarks set size = 3, chain = (select chain from ledger.entries where index = 2) where size = 4"
    )
    await house.given("booking", added())
    code, said = await asepsis("verify", "--clinic", house.clinic_id, "--against", line)
    assert code == 1
    assert "rewritten" in said


async def test_verify_of_an_export_needs_no_server(house: House, asepsis: Asking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await house.given("booking", added(), added())
    line = await kept_by_the_auditor(asepsis, house.clinic_id)
    async with house.look("compliance") as view:
        head = await ledger_head(view)
    exported = b"".join([part async for part in export(head, lambda: house.look("compliance"))])
    monkeypatch.setenv("ASEPSIS_DATABASE_URL", "postgresql://nobody@nowhere/none")
    file = tmp_path / "ledger.ndjson"
    file.write_bytes(exported)
    assert (await asepsis("verify", "--file", file, "--against", line))[0] == 0
    file.write_bytes(exported.replace(b"resource.added.v1", b"resource.added.v2", 1))
    code, said = await asepsis("verify", "--file", file)
    assert code == 1
    assert "at entry 2" in said
    file.write_bytes(b"nonsense")
    assert (await asepsis("verify", "--file", file))[0] == 2
    assert (await asepsis("verify", "--file", tmp_path / "missing"))[0] == 2


@pytest.mark.parametrize(
    "words", [("--against", "1,2,xyz"), ("--against", "nonsense"), ("--against", f"1,2,{'0' * 64}"), ("--clinic", uuid4())]
)
async def test_verify_says_what_is_wrong_with_the_question(asepsis: Asking, words: tuple[str, ...]) -> None:
    code, said = await asepsis("verify", *words)
    assert code == 2
    assert said.count("\n") == 1


async def test_without_a_database_there_is_a_sentence_and_no_traceback(asepsis: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASEPSIS_DATABASE_URL", "postgresql://asepsis_app@/none?host=/nowhere")
    monkeypatch.setenv("ASEPSIS_MIGRATION_URL", "postgresql://asepsis@/none?host=/nowhere")
    for words in (("status",), ("verify",), ("rebuild", "booking")):
        code, said = await asepsis(*words)
        assert code == 2
        assert said.startswith("There is no server at postgresql://")
        assert said.count("\n") == 1


async def test_health_of_no_process_is_not_well(asepsis: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASEPSIS_PORT", "1")
    code, said = await asepsis("health")
    assert code == 1
    assert "no answer from http://127.0.0.1:1/health/ready" in said


@pytest.mark.parametrize("wrong", ["", "3", "many", "1001", "-5"])
async def test_a_number_of_connections_that_cannot_be_meant_is_refused(
    asepsis: Asking, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("ASEPSIS_CONNECTIONS", wrong)
    with pytest.raises(SettingsError, match=r"ASEPSIS_CONNECTIONS must be a number from 4 to 1000, not"):
        await asepsis("status")


async def test_a_token_is_good_for_its_role_in_its_clinic_only(house: House, asepsis: Asking) -> None:
    other = await open_house(house.database)
    code, said = await asepsis("token", "create", "--clinic", house.clinic_id, "--role", "technician", "--name", "Tara")
    assert code == 0
    secret = said.split()[-1]
    caller = await authenticate(house.database, secret, house.clinic_id)
    assert caller is not None
    assert caller.roles == {Role.TECHNICIAN}
    assert f"identity  {caller.identity_id}" in said
    elsewhere = await authenticate(house.database, secret, other.clinic_id)
    assert elsewhere is None or not elsewhere.roles
    assert not any(b"Tara" in entry.body for entry in await house.entries())


@pytest.mark.parametrize(("role", "clinic", "code"), [("emperor", None, 2), ("service", None, 1), ("manager", uuid4(), 2)])
async def test_a_token_that_cannot_be_made_says_why(house: House, asepsis: Asking, role: str, clinic: UUID | None, code: int) -> None:
    found, said = await asepsis("token", "create", "--clinic", clinic or house.clinic_id, "--role", role, "--name", "X")
    assert (found, bool(said)) == (code, True)


@pytest.fixture
async def halted(house: House, monkeypatch: pytest.MonkeyPatch) -> int:
    """Consent stands still before a poison entry; its index."""

    async def choke(rows: AsyncSession, entry: Entry[Any]) -> None:
        message = "poison"
        raise ValueError(message)

    monkeypatch.setitem(projection_of("consent")._projectors, versioned_type(ResourceAdded), [choke])
    (entry,) = await house.given("booking", added())
    await Follower(house.database, "consent").sweep()
    return entry.index


async def test_status_is_a_table_and_names_what_stands_still(house: House, asepsis: Asking, halted: int) -> None:
    code, said = await asepsis("status")
    assert code == 1
    assert f"HALTED  consent (projected) of clinic {house.clinic_id} stands still before entry {halted} (resource.added.v1)" in said
    assert "ValueError after 5 attempts" in said


async def test_status_of_a_house_that_is_well(house: House, asepsis: Asking) -> None:
    await Follower(house.database, "consent").sweep()
    code, said = await asepsis("status")
    assert code == 0
    assert "Nothing stands still." in said
    assert f"clinic {house.clinic_id}   2 entries" in said


async def test_skip_takes_two_persons_and_is_recorded(house: House, asepsis: Asking, halted: int) -> None:
    one, two, stranger = uuid4(), uuid4(), uuid4()
    await house.given("compliance", *(AccessGranted(identity_id=who, role=Role.MANAGER) for who in (one, two)))
    words = ("skip", "--clinic", house.clinic_id, "--service", "consent", "--stage", "projected", "--reason", "ticket-7", "--index")
    assert (await asepsis(*words, halted, "--approver", one))[0] == 1
    for pair in ((one, one), (one, stranger)):
        code, said = await asepsis(*words, halted, "--approver", pair[0], "--approver", pair[1])
        assert code == 1
        assert said
    code, said = await asepsis(*words, halted + 1, "--approver", one, "--approver", two)
    assert code == 1
    assert f"its next entry is {halted}" in said
    assert await house.said(EntrySkipped) == []
    code, said = await asepsis(*words, halted, "--approver", one, "--approver", two)
    assert (code, "goes on behind" in said) == (0, True)
    (skipped,) = await house.said(EntrySkipped)
    assert (skipped.service, skipped.skipped_index, set(skipped.approvers)) == ("consent", halted, {one, two})
    await Follower(house.database, "consent").sweep()
    assert (await asepsis("status"))[0] == 0
    code, said = await asepsis("rebuild", "consent")
    assert code == 1
    assert f"entry {halted} (resource.added.v1)" in said


async def test_rebuild_says_equal_for_each_table_or_what_differs(house: House, asepsis: Asking, owner: asyncpg.Connection) -> None:
    await house.given("booking", added())
    code, said = await asepsis("rebuild", "booking", "--clinic", house.clinic_id)
    assert code == 0
    assert "booking.resources: equal (1 rows)" in said
    await owner.execute("update booking.resources set kind = 'device'")
    code, said = await asepsis("rebuild", "booking")
    assert code == 1
    assert "booking.resources: DIFFERENT  row resource_id=" in said
