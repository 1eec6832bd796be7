"""A trace as a picture: columns of things from left to right, and lines between those that touched each other."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

WIDTH, HEIGHT = 176, 52
ACROSS, DOWN = 56, 12
MARGIN = 4
MOST_ROWS = 8
"""A column that is longer ends in how many more there are: the list below the picture has them all."""

MOST_SIGNS = 22


@dataclass(frozen=True, slots=True)
class Thing:
    """Something in the picture. `hint` says what it is; `here` is what was asked about."""

    key: str
    word: str
    hint: str
    path: str | None = None
    here: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """A thing and where it stands."""

    thing: Thing
    x: int
    y: int

    @property
    def word(self) -> str:
        """As much of the word as fits."""
        word = self.thing.word
        return word if len(word) <= MOST_SIGNS else f"{word[: MOST_SIGNS - 1]}…"


@dataclass(frozen=True, slots=True)
class Picture:
    """Everything placed, in pixels."""

    width: int
    height: int
    placed: list[Placed]
    lines: list[str]
    """Each as the path of a curve."""


@dataclass(slots=True)
class Sketch:
    """What touched what, column by column."""

    columns: defaultdict[int, dict[str, Thing]] = field(default_factory=lambda: defaultdict(dict))
    touching: dict[tuple[str, str], None] = field(default_factory=dict)

    def add(self, column: int, thing: Thing, *, after: Iterable[str] = ()) -> str:
        """A thing in a column, touched by those. Gives its key."""
        self.columns[column].setdefault(thing.key, thing)
        for earlier in after:
            self.touching[earlier, thing.key] = None
        return thing.key

    def drawn(self) -> Picture:
        """The picture. Columns that nothing stands in are left out."""
        used = [self.columns[number] for number in sorted(self.columns) if self.columns[number]]
        rows = max((min(len(column), MOST_ROWS + 1) for column in used), default=0)
        height = rows * (HEIGHT + DOWN) - DOWN + 2 * MARGIN
        placed: list[Placed] = []
        where: dict[str, Placed] = {}
        for number, column in enumerate(used):
            shown, hidden = _cut(list(column.values()), number)
            top = MARGIN + (height - 2 * MARGIN - (len(shown) * (HEIGHT + DOWN) - DOWN)) // 2
            for row, thing in enumerate(shown):
                place = Placed(thing, MARGIN + number * (WIDTH + ACROSS), top + row * (HEIGHT + DOWN))
                placed.append(place)
                where[thing.key] = place
            where |= dict.fromkeys(hidden, placed[-1])
        lines = dict.fromkeys(_curve(where[one], where[other]) for one, other in self.touching if one in where and other in where)
        width = len(used) * (WIDTH + ACROSS) - ACROSS + 2 * MARGIN
        return Picture(max(width, 0), max(height, 0), placed, list(lines))


def _cut(column: list[Thing], number: int) -> tuple[list[Thing], list[str]]:
    """The things that are drawn, the last of them for all others; and the keys of these."""
    if len(column) <= MOST_ROWS + 1:
        return column, []
    rest = column[MOST_ROWS:]
    more = Thing(f"more.{number}", f"and {len(rest)} more", "in the list below")
    return [*column[:MOST_ROWS], more], [thing.key for thing in rest]


def _curve(one: Placed, other: Placed) -> str:
    begin, end = (one.x + WIDTH, one.y + HEIGHT // 2), (other.x, other.y + HEIGHT // 2)
    middle = (begin[0] + end[0]) // 2
    return f"M{begin[0]} {begin[1]}C{middle} {begin[1]} {middle} {end[1]} {end[0]} {end[1]}"
