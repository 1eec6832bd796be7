"""A server that is away or not ready, in words: once when it goes, once when it is back."""

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from events import ledger
from events.database import Database
from events.transaction import RecordUnreadableError, aside
from services.settings import UnusableError

log = logging.getLogger(__name__)

FAILURES = (SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""What a database that is away or not ready raises, through SQLAlchemy or past it."""

UNREADABLE = (*FAILURES, RecordUnreadableError, TimeoutError)
"""What a look at the record raises while it cannot be read, for whatever reason."""

_NOT_READY = ("42P01", "42883", "42703", "42704", "3F000", "22023")
"""SQLSTATEs for tables, functions, columns, schemas and roles that are not there."""

_SENTENCES = dict.fromkeys(_NOT_READY, "The database at {at} is not ready for this program: run `asepsis migrate` first ({said}).") | {
    "42501": "The login of {at} may not do that ({said}). For `asepsis migrate`, ASEPSIS_MIGRATION_URL names one that may create roles.",
    "28000": "The server does not let the login of {at} in: {said}.",
    "28P01": "The server does not let the login of {at} in: {said}.",
    "3D000": "There is no such database as {at}.",
}


def shown(url: str) -> str:
    """A URL for people: without its password."""
    found = make_url(url)
    return str(URL.create("postgresql", found.username, None, found.host, found.port, found.database, found.query))


def sentence_of(failure: BaseException, url: str) -> str:
    """Why the database at `url` cannot be used, in one sentence."""
    if isinstance(failure, ArgumentError):
        return "This is no URL of a database: it begins with postgresql://"
    state = getattr(getattr(failure, "orig", failure), "sqlstate", None)
    said = (str(failure).splitlines() or [""])[0].rpartition(">: ")[2] or type(failure).__name__
    form = "There is no server at {at} ({said})." if state is None else _SENTENCES.get(state, "The database at {at} refuses: {said}.")
    return form.format(at=shown(url), said=said)


@contextmanager
def told(url: str) -> Iterator[None]:
    """Raises `UnusableError` for whatever the database raises."""
    try:
        yield
    except FAILURES as failure:
        raise UnusableError(sentence_of(failure, url)) from failure


async def must_be_ready(database: Database, service: str) -> None:
    """Raises `UnusableError` unless the database is there and was migrated."""
    with told(database.url):
        async with aside(database, None, service) as rows:
            await ledger.clinics(rows)


class Watch:
    """Says when a server goes and when it is back; between the two it is quiet."""

    def __init__(self, name: str, ask: Callable[[], Awaitable[object]], meanwhile: str) -> None:
        self._name = name
        self._ask = ask
        self._meanwhile = meanwhile
        self.away = False

    async def look(self) -> None:
        """Ask it, and say what has changed."""
        try:
            await self._ask()
        except Exception as failure:  # noqa: BLE001 - whatever it is, it does not answer
            if not self.away:
                log.warning("%s is away (%s): %s", self._name, type(failure).__name__, self._meanwhile)
            self.away = True
        else:
            if self.away:
                log.warning("%s is back", self._name)
            self.away = False
