"""How the story is told, and how it is held to what was expected."""

import sys
import textwrap
from collections.abc import Iterable

WIDTH = 118


class UnexpectedError(AssertionError):
    """The system answered otherwise than it must."""


def _say(text: str, first: str, later: str) -> None:
    sys.stdout.write(textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=later) + "\n")
    sys.stdout.flush()


def chapter(number: int, title: str) -> None:
    """One of the eight parts of the day."""
    sys.stdout.write(f"\n{number}. {title}\n\n")


def does(who: str, what: str) -> None:
    """Somebody does something."""
    _say(what, f"   {who:<14} ", " " * 18)


def yes(answer: str) -> None:
    """The system agrees."""
    _say(answer, " " * 18 + "✓ ", " " * 20)


def no(answer: str, reasons: Iterable[str] = ()) -> None:
    """The system refuses, and says why: every reason."""
    _say(answer, " " * 18 + "✗ ", " " * 20)
    for reason in reasons:
        _say(reason, " " * 20 + "– ", " " * 22)


def expect(holds: object, what: str) -> None:
    """Hold the system to what it promised. Raises `UnexpectedError`."""
    if not holds:
        raise UnexpectedError(what)
