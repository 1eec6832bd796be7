"""One server's process: started beside its data, known again after a crash, stopped gently and then less so."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from events.embedded.account import Account, Refusal, before_exec, environment

STOP_SECONDS = 20.0
ORPHAN_SECONDS = 5.0


@dataclass
class Server:
    name: str
    command: list[str]
    directory: Path  # its working directory, by which an orphan of it is known
    log: Path
    stop_signal: signal.Signals
    ready: Callable[[], bool]
    account: Account | None = None
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        end_orphans(self)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 -- the programs we were told to start
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env=environment() | self.environment,
                start_new_session=True,
                preexec_fn=before_exec(self.account, self.stop_signal),  # noqa: PLW1509 -- this process has one thread
            )

    def wait_until_ready(self) -> None:
        while not self.ready():
            if self.process is None or self.process.poll() is not None:
                raise Refusal(f"{self.name} ended while starting. Its log, {self.log}, ends with:\n{last_lines(self.log)}")
            if life_line_cut(0.005):
                raise Refusal("The program ended while its servers were starting.")

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_signal)

    def wait_stopped(self) -> None:
        if self.process is None:
            return
        for sharper in (signal.SIGQUIT, signal.SIGKILL):
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.send_signal(sharper)
        self.process.wait()
        end_orphans(self)


def last_lines(log: Path, count: int = 12) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_bytes()[-8192:].decode(errors="replace").splitlines()[-count:])
    return "(no log)"


def life_line_cut(seconds: float) -> bool:
    """Whether the program is gone, after waiting at most so long for it."""
    readable, _, _ = select.select([0], [], [], seconds)
    return bool(readable) and os.read(0, 1) == b""


def orphans(server: Server) -> Iterator[int]:
    """Processes of an earlier run whose guard was killed: same binary name, same working directory."""
    binary = Path(server.command[0]).resolve().name  # Debian's redis-server is a link to another name
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # gone, or somebody else's
            if (entry / "cwd").readlink() == server.directory and (entry / "exe").readlink().name.split(" ")[0] == binary:
                yield int(entry.name)


def end_orphans(server: Server) -> None:
    for stop in (server.stop_signal, signal.SIGQUIT, signal.SIGKILL):
        for pid in orphans(server):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, stop)
        deadline = time.monotonic() + ORPHAN_SECONDS
        while list(orphans(server)):
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            break
    # Nobody is left, so a pid file is stale; PostgreSQL would believe it if the number were in use again.
    if sys.platform == "linux":
        (server.directory / "postmaster.pid").unlink(missing_ok=True)
