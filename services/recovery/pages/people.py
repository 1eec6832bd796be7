"""Who looks on, and what clients are called for them."""

from uuid import UUID

from fastapi import Request

from schemas.access import may_any
from services.door import Asking
from services.recovery.pages.words import thing


def held(request: Request, *commands: str) -> dict[str, bool]:
    """What whoever is signed in may do, with all of their roles."""
    return {command: may_any(request.state.roles, command) is not None for command in commands}


class Names:
    """What clients are called: a name for the roles that may know it, else the beginning of the id."""

    def __init__(self, named: dict[UUID, str]) -> None:
        self._named = named

    def of(self, client_id: UUID) -> str:
        return self._named.get(client_id) or thing("Client", client_id)


async def names_of(request: Request, ask: Asking, clients: set[UUID]) -> Names:
    """Asked after a look has ended: who holds a connection and waits for a second one can wait for ever."""
    if not held(request, "view_client")["view_client"]:
        return Names({})
    named: dict[UUID, str] = await request.app.state.clients_called(ask.database, ask.clinic, clients)
    return Names(named)
