"""What people are called: kept by the services that know them, asked through the process.

Ask before a look begins, or after it has ended: who holds a connection and waits for a second one can wait for ever.
"""

from collections.abc import Iterable
from uuid import UUID

from fastapi import Request

from schemas.access import may_any
from services.door import Asking


def held(request: Request, *commands: str) -> dict[str, bool]:
    """What whoever is signed in may do, with all of their roles."""
    return {command: may_any(request.state.roles, command) is not None for command in commands}


async def people_of(request: Request, ask: Asking) -> dict[UUID, str]:
    """What the staff is called."""
    people: dict[UUID, str] = await request.app.state.people_called(ask.database, ask.clinic)
    return people


async def clients_of(request: Request, ask: Asking, clients: Iterable[UUID]) -> dict[UUID, str]:
    """What clients are called, for the roles that may know; nobody for the others."""
    if may_any(request.state.roles, "view_client") is None:
        return {}
    named: dict[UUID, str] = await request.app.state.clients_called(ask.database, ask.clinic, set(clients))
    return named


async def rooms_of(request: Request, ask: Asking) -> list[UUID]:
    """The clinic's rooms. They have no names."""
    rooms: list[UUID] = await request.app.state.rooms_known(ask.database, ask.clinic)
    return rooms


async def phones_of(request: Request, ask: Asking, clients: Iterable[UUID]) -> dict[UUID, str]:
    """Under which number clients are called, for the roles that may know their names."""
    if may_any(request.state.roles, "view_client") is None:
        return {}
    found: dict[UUID, str] = await request.app.state.clients_phones(ask.database, ask.clinic, set(clients))
    return found
