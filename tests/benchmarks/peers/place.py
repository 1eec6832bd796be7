"""What every peer is given: where the servers are, and the one effect. Standard library and asyncpg only."""

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Any, Protocol, Self
from urllib.parse import quote

import asyncpg

CLIENTS = 32
"""How many ask at once, and how many a worker handles at once."""

EFFECT = "insert into effects (id) values ($1) on conflict do nothing"
"""In one statement, so it is committed when it returns."""
EFFECT_FOR_PSYCOPG = EFFECT.replace("$1", "%s")
EFFECTS = "select id from effects"

Ask = Callable[[str], Awaitable[object]]
"""Ask for the task with this id; returns when it is accepted."""


@dataclass(frozen=True)
class Place:
    """Servers, and a database of this round's own. Plain values: they travel to other processes."""

    sockets: str
    database: str
    clients: int = CLIENTS
    tasks: int = 2_000
    rate: int = 50
    seconds: int = 3

    @classmethod
    def read(cls, text: str) -> Self:
        return cls(**json.loads(text))

    def write(self) -> str:
        return json.dumps(asdict(self))

    @property
    def dsn(self) -> str:
        """For asyncpg, psycopg and SQLAlchemy alike."""
        return f"postgresql://asepsis@/{self.database}?host={quote(self.sockets, safe='')}"

    @property
    def valkey(self) -> str:
        """The socket."""
        return f"{self.sockets}/valkey.sock"

    async def pool(self, size: int = CLIENTS) -> asyncpg.Pool:
        return await asyncpg.create_pool(self.dsn, min_size=size, max_size=size)


class Peer(Protocol):
    """A module of this package. `work` is None where whoever asks also works; `EFFECTS` says where effects can be read."""

    NAME: str
    EFFECTS: str | None
    """A query for the ids of what was done; None where the asking itself is all there is."""

    async def prepare(self, place: Place) -> None: ...

    work: Callable[[Place], Awaitable[Any]] | None

    def asking(self, place: Place) -> AbstractAsyncContextManager[Ask]: ...
