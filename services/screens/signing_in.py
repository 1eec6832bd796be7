"""Signing in with an access token, pasted or scanned once a day on each device; and signing out. On shared tablets a PIN stands for it."""

from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from events.access import Shown, authenticate
from events.access import sign_out as end_session
from events.transaction import aside
from services import session
from services.door import database_of, problem, unmet
from services.screens.drafts import SIGNING, signing_path
from services.screens.forms import Sent, asked_of
from services.screens.frame import HEADERS, page
from services.screens.menu import home_of

routes = APIRouter(prefix="/clinics/{clinic}", include_in_schema=False)


def inside(clinic: UUID, wanted: str | None, home: str) -> str:
    """Where to go on: a path of this clinic, whatever the address asks for, and nothing that was just done there."""
    try:
        parts = urlsplit(wanted or home)
    except ValueError:  # no address at all, as `//[`
        return home
    ours = not parts.scheme and not parts.netloc and parts.path.startswith(f"/clinics/{clinic}/") and "\\" not in parts.path
    if not ours or not parts.path.isprintable():
        return home
    return parts.path if "done" in parse_qs(parts.query) else wanted or home


def _must_be_ours(request: Request) -> None:
    if not session.is_from_our_own_pages(request):
        raise problem(403, "forbidden", "Not allowed", unmet("request_must_come_from_our_own_pages"))


@routes.get("")
async def come_in(clinic: UUID, request: Request) -> Response:
    """The screen that somebody's day begins on."""
    database = database_of(request)
    known = session.session_of(request, database.secret, clinic)
    caller = None if known is None else await authenticate(database, Shown(known.token, known.digest), clinic)
    to = "sign-in" if caller is None or not caller.roles else home_of(request.app.state.menu, caller.roles)
    return RedirectResponse(f"/clinics/{clinic}/{to}", 303, HEADERS)


@routes.get("/sign-in")
async def sign_in_page(clinic: UUID, request: Request) -> Response:
    """The form. It looks nothing up. A shared tablet asks who is there, unless somebody wants to show a token."""
    asked = asked_of(request)
    wanted = asked.one("next")
    if session.tablet_of(request, database_of(request).secret, clinic) is not None and asked.one("with") != "token":
        return RedirectResponse(f"/clinics/{clinic}/who" + (f"?{urlencode({'next': wanted})}" if wanted else ""), 303, HEADERS)
    return page(request, "screens/sign_in.html", clinic=clinic, next=wanted, lost=False, wrong=None)


@routes.post("/sign-in")
async def sign_in(clinic: UUID, request: Request, sent: Sent) -> Response:
    """Whoever has no role here learns as little as whoever has no token."""
    _must_be_ours(request)
    database, token, wanted = database_of(request), sent.one("token") or "", sent.one("next")
    caller = await authenticate(database, token, clinic)
    if caller is None or not caller.roles:
        wrong = "This token opens nothing here: it is mistyped, unknown, expired or revoked, or meant for another clinic."
        return page(request, "screens/sign_in.html", clinic=clinic, status=401, next=wanted, lost=False, wrong=wrong)
    home = f"/clinics/{clinic}/{home_of(request.app.state.menu, caller.roles)}"
    answer = RedirectResponse(inside(clinic, wanted, home), 303, HEADERS)
    await end_here(request, clinic, answer)  # whoever was there before, staff or client
    on_tablet = session.tablet_of(request, database.secret, clinic) is not None
    session.begin(request, answer, database.secret, clinic, token, on_tablet=on_tablet)
    return answer


async def end_here(request: Request, clinic: UUID, answer: Response) -> None:
    """The session ends, in every page of this browser and for whoever kept its cookie; so does a client's pass in it."""
    database = database_of(request)
    known = session.signed_in(request, database.secret, clinic)
    if known is not None:
        async with aside(database, None, None) as rows:
            await end_session(rows, clinic, known.digest, session.SECONDS)
        request.app.state.hub.tell(clinic)  # live pages of this process look again at once
    session.end(request, answer)
    SIGNING.forget(request, answer, signing_path(clinic))


@routes.get("/here")
async def here(clinic: UUID, request: Request) -> Response:
    """Somebody touches a shared tablet, which sends nothing else: they fill in a long form, or scan."""
    database = database_of(request)
    known = session.session_of(request, database.secret, clinic)
    if known is not None and await authenticate(database, Shown(known.token, known.digest), clinic) is not None:
        session.keep_awake(request, database.secret, clinic)
    return Response(status_code=204, headers=HEADERS)


@routes.post("/idle")
async def idle(clinic: UUID, request: Request) -> Response:
    """Nobody has touched this page for long: whoever is there on a shared tablet is signed out, whoever has a device of their own stays."""
    _must_be_ours(request)
    database = database_of(request)
    known = session.signed_in(request, database.secret, clinic)
    is_tablet = session.tablet_of(request, database.secret, clinic) is not None
    locked = is_tablet if known is None else known.on_tablet
    answer = JSONResponse({"locked": locked}, headers=HEADERS)
    if locked and known is not None:  # a page that was left open takes nothing from the client who holds the tablet now
        await end_here(request, clinic, answer)
    return answer


@routes.post("/sign-out")
async def sign_out(clinic: UUID, request: Request) -> Response:
    """Nothing but the session is cleared: what a tablet has not sent yet stays on it."""
    _must_be_ours(request)
    answer = RedirectResponse(f"/clinics/{clinic}/sign-in", 303, HEADERS)
    await end_here(request, clinic, answer)
    return answer
