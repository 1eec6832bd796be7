"""`asepsis up` as a newcomer meets it: ports taken, blanks in paths, two at once, Ctrl-C, and what it prints to try."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class Up:
    """A running `asepsis up`, and what it has printed."""

    def __init__(self, data: Path, log: Path, port: int) -> None:
        self.log = log
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ASEPSIS_")}
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services", "up", "--data", str(data)],
                cwd=ROOT,
                env={**environment, "ASEPSIS_PORT": str(port)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        return self.log.read_text()

    def wait_for(self, pattern: str, seconds: float = 60) -> re.Match[str]:
        """Wait until it has printed this."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := re.search(pattern, self.printed, re.MULTILINE):
                return found
            assert self.process.poll() is None, self.printed
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} not in:\n{self.printed}")

    def interrupt(self) -> int:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)


@contextmanager
def up(data: Path, log: Path, port: int) -> Iterator[Up]:
    running = Up(data, log, port)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def _tokens(printed: str) -> list[str]:
    return re.findall(r"asp_[\w-]+(?=   )", printed)


def _shell(line: str) -> str:
    return subprocess.run(["sh", "-c", line], check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_two_at_once_on_a_taken_port_in_paths_with_blanks(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with up(tmp_path / "one clinic", tmp_path / "1.log", port) as one, up(tmp_path / "another clinic", tmp_path / "2.log", port) as two:
            addresses = {run.wait_for(r"API +(http://\S+)")[1] for run in (one, two)}
            assert len(addresses) == 2
            assert f"http://127.0.0.1:{port}" not in addresses
            for run in (one, two):
                assert f"Port {port} is taken, using " in run.printed
                assert run.interrupt() == 0
                assert run.printed.endswith("stopping…\n")
                assert "Traceback" not in run.printed


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_what_it_prints_works_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    data = tmp_path / "my clinic"
    with up(data, tmp_path / "1.log", 0) as first:
        first.wait_for("^Every event from now on")
        printed = first.printed
        command = first.wait_for(r"^  (\S.*python\S* -c .+)$")[1]
        _shell(command)
        first.wait_for(r"#\d+ +client\.registered")
        _shell(command)
        first.wait_for(r"#\d+ +answer\.repeated")
        resources = json.loads(_shell(first.wait_for(r"^  (curl .+)$")[1]))
        for name in ("OpenAPI", "AsyncAPI", "Health"):
            assert json.loads(_shell("curl -fsS " + first.wait_for(rf"{name} +(http://\S+)$")[1]))
        root = first.wait_for(r"API +(http://\S+)$")[1]
        assert json.loads(_shell(f"curl -fsS {root}/"))["openapi"] == "/openapi.json"
        assert (len(resources["rooms"]), len(resources["practitioners"])) == (3, 3)
        for private in ("secret", "example.json", "environment"):
            assert (data / private).stat().st_mode & 0o777 == 0o600
        status = first.wait_for(r"^ +(\S.* -m services status)$")[1]
        assert "Nothing stands still." in _shell(f"cd {shlex.quote(str(ROOT))} && . {shlex.quote(str(data / 'environment'))} && {status}")
        assert first.interrupt() == 0
        assert not (data / "environment").exists()
    with up(data, tmp_path / "2.log", 0) as second:
        second.wait_for("^Every event from now on")
        assert _tokens(second.printed) == _tokens(printed)
        assert len(_tokens(printed)) == 10
        assert second.interrupt() == 0
        assert "Traceback" not in second.printed


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_start_that_was_cut_short_goes_on_with_the_same_tokens(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(data, tmp_path / "1.log", 0) as first:
        deadline = time.monotonic() + 60
        while not (data / "example.json").exists() and time.monotonic() < deadline:
            time.sleep(0.005)
        first.process.kill()
        first.process.wait()
    kept = json.loads((data / "example.json").read_text())
    assert kept["made"] is False, "it was killed too late to try anything"
    with up(data, tmp_path / "2.log", 0) as second:
        second.wait_for("^Every event from now on")
        assert _tokens(second.printed) == [person["token"] for person in kept["example"]["people"].values()]
        assert second.interrupt() == 0


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("seconds", [0.4, 1.2, 2.4])
def test_ctrl_c_may_come_at_any_moment(tmp_path: Path, seconds: float) -> None:
    with up(tmp_path / "data", tmp_path / "log", 0) as running:
        time.sleep(seconds)
        assert running.interrupt() == 0
        assert "Traceback" not in running.printed
