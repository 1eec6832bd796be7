"""Where services run apart, Caddy sends each path to the process that knows it."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from events.database import SERVICES
from services.app import create_app
from services.operations import routes as operations
from services.screens import assets, signing_in
from services.settings import Settings

CADDYFILE = (Path(__file__).parents[2] / "deploy" / "Caddyfile").read_text()
LINES: list[tuple[str, str]] = re.findall(r'^\t\t"~(\S+ \S+)" "([a-z]+):8080"$', CADDYFILE, re.MULTILINE)
OTHERS: list[str] = re.findall(r'^\t\tdefault "([a-z]+):8080"$', CADDYFILE, re.MULTILINE)
AN_ID = "5f0c9999-0000-4a53-9d4a-0f2d6d0a1c02"


def asked(router: Any) -> Iterator[str]:
    """Method and path of each route, with an id for each place of one."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from asked(inner)
            continue
        for method in route.methods:
            yield f"{method} {re.sub(r'{[^}]+}', AN_ID, route.path)}"


def comes_to(line: str) -> str:
    """The process that Caddy asks: the first line that fits holds."""
    return next((process for pattern, process in LINES if re.search(pattern, line)), OTHERS[0])


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_comes_to_its_own_service(service: str) -> None:
    found = [
        line
        for door in ("routes", "pages")
        if find_spec(f"services.{service}.{door}")
        for line in asked(import_module(f"services.{service}.{door}").routes)
    ]
    assert len(found) > 10
    assert {line: comes_to(line) for line in found} == dict.fromkeys(found, service)


def test_what_every_process_serves_comes_to_one_that_may_answer() -> None:
    """The feed and the dead letters are read as booking; how far all services are, the relay alone may ask."""
    for line in asked(operations):
        path = line.partition(" ")[2]
        expected = "booking" if path.startswith("/clinics/") else "relay" if path.startswith(("/health", "/metrics")) else "compliance"
        assert comes_to(line) == expected, line
    assert {comes_to(line) for router in (assets.routes, signing_in.routes) for line in asked(router)} == {"compliance"}
    assert comes_to("GET /openapi.json") == "compliance"


def test_no_line_is_for_nothing() -> None:
    routers = [import_module(f"services.{service}.{door}").routes for service in SERVICES for door in ("routes", "pages")]
    every = [line for router in (*routers, operations) for line in asked(router)]
    for pattern, _ in LINES:
        words = re.search(r"\(([a-z|-]+)\)", pattern)
        for word in words[1].split("|") if words else [""]:
            one = pattern.replace(words[0], f"({word})") if words else pattern
            assert any(re.search(one, line) for line in every), one


def test_the_navigation_is_the_same_wherever_a_screen_is_served() -> None:
    """Some screens stand in another process: each must be led to from all, and none be served twice."""

    def made(*parts: str) -> Any:
        return create_app(Settings("postgresql+asyncpg://nowhere", "", "redis://nowhere", b"0" * 32, parts=parts))

    whole = made(*SERVICES)
    assert len(whole.state.menu) > len(SERVICES)
    paths = {screen.path for screen in whole.state.menu}
    for service in SERVICES:
        assert made(service).state.menu == whole.state.menu
    assert {path: comes_to(f"GET /clinics/{AN_ID}/{path}") for path in paths} == {
        path: next(service for service in SERVICES if f"GET /clinics/{AN_ID}/{path}" in own_pages(service)) for path in paths
    }


def own_pages(service: str) -> list[str]:
    return list(asked(import_module(f"services.{service}.pages").routes))
