"""Plant every defect alone and see it caught: `python -m tests.mutants [--only WORDS …] [--jobs N]`."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.mutants import carriers, record
from tests.mutants.defect import Defect
from tests.mutants.trial import SECONDS, DoesNotApplyError, Verdict, copy_tree, plant, sound, try_defect

DEFECTS: Sequence[Defect] = (*record.DEFECTS, *carriers.DEFECTS)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _all_apply(defects: Sequence[Defect], tree: Path) -> bool:
    """Before anything runs: say every defect that the code has moved away from."""
    applies = True
    for defect in defects:
        before = {swap.file: (tree / swap.file).read_bytes() for swap in defect.swaps if (tree / swap.file).is_file()}
        try:
            plant(defect, tree)
        except DoesNotApplyError as reason:
            _say(str(reason))
            applies = False
        for name, content in before.items():
            (tree / name).write_bytes(content)
    return applies


def _row(verdict: Verdict) -> str:
    caught = verdict.caught_by[0].rpartition("::")[2] if verdict.caught_by else "SURVIVED"
    return f"{verdict.defect.name:48}  {verdict.seconds:5.1f} s  {caught}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--only", nargs="+", default=[], help="defects whose name holds one of these words")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    chosen = [defect for defect in DEFECTS if not arguments.only or any(word in defect.name for word in arguments.only)]
    with tempfile.TemporaryDirectory(prefix="asepsis-mutants-") as directory:
        tree = Path(directory) / "sound"
        copy_tree(tree)
        if not _all_apply(chosen, tree):
            return 1
        _say(f"{len(chosen)} defects. First the tests that are to catch them, without any:")
        red = sound(tree, (test for defect in chosen for test in defect.tests))
        if red is not None:
            _say(red)
            _say("These tests fail without a defect: nothing can be learned from them.")
            return 1
        with ThreadPoolExecutor(arguments.jobs) as pool:
            verdicts = list(_each(pool, chosen, tree, Path(directory)))
    survivors = [verdict for verdict in verdicts if not verdict.caught_by]
    for verdict in survivors:
        _say(f"\n{verdict.defect.name}: {verdict.defect.why}. Not caught within {SECONDS} s. The tests said:\n{verdict.output[-3000:]}")
    _say(f"\n{len(verdicts) - len(survivors)} of {len(verdicts)} defects caught")
    return 1 if survivors else 0


def _each(pool: ThreadPoolExecutor, chosen: Sequence[Defect], tree: Path, place: Path) -> Sequence[Verdict]:
    verdicts = []
    for verdict in pool.map(lambda defect: try_defect(defect, tree, place), chosen):
        _say(_row(verdict))
        verdicts.append(verdict)
    return verdicts


if __name__ == "__main__":
    sys.exit(main())
