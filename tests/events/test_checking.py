"""`asepsis check`: gentle, remembering, and told to whoever asks. What its checkers find, the fault tests plant."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from events import ledger
from events.checking import check
from events.checking.check import Checker, Pace
from events.checking.shadows import Shadows
from events.database import Base, Database
from events.embedded import Servers
from events.transaction import aside
from schemas.booking import ClientRegistration, Credential
from schemas.compliance import GrantAccess, OpenClinic, PolicyRequest
from schemas.vocabulary import Modality, Role
from services import app
from services.__main__ import _parser
from services.admin import COMMANDS
from services.booking.commands import credential_practitioner, register_client
from services.checkup import Checkup
from services.compliance.commands import grant_access, open_clinic, publish_policy
from services.opening import decide
from services.operations import status_of
from services.settings import Settings
from tests.conftest import SECRET, House, actor

DECIDING = ("compliance", "booking")
DESK = actor(Role.FRONT_DESK)
MANAGER = actor(Role.MANAGER)
ADMIN = actor(Role.ADMIN)


@pytest.fixture
async def sound(database: Database) -> House:
    """A clinic that was opened by the commands themselves, so that every decision of it can be asked again."""
    house = House(database, uuid4())
    async with aside(database, None, "compliance") as rows:
        await ledger.open_clinic(rows, house.clinic_id)
    clinician = uuid4()
    for command, request in (
        (open_clinic, OpenClinic(timezone="Europe/Amsterdam")),
        (grant_access, GrantAccess(identity_id=clinician, role=Role.CLINICIAN)),
        (grant_access, GrantAccess(identity_id=DESK.identity_id, role=DESK.role)),
        (grant_access, GrantAccess(identity_id=MANAGER.identity_id, role=MANAGER.role)),
        (publish_policy, PolicyRequest(text="[clinic]\ntimezone = 'Europe/Amsterdam'", approver_id=clinician)),
    ):
        await decide(database, house.clinic_id, ADMIN, command, request, str(uuid4()))
    await grow(house)
    return house


async def grow(house: House, clients: int = 2) -> None:
    """Some decisions more."""
    for _ in range(clients):
        client = ClientRegistration.model_validate(
            {"client_id": uuid4(), "given_name": "Noor", "family_name": "de Vries", "date_of_birth": "1991-04-12", "phone": "+31201234567"}
        )
        await house.doing("booking", register_client, client, by=DESK)
    credential = Credential.model_validate(
        {
            "practitioner_id": uuid4(),
            "role": Role.PRACTITIONER,
            "modalities": (Modality.MICRONEEDLING,),
            "max_depth_um": 1500,
            "valid_until": "2099-12-31",
        }
    )
    await house.doing("booking", credential_practitioner, credential, by=MANAGER)


@pytest.fixture
async def checker(sound: House) -> AsyncIterator[Checker]:
    async with Checker(sound.database, DECIDING) as opened:
        yield opened


async def test_the_next_check_costs_what_was_recorded_since(sound: House, checker: Checker) -> None:
    first = await checker.check(sound.clinic_id)
    assert first.whole
    assert first.report.wrongs == []
    assert first.report.counted["decisions replayed"] == first.report.counted["entries"] == 8
    await grow(sound)
    for service in DECIDING:
        await sound.caught_up(service)
    second = await checker.check(sound.clinic_id)
    assert second.report.wrongs == []
    assert second.report.counted["decisions replayed"] == 11
    assert second.size == 11


async def test_what_was_found_stays_found_and_what_was_mended_does_not(sound: House, checker: Checker, owner: asyncpg.Connection) -> None:
    await owner.execute("update booking.practitioners set max_depth_um = 9")
    found = [str(wrong) for wrong in (await checker.check(sound.clinic_id)).report.wrongs]
    assert len(found) == 1
    assert "booking.practitioners" in found[0]
    assert [str(wrong) for wrong in (await checker.check(sound.clinic_id)).report.wrongs] == found
    await owner.execute("update booking.practitioners set max_depth_um = 1500")
    assert (await checker.check(sound.clinic_id)).report.wrongs == []


async def test_a_check_that_has_no_time_left_goes_on_where_it_ended(
    sound: House, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "PAGE", 2)
    monkeypatch.setattr(check, "CHAIN_PAGE", 4)
    hasty = await checker.check(sound.clinic_id, Pace(seconds=0))
    assert not hasty.whole
    whole = False
    for _ in range(20):
        whole = whole or (await checker.check(sound.clinic_id, Pace(seconds=0))).whole
    assert whole


async def test_nothing_real_can_be_written_by_a_check(sound: House) -> None:
    async with Shadows(sound.database, "booking") as shadows:
        with pytest.raises(DBAPIError, match="read-only transaction"):
            async with shadows.looking(sound.clinic_id) as rows:
                await rows.execute(text("delete from booking.clients"))
        async with shadows.looking(sound.clinic_id) as rows:
            table = Base.metadata.tables["booking.clients"]
            row = {"clinic_id": sound.clinic_id, "client_id": uuid4(), "contactable": True, "event_id": uuid4()}
            await rows.execute(table.insert().values(row))
            assert (await rows.execute(text("select count(*) from pg_temp.clients"))).scalar_one() == 1
            assert (await rows.execute(text("select count(*) from booking.clients"))).scalar_one() == 2


async def test_the_program_checks_and_whoever_asks_is_told(sound: House, owner: asyncpg.Connection) -> None:
    checkup = Checkup(sound.database, DECIDING, None)
    second = Checkup(sound.database, DECIDING, None)
    try:
        await checkup.run()
        await second.run()  # leaves it to the first
        known = (await status_of(sound.database)).checks
        assert [(one.clinic_id, one.found, one.whole) for one in known] == [(sound.clinic_id, 0, True)]
        await owner.execute("delete from booking.client_details where client_id in (select client_id from booking.clients limit 1)")
        await checkup.run()
        (unsound,) = (await status_of(sound.database)).unsound
        assert unsound.found == 1
        assert unsound.checked_at > known[0].checked_at
    finally:
        await checkup.close()
        await second.close()


async def test_the_running_program_is_ready_and_says_what_its_check_has_found(
    sound: House, servers: Servers, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "EVERY_SECONDS", 0.2)
    await owner.execute("update booking.practitioners set max_depth_um = 9")
    url = sound.database.url
    settings = Settings(database_url=url, migration_url=url, redis_url=servers.redis_url, secret=SECRET, parts=DECIDING)
    program = app.create_app(settings)
    transport = httpx.ASGITransport(app=program)
    async with program.router.lifespan_context(program), httpx.AsyncClient(transport=transport, base_url="http://asepsis") as client:
        async with asyncio.timeout(60):
            while True:
                if (await status_of(sound.database)).unsound:
                    break
                await asyncio.sleep(0.2)
        ready = await client.get("/health/ready")
        metrics = (await client.get("/metrics")).text
    assert (ready.status_code, ready.json()["ready"], ready.json()["unsound"]) == (200, True, [str(sound.clinic_id)])
    assert "asepsis_check_findings 1.0" in metrics
    assert "asepsis_check_age_seconds" in metrics


Asking = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def asepsis(sound: House, servers: Servers, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Asking:
    monkeypatch.setenv("ASEPSIS_DATABASE_URL", sound.database.url)
    monkeypatch.setenv("ASEPSIS_REDIS_URL", servers.redis_url)
    monkeypatch.setenv("ASEPSIS_SECRET", SECRET.decode())

    async def run(*words: Any) -> tuple[int, str]:
        arguments = _parser().parse_args([str(word) for word in words])
        code = await COMMANDS[arguments.command](arguments)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


async def test_the_command_says_a_sentence_for_each_finding(sound: House, asepsis: Asking, owner: asyncpg.Connection) -> None:
    code, said = await asepsis("check", "--clinic", sound.clinic_id)
    assert (code, said.splitlines()[0].partition(" (")[0]) == (0, f"clinic {sound.clinic_id}: nothing wrong")
    assert "8 decisions replayed" in said
    assert (await asepsis("status"))[0] == 0
    await owner.execute("update booking.practitioners set max_depth_um = 9")
    code, said = await asepsis("check")
    assert code == 1
    assert f"WRONG  5 (tables)  clinic {sound.clinic_id}: booking.practitioners: row practitioner_id=" in said
    code, said = await asepsis("status")
    assert code == 1
    assert f"UNSOUND  1 things in clinic {sound.clinic_id} must not be" in said
    assert "Noor" not in said
    assert (await asepsis("check", "--clinic", uuid4()))[0] == 2
