"""Whom PostgreSQL runs as. It refuses to run as root, so root lends it another account."""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


class Refusal(Exception):  # noqa: N818 -- it is an answer to the program, not a defect
    """The servers cannot run; the message is for the person who started the program."""


@dataclass(frozen=True)
class Account:
    """Whom PostgreSQL runs as; it refuses to run as root."""

    uid: int
    gid: int
    capability: int | None = None  # needed to walk through directories that are closed to that account


def environment() -> dict[str, str]:
    """Nothing from outside: PGDATA, PGOPTIONS and the like would steer our servers to somebody else's."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def before_exec(account: Account | None, death_signal: signal.Signals) -> Callable[[], None]:
    """What a server's process does to itself between fork and exec."""
    guard = os.getpid()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_DFL)
        if account is not None:
            become(account)
        if sys.platform == "linux":
            # After the change of account, which clears it. The guard's death, even by SIGKILL, ends the servers.
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != guard:
                os._exit(1)

    return prepare


def become(account: Account) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if account.capability is not None:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setresgid(account.gid, account.gid, account.gid)
    os.setresuid(account.uid, account.uid, account.uid)
    os.umask(0o077)
    if account.capability is not None:
        bit = 1 << account.capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        if libc.capset(header, sets) != 0 or libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, account.capability, 0, 0) != 0:
            os._exit(1)


def choose_account(data_dir: Path, postgres: Path) -> Account | None:
    """None: the guard's own. As root: the account that owns the data already, else postgres or nobody."""
    if os.geteuid() != 0:
        return None
    data = data_dir / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        uid, gid = data.stat().st_uid, data.stat().st_gid
    else:
        uid, gid = unprivileged()
    closed = [at for start in (data, postgres) for at in start.parents if not passable(at, uid)]
    if not closed:
        return Account(uid, gid)
    # A checkout under /root, say. Opening somebody's directories to everyone is not ours to do; a capability to read
    # past them, for this one process, is.
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):  # a container may hold the second only
        account = Account(uid, gid, capability)
        probe = subprocess.run(  # noqa: S603
            [postgres, "--version"],
            check=False,
            capture_output=True,
            env=environment(),
            preexec_fn=before_exec(account, signal.SIGKILL),
        )
        if probe.returncode == 0:
            return account
    raise Refusal(
        f"PostgreSQL does not run as root, and no other account can pass through {closed[0]}. "
        "Start as an ordinary user, or set ASEPSIS_DATA to a directory that is open to others (chmod o+x)."
    )


def unprivileged() -> tuple[int, int]:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise Refusal("PostgreSQL does not run as root, and this machine has no account postgres or nobody. Start as an ordinary user.")


def passable(directory: Path, uid: int) -> bool:
    status = directory.stat()
    return bool(status.st_mode & (0o100 if status.st_uid == uid else 0o001))
