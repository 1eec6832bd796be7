"""The screens that stand in the navigation: each service's pages name their own, the frame shows those that a role may open."""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.access import may_any
from schemas.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Screen:
    """One entry of the navigation."""

    word: str
    path: str
    """Below the clinic's address."""
    command: str
    """Whoever may do this sees the entry; the page itself asks again."""
    rank: int
    """Where it stands: low first. The first one that a role may open is where it comes in."""
    home_of: frozenset[Role] = frozenset()
    """The roles that come in here, whatever else they may open."""


Menu = tuple[Screen, ...]


def in_order(screens: Iterable[Screen]) -> Menu:
    """A menu of them."""
    return tuple(sorted(screens, key=lambda screen: screen.rank))


def open_to(menu: Menu, roles: frozenset[Role]) -> Menu:
    """What somebody with these roles may open."""
    return tuple(screen for screen in menu if may_any(roles, screen.command) is not None)


def home_of(menu: Menu, roles: frozenset[Role]) -> str:
    """Where somebody comes in; the day board where they may open nothing, which says so."""
    mine = open_to(menu, roles)
    return next((screen.path for screen in mine if roles & screen.home_of), mine[0].path if mine else "board")
