"""Pages: templates in the one layout, answered with the headers that keep others out."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from fastapi import Request
from starlette.responses import HTMLResponse

from schemas.vocabulary import Actor, Role
from services.screens.assets import address
from services.screens.menu import open_to
from services.session import IDLE_SECONDS, tablet_of
from services.settings import PARTS

if TYPE_CHECKING:
    from jinja2 import Environment

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing evaluated, nothing from elsewhere."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    # Pages name clients: neither the disk nor the back button of a shared tablet keeps one.
    "Cache-Control": "no-store",
    # The same address answers programs with JSON.
    "Vary": "Accept",
}

FILMING = {
    "Content-Security-Policy": POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'") + "; media-src 'self' blob:",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}
"""What pages that read codes by camera have instead: it is read by WebAssembly of our own. No other page may film."""


@cache
def environment() -> "Environment":
    """The templates of the frame under `screens/`, those of each service under its name."""
    from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

    folders = {"screens": Path(__file__).parent / "templates"}
    for service in PARTS:
        found = find_spec(f"services.{service}")
        if found is not None and found.origin is not None:
            folders[service] = Path(found.origin).parent / "templates"
    made = Environment(
        loader=PrefixLoader({name: FileSystemLoader(folder) for name, folder in folders.items()}),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"static": address, "new_id": lambda: str(uuid4()), "idle_limit": IDLE_SECONDS}
    return made


def render(template: str, **context: Any) -> str:
    """A template as text: a part of a page."""
    return environment().get_template(template).render(**context)


def page(
    request: Request, template: str, *, clinic: UUID | None, actor: Actor | None = None, status: int = 200, **said: Any
) -> HTMLResponse:
    """A whole page. `actor` is who is signed in, if anybody is."""
    roles: frozenset[Role] = getattr(request.state, "roles", frozenset())
    screens = open_to(request.app.state.menu, roles) if clinic and actor else ()
    idle = IDLE_SECONDS if actor and getattr(request.state, "on_tablet", False) else 0
    known = {"path": request.url.path, "clinic": clinic, "actor": actor, "screens": screens, "idle_seconds": idle}
    if actor is None and clinic is not None:
        known["is_tablet"] = tablet_of(request, request.app.state.database.secret, clinic) is not None
    text = render(template, **known, **said)
    return HTMLResponse(text, status, headers=HEADERS)


def wants_page(request: Request) -> bool:
    """Whether a person looks at the answer: browsers ask for HTML by name, programs do not."""
    return "text/html" in request.headers.get("accept", "")
