"""The guard: a process of its own that starts PostgreSQL and Valkey, restarts one that died, and stops both as soon as
its standard input closes, which the system does whatever the program that started it died of.

One order (JSON) as argument, one report (JSON) on stdout: `{"sockets": ...}` or `{"error": ...}`. It runs without
site-packages, so this package and `events/__init__.py` import the standard library only.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from events.embedded import cluster
from events.embedded.account import Account, Refusal, choose_account
from events.embedded.server import Server, life_line_cut

# The kernel's sun_path holds 104 bytes (macOS) or 108 (Linux), the closing NUL included.
LONGEST_SOCKET_PATH = 103
POSTGRES_SOCKET = ".s.PGSQL.5432"
VALKEY_SOCKET = "valkey.sock"
LOG_LIMIT_BYTES = 8 * 1024 * 1024
HANDOVER_SECONDS = 30.0
RESTART_SECONDS = 0.5

VALKEY_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "dir": ".",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "daemonize": "no",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",  # an inbox that is full refuses; it never forgets
}


@dataclass(frozen=True)
class Order:
    data_dir: Path
    program: int
    postgres_bin: Path
    valkey_server: Path
    postgres_environment: dict[str, str]
    owner: str
    database: str

    @classmethod
    def parse(cls, text: str) -> "Order":
        raw = json.loads(text)
        paths = {name: Path(raw[name]) for name in ("data_dir", "postgres_bin", "valkey_server")}
        return cls(**(raw | paths))


def main(order: Order) -> None:
    # Ctrl-C and a service manager's SIGTERM are for the program; we end when it has ended.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    os.umask(0o077)
    with contextlib.ExitStack() as cleanup:
        try:
            servers, sockets = prepare(order, cleanup)
            for server in servers:
                server.start()
            for server in servers:
                server.wait_until_ready()
        except Refusal as refusal:
            report({"error": str(refusal)})
            return
        except OSError as error:
            report({"error": f"The servers in {order.data_dir} cannot start: {error}."})
            return
        report({"sockets": str(sockets)})
        watch(servers)


def report(answer: dict[str, str]) -> None:
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def prepare(order: Order, cleanup: contextlib.ExitStack) -> tuple[list[Server], Path]:
    """Everything up to the two processes; what `cleanup` was given happens in reverse, the lock is let go last."""
    cleanup.enter_context(locked(order))
    postgres = order.postgres_bin / "postgres"
    version = cluster.major_version(postgres)
    account = choose_account(order.data_dir, postgres)
    sockets = socket_directory(order.data_dir, account)
    cleanup.callback(shutil.rmtree, sockets, ignore_errors=True)
    data, valkey_data = order.data_dir / "postgres", order.data_dir / "valkey"
    valkey_data.mkdir(exist_ok=True)
    if not data.exists():
        cluster.initialize(order.data_dir, order.postgres_bin, version, (order.owner, order.database), account)
    valkey_settings = [part for name, value in VALKEY_SETTINGS.items() for part in (f"--{name}", value)]
    servers = [
        Server(
            name="Valkey",
            command=[str(order.valkey_server), *valkey_settings, "--unixsocket", str(sockets / VALKEY_SOCKET)],
            directory=valkey_data,
            log=order.data_dir / "valkey.log",
            stop_signal=signal.SIGTERM,
            ready=lambda: answers(sockets / VALKEY_SOCKET),
        ),
        Server(
            name="PostgreSQL",
            command=[str(postgres), "-D", str(data), "-k", str(sockets), *cluster.arguments(version)],
            directory=data,
            log=order.data_dir / "postgres.log",
            stop_signal=signal.SIGINT,  # its "fast" shutdown: clients are sent away, a checkpoint is written
            ready=lambda: cluster.accepts(data),
            account=account,
            environment=order.postgres_environment,
        ),
    ]
    for server in servers:
        shorten(server.log)
        cleanup.callback(server.wait_stopped)
    for server in servers:
        cleanup.callback(server.stop)
    return servers, sockets


@contextlib.contextmanager
def locked(order: Order) -> Iterator[None]:
    """One guard per data directory. A guard whose program was killed is waited for while it stops its servers."""
    with (order.data_dir / "lock").open("a+") as lock:
        deadline = time.monotonic() + HANDOVER_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip()
                if (holder and alive(int(holder))) or time.monotonic() > deadline:
                    raise Refusal(
                        f"The data directory {order.data_dir} is in use by process {holder or '?'}. "
                        "Stop that one first, or choose another directory with ASEPSIS_DATA."
                    ) from None
                if life_line_cut(0.05):
                    raise Refusal("The program ended while it waited for the data directory.") from None
        lock.truncate(0)
        lock.write(str(order.program))
        lock.flush()
        yield


def alive(pid: int) -> bool:
    """A dead process nobody has waited for yet still has a number, so the state decides where it can be read."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return True


def socket_directory(data_dir: Path, account: Account | None) -> Path:
    """A directory only its owner can enter: beside the data, or under /tmp where that path is too long for a socket."""
    directory = data_dir / "sockets"
    if len(os.fsencode(directory / POSTGRES_SOCKET)) > LONGEST_SOCKET_PATH:
        directory = Path("/tmp") / f"asepsis-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"  # noqa: S108 -- checked below
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    owners = {os.geteuid(), account.uid if account else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
        raise Refusal(f"{directory} belongs to somebody else; remove it, or choose a shorter ASEPSIS_DATA.")
    directory.chmod(0o700)
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    (directory / VALKEY_SOCKET).unlink(missing_ok=True)
    return directory


def answers(path: Path) -> bool:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        client.connect(os.fspath(path))
        client.sendall(b"PING\r\n")
        return client.recv(7) == b"+PONG\r\n"  # and -LOADING while it reads its file
    return False


def shorten(log: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))


def note(line: str) -> None:
    """Into guard.log. Where the disk is full nothing is said, and the servers are watched on."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def watch(servers: list[Server]) -> None:
    """Until the program lets go. A server that died is started again, as a service manager would."""
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    while True:
        for server in servers:
            while server.process is not None and server.process.poll() is not None:
                note(f"{server.name} ended with code {server.process.returncode}; starting it again")
                if life_line_cut(RESTART_SECONDS):
                    return
                try:
                    server.start()
                except OSError as error:
                    note(f"{server.name} cannot be started: {error}")
        readable, _, _ = select.select([0, woken], [], [])
        if 0 in readable and os.read(0, 1) == b"":
            return
        if woken in readable:
            os.read(woken, 4096)


if __name__ == "__main__":
    main(Order.parse(sys.argv[1]))
