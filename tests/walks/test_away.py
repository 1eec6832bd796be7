"""What an operator reads when the database is away, empty or cut off: a sentence, and no more of it than needed."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from events.embedded import Servers
from schemas.vocabulary import Instant
from services.outages import Watch
from services.problems import plain
from services.welcome import line_of

ROOT = Path(__file__).parents[2]


def asepsis(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "ASEPSIS_DATABASE_URL": url,
        "ASEPSIS_MIGRATION_URL": url,
        "ASEPSIS_REDIS_URL": "unix:///nowhere.sock",
        "ASEPSIS_SECRET": "0" * 64,
        "ASEPSIS_PORT": "0",
    }
    command = [sys.executable, "-m", "services", *words]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("command", ["run", "migrate"])
def test_without_a_server_one_sentence_names_it_without_its_password(command: str) -> None:
    said = asepsis("postgresql://somebody:hush@127.0.0.1:1/clinic", command)
    assert said.returncode == 1
    assert said.stderr.startswith("There is no server at postgresql://somebody@127.0.0.1:1/clinic (")
    assert said.stderr.count("\n") == 1
    assert "hush" not in said.stderr + said.stdout


@pytest.mark.parametrize(("command", "code"), [("run", 1), ("status", 2), ("verify", 2)])
def test_an_empty_database_asks_for_migrate(servers: Servers, command: str, code: int) -> None:
    said = asepsis(servers.login_url("asepsis", "postgres"), command)
    assert said.returncode == code
    assert "run `asepsis migrate` first" in said.stderr
    assert said.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_not_the_databases_fault() -> None:
    said = asepsis("postgresql://nobody@nowhere/none", "verify", "--file", "/no such file")
    assert (said.returncode, said.stderr) == (2, "/no such file cannot be read: No such file or directory\n")


def test_a_line_about_a_look_at_the_record_names_the_question() -> None:
    viewed = {"question": "ledger", "subject_id": None, "answers": 3}
    event = {"time": "2026-11-23T09:00:00Z", "sequence": "1-4", "type": "record.viewed", "data": viewed}
    assert line_of(json.dumps(event).encode()) == "09:00:00  #4     record.viewed                ledger"


def test_who_stops_reading_is_no_error() -> None:
    line = f"{shlex.quote(sys.executable)} -m services openapi | head -c 1"
    said = subprocess.run(["sh", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (said.stdout, said.stderr) == ("{", "")


async def test_a_server_that_goes_is_told_once_and_once_when_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    answers = iter([True, False, False, False, True, True])

    async def ask() -> None:
        if not next(answers):
            raise ConnectionRefusedError

    watch = Watch("PostgreSQL", ask, "nothing is decided")
    for _ in range(6):
        await watch.look()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["PostgreSQL is away (ConnectionRefusedError): nothing is decided", "PostgreSQL is back"]


def test_what_pydantic_says_of_a_rule_of_ours_is_the_rule_alone() -> None:
    with pytest.raises(ValidationError) as wrong:
        TypeAdapter(Instant).validate_python(1764579600)
    assert [plain(error["msg"]) for error in wrong.value.errors()] == [str(error["ctx"]["error"]) for error in wrong.value.errors()]
