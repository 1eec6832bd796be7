"""`asepsis demo`: a clinic day in a throw-away directory, played by outside clients, then a record that was tampered with."""

import asyncio
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from events.embedded import DATABASE as EMBEDDED
from events.embedded import Servers

ROOT = Path(__file__).parent.parent
CLIENTS = "tests.walks.day"
READY_SECONDS = 90.0
STOP_SECONDS = 30.0
CLIENT_SECONDS = 240.0
VERIFY_SECONDS = 60.0
WIDTH = 118

Change = Callable[[asyncpg.Connection, UUID, int], Coroutine[Any, Any, None]]
"""(connection, clinic, index): what an owner of the database does to the past."""


class DemoError(Exception):
    """The day did not go as it must; the message says where."""


def demo() -> int:
    """Play the day; 0 only if every answer was the expected one. Leaves nothing behind, also after Ctrl-C."""
    if not ROOT.joinpath(*CLIENTS.split(".")).is_dir():
        sys.stderr.write("The demo's clients are part of the source code: run `make demo` in a checkout.\n")
        return 1
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="asepsis-demo-") as directory:
            _play(Path(directory))
    except DemoError as failure:
        sys.stdout.flush()
        sys.stderr.write(f"\nThe demo failed: {failure}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; everything was removed.\n")
        return 130
    _tell(f"\nEvery answer was the expected one. {time.monotonic() - begun:.0f} s; everything was stopped and removed.\n")
    return 0


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _answers(sign: str, line: str) -> None:
    _tell(textwrap.fill(line, WIDTH, initial_indent=f"{' ' * 18}{sign} ", subsequent_indent=" " * 20))


def _play(directory: Path) -> None:
    data, kept = directory / "data", directory / "kept-by-the-auditor"
    with _everything_up(data, directory / "up.log") as environment:
        clients = [sys.executable, "-m", CLIENTS, str(data / "example.json"), str(kept)]
        code = subprocess.run(clients, cwd=ROOT, check=False, timeout=CLIENT_SECONDS).returncode  # noqa: S603 - our own interpreter
        if code != 0:
            raise DemoError("an answer was not the expected one, or a client stumbled.")
        clinic = _clinic_of(data / "example.json")
        _tell("   Auditor        runs `asepsis verify` as well, beside the servers.")
        # The clinic lives on meanwhile: the record may have grown, but what the auditor kept must be its beginning.
        checkpoint = kept.read_text().strip()
        code, said = _said(_start_verify(environment, clinic, "--against", checkpoint))
        if code != 0:
            raise DemoError(f"verify does not find what the auditor kept, {checkpoint}: {said}")
        _answers("✓", said)
    _tamper(data, environment, clinic, checkpoint)


def _clinic_of(example: Path) -> UUID:
    from services.example import kept_example

    return kept_example(example).clinic_id


