"""What a planted bug is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Swap:
    """What stands in a file exactly once (or is replaced `everywhere`), and what is put in its place."""

    file: str
    old: str
    new: str
    everywhere: bool = False


@dataclass(frozen=True, slots=True)
class Defect:
    """A bug that somebody could write, what would come of it, and the tests that must catch it."""

    name: str
    why: str
    swaps: tuple[Swap, ...]
    tests: tuple[str, ...]
