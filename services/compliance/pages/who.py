"""Who are you? Signing in by PIN on a shared tablet."""

from datetime import timedelta
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from events.access import authenticate
from schemas.compliance import Identity
from services import session
from services.compliance.pages.pins import PIN
from services.compliance.pages.unlocking import look, token_for
from services.door import database_of, problem, unmet
from services.screens.forms import Sent, asked_of
from services.screens.frame import HEADERS, page
from services.screens.menu import home_of
from services.screens.signing_in import end_here, inside
from services.session import TabletKey

routes = APIRouter(prefix="/clinics/{clinic}/who", include_in_schema=False)

HOURS = 4
"""How long a token lasts that a PIN was typed for: a third of what a session with a token lasts, for a PIN is less. A technical bound."""


def _no_tablet(clinic: UUID) -> Response:
    """Who has a PIN here is told to the clinic's tablets only."""
    return RedirectResponse(f"/clinics/{clinic}/sign-in?with=token", 303, HEADERS)


@routes.get("")
async def who(clinic: UUID, request: Request) -> Response:
    """Names; with `who`, the pad for that person's PIN."""
    key, people = await look(clinic, request)
    if key is None:
        return _no_tablet(clinic)
    asked = asked_of(request)
    chosen = next((one for one in people if str(one.identity_id) == asked.one("who")), None)
    return _shown(clinic, request, people, chosen, asked.one("next"))


def _shown(
    clinic: UUID, request: Request, people: tuple[Identity, ...], chosen: Identity | None, wanted: str | None, *wrong: str
) -> Response:
    def to(**more: str) -> str:
        asked = more | ({"next": wanted} if wanted else {})
        return f"/clinics/{clinic}/who" + (f"?{urlencode(asked)}" if asked else "")

    return page(
        request,
        "compliance/who.html",
        clinic=clinic,
        status=401 if wrong else 200,
        people=people,
        chosen=chosen,
        next=wanted,
        to=to,
        wrong=[{"reason": reason, "field": None, "code": ""} for reason in wrong],
    )


@routes.post("")
async def unlock(clinic: UUID, request: Request, sent: Sent) -> Response:
    """A try is counted before anything is compared."""
    if not session.is_from_our_own_pages(request):
        raise problem(403, "forbidden", "Not allowed", unmet("request_must_come_from_our_own_pages"))
    key, people = await look(clinic, request)
    if key is None:
        return _no_tablet(clinic)
    wanted, pin = sent.one("next"), sent.one("pin") or ""
    chosen = next((one for one in people if str(one.identity_id) == sent.one("who")), None)
    if chosen is None:
        return _shown(clinic, request, people, None, wanted, "Choose who you are.")
    if not PIN.fullmatch(pin):
        return _shown(clinic, request, people, chosen, wanted, "A PIN has six digits.")
    token, wrong = await token_for(database_of(request), clinic, key.tablet_id, chosen.identity_id, pin, timedelta(hours=HOURS))
    if wrong:
        return _shown(clinic, request, people, chosen, wanted, *wrong)
    return await _opened(clinic, request, key, token, wanted)


async def _opened(clinic: UUID, request: Request, key: TabletKey, token: str, wanted: str | None) -> Response:
    """Who was there before is signed out; and the tablet stays one, for it is in use."""
    database = database_of(request)
    caller = await authenticate(database, token, clinic)
    home = f"/clinics/{clinic}/{home_of(request.app.state.menu, caller.roles if caller else frozenset())}"
    reply = RedirectResponse(inside(clinic, wanted, home), 303, HEADERS)
    await end_here(request, clinic, reply)
    session.enroll(request, reply, database.secret, clinic, key)
    session.begin(request, reply, database.secret, clinic, token, on_tablet=True)
    return reply