@contextmanager
def _everything_up(data: Path, log: Path) -> Iterator[dict[str, str]]:
    """`asepsis up` as a process of its own; yields the settings for other commands on its servers."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ASEPSIS_")}
    command = [sys.executable, "-m", "services", "up", "--data", str(data)]
    with log.open("wb") as output:
        # A session of its own: a Ctrl-C is for us, and we end it.
        up = subprocess.Popen(  # noqa: S603 - our own interpreter
            command, cwd=ROOT, env={**inherited, "ASEPSIS_PORT": "0"}, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_until_ready(up, data / "environment", log)
        yield inherited | _read_environment(data / "environment")
    finally:
        up.send_signal(signal.SIGINT)
        try:
            code = up.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            up.kill()
            code = up.wait()
    if code != 0:
        raise DemoError(f"`asepsis up` ended with {code} after Ctrl-C:\n{log.read_text()[-2000:]}")


def _wait_until_ready(up: "subprocess.Popen[bytes]", environment: Path, log: Path) -> None:
    begun = time.monotonic()
    while not environment.exists():
        if up.poll() is not None or time.monotonic() - begun > READY_SECONDS:
            raise DemoError(f"`asepsis up` did not get ready:\n{log.read_text()[-2000:]}")
        time.sleep(0.02)
    _tell(f"PostgreSQL, Valkey and all services are up, with an example clinic ({time.monotonic() - begun:.1f} s).")


def _read_environment(file: Path) -> dict[str, str]:
    """The settings that `asepsis up` wrote for other commands, as the shell would read them."""
    words = (shlex.split(line)[1] for line in file.read_text().splitlines())
    return dict(word.split("=", 1) for word in words)


def _start_verify(environment: dict[str, str], clinic: UUID, *more: str) -> "subprocess.Popen[str]":
    """`asepsis verify` in a process of its own."""
    command = [sys.executable, "-m", "services", "verify", "--clinic", str(clinic), *more]
    return subprocess.Popen(  # noqa: S603 - our own interpreter
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def _said(verify: "subprocess.Popen[str]") -> tuple[int, str]:
    said, _ = verify.communicate(timeout=VERIFY_SECONDS)
    return verify.returncode, " ".join(said.split())


def _tamper(data: Path, environment: dict[str, str], clinic: UUID, checkpoint: str) -> None:
    """In copies of the database its owner, whom no right stops, changes the past; each time it is found and located."""
    size = int(checkpoint.split(":")[1])
    middle, last = size // 2, size - 1
    cases: tuple[tuple[str, Change, int, tuple[str, ...]], ...] = (
        (f"changes one byte of entry {middle}", _change_byte, middle, ()),
        (f"swaps entries {middle} and {middle + 1}", _swap_pair, middle, ()),
        (f"deletes entry {last} and all behind it", _delete_from, last, ("--against", checkpoint)),
    )
    with Servers.start(data) as servers:
        running = []
        for number, (_, change, index, more) in enumerate(cases):
            name = f"tampered_{number}"
            asyncio.run(_in_copy(servers, name, change, clinic, index))
            login = {"ASEPSIS_DATABASE_URL": servers.login_url("asepsis_app", name)}
            running.append(_start_verify(environment | login, clinic, *more))
        for (words, _, index, _), verify in zip(cases, running, strict=True):
            _tell(f"   The owner      of the database {words}, in a copy, past all rights and triggers.")
            code, said = _said(verify)
            if code != 1 or f"entry {index}" not in said:
                raise DemoError(f"{words}: not found and located, but (code {code}) {said}")
            _answers("✗", said)


async def _in_copy(servers: Servers, name: str, change: Change, clinic: UUID, index: int) -> None:
    """Make a copy of the database and do this to it."""
    owner = await asyncpg.connect(_plain(servers.login_url("asepsis", "postgres")))
    try:
        await owner.execute(f'create database "{name}" template "{EMBEDDED}" strategy file_copy')
    finally:
        await owner.close()
    copy = await asyncpg.connect(_plain(servers.login_url("asepsis", name)))
    try:
        await copy.execute("set session_replication_role = replica")
        await change(copy, clinic, index)
    finally:
        await copy.close()


def _plain(url: str) -> str:
    return url.replace("+asyncpg", "")


async def _change_byte(copy: asyncpg.Connection, clinic: UUID, index: int) -> None:
    """The lowest bit of one byte in the middle of the body."""
    change = (
        "update ledger.entries set body = set_byte(body, octet_length(body) / 2, get_byte(body, octet_length(body) / 2) # 1)"
        " where clinic_id = $1 and index = $2"
    )
    await copy.execute(change, clinic, index)


async def _swap_pair(copy: asyncpg.Connection, clinic: UUID, index: int) -> None:
    """What stood at `index` stands behind its neighbor, each with its own hash."""
    move = "update ledger.entries set index = $3 where clinic_id = $1 and index = $2"
    aside = 10**9
    for source, target in ((index, aside), (index + 1, index), (aside, index + 1)):
        await copy.execute(move, clinic, source, target)


async def _delete_from(copy: asyncpg.Connection, clinic: UUID, index: int) -> None:
    await copy.execute("delete from ledger.entries where clinic_id = $1 and index >= $2", clinic, index)
