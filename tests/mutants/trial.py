"""A copy of the tree, one defect planted in it, and what the named tests say."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.defect import Defect

ROOT = Path(__file__).parent.parent.parent
SECONDS = 60
"""How long the tests may take to catch a defect."""

FAILED = re.compile(r"^FAILED (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)


class DoesNotApplyError(Exception):
    """The code has moved on and the defect has not followed it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a defect."""

    defect: Defect
    caught_by: Sequence[str]
    seconds: float
    output: str


def copy_tree(target: Path) -> None:
    """Everything that belongs to the project, as it is now; what git ignores stays behind."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def plant(defect: Defect, tree: Path) -> None:
    """Put the defect into the tree. Raises `DoesNotApplyError`."""
    for swap in defect.swaps:
        file = tree / swap.file
        if not file.is_file():
            raise DoesNotApplyError(f"'{defect.name}' does not apply any more: {swap.file} is gone.")
        text = file.read_text(encoding="utf-8")
        found = text.count(swap.old)
        if found == 0 or (found > 1 and not swap.everywhere):
            first = next(line for line in swap.old.splitlines() if line.strip()).strip()
            raise DoesNotApplyError(f"'{defect.name}' does not apply any more: {swap.file} has {found} times, not once, {first!r}.")
        file.write_text(text.replace(swap.old, swap.new), encoding="utf-8")


def run_tests(tree: Path, tests: Iterable[str], seconds: int) -> tuple[int | None, str]:
    """(exit code or None if time ran out, what pytest said)."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "--tb=line", "-rf", "-p", "no:cacheprovider", "-o", "timeout=40", *tests]
    # A hypothesis database of an earlier run, or a setting of the caller's, must not decide what is found.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ASEPSIS_", "PYTEST_", "PYTHON"))}
    running = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        output, _ = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        output, _ = running.communicate()
        return None, output
    return running.returncode, output


def sound(tree: Path, tests: Iterable[str]) -> str | None:
    """What fails without any defect, or None: a test that is red anyway catches nothing."""
    code, output = run_tests(tree, sorted(set(tests)), 30 * SECONDS)
    return None if code == 0 else output


def try_defect(defect: Defect, tree: Path, place: Path) -> Verdict:
    """Plant the defect alone and run its tests. An error before a test has run is not a catch."""
    mutant = place / re.sub(r"\W+", "-", defect.name)
    shutil.copytree(tree, mutant)
    try:
        plant(defect, mutant)
        began = time.monotonic()
        _, output = run_tests(mutant, defect.tests, SECONDS)
        return Verdict(defect, FAILED.findall(output), time.monotonic() - began, output)
    finally:
        shutil.rmtree(mutant)
