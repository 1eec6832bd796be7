"""`python -m tests.faults.clocked FILE`: the program as an order in that file says, in a process of its own, until stdin is closed."""

import os
import pickle
import sys
import threading
from pathlib import Path

from tests.faults.process import run


def _end_with_stdin() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    run(pickle.loads(Path(sys.argv[1]).read_bytes()))  # noqa: S301 - written by the test that started this
