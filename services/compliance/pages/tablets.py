"""Shared tablets: enrolling this browser as one, taking one away, choosing one's own PIN for them."""

import hashlib
import hmac
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from events.access import hash_of
from schemas.compliance import EnrollTablet, RemoveTablet, SetPin
from schemas.vocabulary import TABLET
from services import session
from services.compliance.commands import enroll_tablet, remove_tablet, set_pin
from services.compliance.pages.looking import words_of
from services.compliance.pages.pins import PIN, in_line, is_guessable, kept_of, salt_for
from services.compliance.queries import UNUSED, has_pin, tablets
from services.door import Asking, ProblemError, may, problem, unmet
from services.screens.forms import Sent, asked_of, command_of, understood
from services.screens.frame import HEADERS, page
from services.screens.signing_in import end_here
from services.session import TabletKey

routes = APIRouter(prefix="/clinics/{clinic}", include_in_schema=False)


@routes.get("/tablets")
async def shared_tablets(ask: Annotated[Asking, may("enroll_tablet")], request: Request) -> Response:
    """Those in force, and whether this browser is one of them."""
    async with ask.reading("compliance") as view:
        words = await words_of(view, {})
        known = await tablets(view)
    mine = session.tablet_of(request, ask.database.secret, ask.clinic)
    return page(
        request,
        "compliance/tablets.html",
        clinic=ask.clinic,
        actor=ask.actor,
        tablets=known,
        words=words,
        unused_days=UNUSED.days,
        mine=mine.tablet_id if mine else None,
        done=asked_of(request).one("done") == "removed",
    )


@routes.post("/tablets/enroll")
async def enroll(ask: Annotated[Asking, may("enroll_tablet")], request: Request, sent: Sent) -> Response:
    """Whoever enrolled it is signed out: their token does not stay behind on a tablet that everybody uses."""
    command_id = command_of(sent)
    told = f"asepsis: secret of a tablet {ask.clinic} {ask.actor.identity_id} {command_id}".encode()
    secret = hmac.digest(ask.database.secret, told, hashlib.sha256).hex()
    asked = understood(EnrollTablet, sent.given("name") | {"secret_hash": hash_of(secret).hex()})
    reply = await ask.decide("compliance", enroll_tablet, asked, command_id=command_id)
    answer = RedirectResponse(f"/clinics/{ask.clinic}/who", 303, HEADERS)
    session.enroll(request, answer, ask.database.secret, ask.clinic, TabletKey(UUID(reply.data["tablet_id"]), secret))
    await end_here(request, ask.clinic, answer)
    return answer


@routes.post("/tablets/{tablet_id}/remove")
async def remove(tablet_id: UUID, ask: Annotated[Asking, may("remove_tablet")], sent: Sent) -> Response:
    await ask.decide("compliance", remove_tablet, RemoveTablet(tablet_id=tablet_id), command_id=command_of(sent))
    return RedirectResponse(f"/clinics/{ask.clinic}/tablets?done=removed", 303, HEADERS)


@routes.get("/pin")
async def my_pin(ask: Annotated[Asking, may("set_pin")], request: Request) -> Response:
    return await _pin_page(ask, request, None)


@routes.post("/pin")
async def choose_pin(ask: Annotated[Asking, may("set_pin")], request: Request, sent: Sent) -> Response:
    """The PIN is seen here alone: what goes on is what is kept of it."""
    command_id, pin = command_of(sent), sent.one("pin") or ""
    try:
        if not PIN.fullmatch(pin) or not hmac.compare_digest(pin.encode(), (sent.one("again") or "").encode()):
            raise problem(422, "input", "Input not understood", unmet("pin_must_be_six_digits"))
        salt = salt_for(ask.database.secret, ask.clinic, ask.actor.identity_id, command_id)
        with in_line():
            kept = await kept_of(ask.database.secret, pin, salt)
        await ask.decide("compliance", set_pin, SetPin(kept=kept, guessable=is_guessable(pin)), command_id=command_id)
    except ProblemError as refused:
        if refused.problem.status not in (409, 422):
            raise
        return await _pin_page(ask, request, refused)
    return RedirectResponse(f"/clinics/{ask.clinic}/pin?done=set", 303, HEADERS)


async def _pin_page(ask: Asking, request: Request, refused: ProblemError | None) -> Response:
    async with ask.reading("compliance") as view:
        known = await has_pin(view, ask.actor.identity_id)
    return page(
        request,
        "compliance/my_pin.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.problem.status if refused else 200,
        known=known,
        by_pin=(ask.actor.device or "").startswith(TABLET),
        done=asked_of(request).one("done") == "set",
        refused=refused.problem.findings if refused else [],
    )
