"""The whole story, from outside: all services together as `make demo` plays it, and each in a process of its own."""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from events.database import Database
from events.embedded import Servers
from services.app import load
from services.example import Example, database_now, draw_up, make
from services.settings import PARTS
from tests.servers import start

ROOT = Path(__file__).parents[2]
SECRET = "a secret of the tests, 32 bytes.."
OURS = {"schemas", "events", "services", "deploy"}


def test_the_outside_clients_import_nothing_of_ours() -> None:
    for path in sorted((ROOT / "tests/walks/day").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            named = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            named += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            roots = {name.partition(".")[0] for name in named}
            assert not roots & OURS, path
            assert roots <= {*sys.stdlib_module_names, "redis", "tests"}, path
            assert all(name.startswith("tests.walks.day") for name in named if name.startswith("tests")), path


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_plays_the_day_and_leaves_nothing_behind(tmp_path: Path) -> None:
    throw_away = tmp_path / "a path with spaces"
    throw_away.mkdir()
    environment = {**os.environ, "TMPDIR": str(throw_away)}
    played = subprocess.run(
        [sys.executable, "-m", "services", "demo"], cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=220
    )
    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    assert [int(found) for found in re.findall(r"^(\d)\. ", played.stdout, re.MULTILINE)] == list(range(1, 9))
    assert played.stdout.rstrip().splitlines()[-1].startswith("Every answer was the expected one.")
    assert not played.stderr
    assert not list(throw_away.iterdir())


@pytest.fixture
async def example(database: Database) -> Example:
    """The example clinic, in this test's database."""
    for part in PARTS[:-1]:
        load(part)
    drawn_up = draw_up(await database_now(database))
    await make(database, drawn_up)
    return drawn_up


@contextmanager
def _process(part: str, environment: dict[str, str], log: Path) -> Iterator[Path]:
    """`asepsis run <part>` until the end of the test, which must be a clean one."""
    with log.open("wb") as output:
        running = subprocess.Popen(
            [sys.executable, "-m", "services", "run", part], cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield log
    finally:
        running.terminate()
        code = running.wait(30)
    assert code == 0, f"{part} ended with {code}:\n{log.read_text()[-3000:]}"


def _address(log: Path) -> str:
    """Where the process says it listens."""
    ready = re.compile(r"ready at (http://\S+)")
    for _ in range(600):
        if found := ready.search(log.read_text()):
            return found[1]
        time.sleep(0.1)
    message = f"not ready:\n{log.read_text()[-3000:]}"
    raise AssertionError(message)


@pytest.mark.slow
@pytest.mark.long  # `.ci/run` plays it each time, on Debian's servers
@pytest.mark.timeout(240)
def test_the_day_goes_the_same_with_each_service_in_its_own_process(
    servers: Servers, database_name: str, example: Example, tmp_path: Path
) -> None:
    with ExitStack() as running:
        redis = running.enter_context(start(Path(running.enter_context(tempfile.TemporaryDirectory())))).redis_url
        logs = []
        for part in PARTS:
            environment = {
                **os.environ,
                # Apart, each service signs in as itself and can become nobody else.
                "ASEPSIS_DATABASE_URL": servers.login_url(f"asepsis_{part}", database_name),
                "ASEPSIS_REDIS_URL": redis,
                "ASEPSIS_SECRET": SECRET,
                "ASEPSIS_PORT": "0",
                "ASEPSIS_DATA": str(tmp_path),
            }
            logs.append(running.enter_context(_process(part, environment, tmp_path / f"{part}.log")))
        kept = {
            "base_url": " ".join(_address(log) for log in logs),
            "redis_url": redis,
            "spool": str(tmp_path / "messages.jsonl"),
            "example": example.model_dump(mode="json"),
        }
        file = tmp_path / "example.json"
        file.write_text(json.dumps(kept))
        played = subprocess.run(
            [sys.executable, "-m", "tests.walks.day", str(file), str(tmp_path / "kept")],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=150,
        )
        told = "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in logs)
        assert played.returncode == 0, f"{played.stdout[-3000:]}{played.stderr[-3000:]}{told}"
