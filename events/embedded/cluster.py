"""PostgreSQL's settings, and how a database cluster is made: by version 18 of the wheel, or by another one that was named."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

from events.embedded.account import Account, Refusal, before_exec, environment
from events.embedded.server import last_lines

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    # Small: a clinic's working set is a few megabytes and the machine belongs to somebody else.
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "huge_pages": "off",
    "jit": "off",
    # What the ledger's promises rest on, said although these are the defaults.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
BUILTIN_LOCALES_SINCE, IO_METHODS_SINCE = 17, 18


def major_version(postgres: Path) -> int:
    """What the program says of itself: `postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)`. Raises `Refusal`."""
    said = ""
    with contextlib.suppress(OSError):
        asked = subprocess.run([postgres, "--version"], check=False, capture_output=True, text=True, env=environment())  # noqa: S603
        said = asked.stdout + asked.stderr
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    if found is None:
        raise Refusal(f"{postgres} is no PostgreSQL that runs here: {said.strip() or 'it cannot be started'}")
    return int(found[1])


def arguments(version: int) -> list[str]:
    """Settings for the command line."""
    settings = dict(SETTINGS)
    if version >= IO_METHODS_SINCE:
        settings["io_method"] = "sync"  # worker processes for reads pay off with larger data
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _locale(version: int) -> list[str]:
    """Sorted by code point whatever the machine's locale, so that data moves between machines."""
    if version >= BUILTIN_LOCALES_SINCE:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C"]


def initialize(data_dir: Path, bin_dir: Path, version: int, names: tuple[str, str], account: Account | None) -> None:
    """Make a cluster with this owner and this database in it.

    It is made whole beside its place and then moved there, so that a half-made database is never met again.
    """
    owner, database = names
    unfinished = data_dir / "postgres.new"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
    made = ["--pgdata", str(unfinished), "--username", owner, "--auth-local=trust", "--auth-host=reject"]
    made += ["--encoding=UTF8", *_locale(version), "--no-instructions"]
    log = data_dir / "initdb.log"
    steps = [
        ([str(bin_dir / "initdb"), *made], b""),
        ([str(bin_dir / "postgres"), "--single", "-D", str(unfinished), "postgres"], f"CREATE DATABASE {database}\n".encode()),
    ]
    for command, text in steps:
        with log.open("ab") as output:
            done = subprocess.run(  # noqa: S603 -- the programs we were told to start
                command,
                input=text,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                cwd=data_dir,
                env=environment(),
                preexec_fn=before_exec(account, signal.SIGKILL),
            )
        if done.returncode != 0:
            raise Refusal(f"PostgreSQL could not make a database in {data_dir}. {log} ends with:\n{last_lines(log)}")
    unfinished.rename(data_dir / "postgres")


def accepts(data: Path) -> bool:
    """PostgreSQL writes its state as the last line of its pid file."""
    with contextlib.suppress(OSError):
        return (data / "postmaster.pid").read_text().rstrip().endswith("ready")
    return False
