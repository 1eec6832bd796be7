"""Every endpoint × every role × a foreign clinic: only what the role may do succeeds, all else is a problem document."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import APIRoute

from schemas.access import COMMANDS
from schemas.vocabulary import Role
from services.app import create_app
from services.settings import Settings
from tests.conftest import SECRET, open_house
from tests.doors.conftest import Door, token_for

PUBLIC = {
    "/health/live",
    "/health/ready",
    "/metrics",
    "/asyncapi.json",
    "/",
    "/check-ins/{token}",  # the link itself is the key
    "/static/{version}/{name:path}",
    "/clinics/{clinic}",  # leads on, to signing in or to the first screen
    "/clinics/{clinic}/sign-in",
    "/clinics/{clinic}/sign-out",
    "/clinics/{clinic}/here",  # keeps a session awake that is there
    "/clinics/{clinic}/idle",
    "/clinics/{clinic}/who",  # the tablet's secret and a PIN are the keys
    # What a tablet runs without the network: the same for everybody, and renewed when nobody is signed in too.
    "/clinics/{clinic}/tablet/sw.js",
    "/clinics/{clinic}/tablet/manifest.webmanifest",
}


def _within(found: Any) -> Iterator[APIRoute]:
    """The routes of an application: FastAPI keeps included routers as they are."""
    for route in found.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _within(route.original_router)


def routes() -> list[APIRoute]:
    settings = Settings(
        database_url="postgresql+asyncpg://x@/x?host=/nowhere", migration_url="", redis_url="unix:///nowhere", secret=SECRET
    )
    return list(_within(create_app(settings)))


def command_of(route: APIRoute) -> str | None:
    """What `may(...)` asks for at this route."""
    for dependency in route.dependant.dependencies:
        command: str | None = getattr(dependency.call, "command", None)
        if command is not None:
            return command
    return None


def endpoints() -> Iterator[Any]:
    for route in routes():
        command = command_of(route)
        if command is not None:
            for method in sorted(route.methods or ()):
                yield pytest.param(method, route.path, command, id=f"{method} {route.path}")


def filled(path: str, clinic: object) -> str:
    """The path with the clinic, and ids that exist nowhere."""
    known = {"clinic": str(clinic), "version": "1", "role": "technician", "system": "frontdesk", "kind": "room"}
    return re.sub(r"{(\w+)(:\w+)?}", lambda part: known.get(part[1], str(uuid4())), path)


def is_problem(status: int, kind: str, body: dict[str, Any]) -> bool:
    return kind == "application/problem+json" and body["status"] == status and bool(body["title"]) and bool(body["detail"])


def test_every_route_but_the_public_ones_asks_who_may() -> None:
    open_routes = {route.path for route in routes() if command_of(route) is None}
    assert open_routes <= PUBLIC
    assert all("{clinic}" in route.path for route in routes() if command_of(route) is not None)
    assert len(list(endpoints())) > 50


@pytest.mark.parametrize(("method", "path", "command"), list(endpoints()))
async def test_only_the_roles_of_the_table_pass(door: Door, method: str, path: str, command: str) -> None:
    body: dict[str, Any] | None = {} if method in ("POST", "PUT", "DELETE") else None
    before = len(await door.house.entries())
    for role in door.tokens:
        answer = await door.ask(method, filled(path, door.house.clinic_id), role, json=body)
        if role in COMMANDS[command]:
            assert answer.status_code not in (401, 403, 500), (role, answer.text)
        else:
            assert answer.status_code == 403, (role, answer.status_code, answer.text)
            assert is_problem(403, answer.headers["content-type"], answer.json())
    nobody = await door.ask(method, filled(path, door.house.clinic_id), None, json=body)
    assert is_problem(401, nobody.headers["content-type"], nobody.json())
    assert nobody.headers["www-authenticate"] == "Bearer"
    forged = await door.ask(method, filled(path, door.house.clinic_id), None, json=body, headers={"Authorization": "Bearer asp_forged"})
    assert forged.status_code == 401
    if not COMMANDS[command]:
        assert len(await door.house.entries()) == before


@pytest.mark.parametrize(("method", "path", "command"), list(endpoints()))
async def test_a_foreign_clinic_is_not_there(door: Door, method: str, path: str, command: str) -> None:
    foreign = await open_house(door.house.database)
    before = len(await foreign.entries())
    body: dict[str, Any] | None = {} if method in ("POST", "PUT", "DELETE") else None
    for role in sorted(set(door.tokens) & COMMANDS[command]) or [Role.ADMIN]:
        for clinic in (foreign.clinic_id, uuid4()):
            answer = await door.ask(method, filled(path, clinic), role, json=body)
            assert answer.status_code == 404, (role, answer.status_code, answer.text)
            assert is_problem(404, answer.headers["content-type"], answer.json())
    assert len(await foreign.entries()) == before


async def test_a_revoked_grant_closes_the_door_at_once(door: Door) -> None:
    identity = uuid4()
    token = await token_for(door.house, Role.AUDITOR, identity)
    path = f"/clinics/{door.house.clinic_id}/ledger/head"
    assert (await door.ask("GET", path, None, headers={"Authorization": f"Bearer {token}"})).status_code == 200
    gone = await door.ask("DELETE", f"/clinics/{door.house.clinic_id}/identities/{identity}/grants/auditor", Role.ADMIN)
    assert gone.status_code == 200, gone.text
    assert (await door.ask("GET", path, None, headers={"Authorization": f"Bearer {token}"})).status_code == 404
