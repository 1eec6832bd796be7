"""Who are you? Signing in by PIN on a shared tablet."""

import hmac
from datetime import timedelta
from math import ceil
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from events.access import authenticate, hash_of, new_token
from events.transaction import Answer, aside, reading, transaction
from schemas.compliance import Identity, KeptPin, LockPin, UnlockTablet
from schemas.sentences import say
from schemas.vocabulary import TABLET, Actor, Role, Verdict
from services import session
from services.compliance.commands import MOST_TRIES, lock_pin, take_a_try, unlock_tablet, wait_after
from services.compliance.pages.pins import PIN, in_line, kept_of
from services.compliance.queries import is_tablet, staff_with_pins
from services.door import database_of, problem, unmet
from services.screens.forms import Sent, asked_of
from services.screens.frame import HEADERS, page
from services.screens.menu import home_of
from services.screens.signing_in import end_here, inside
from services.session import TabletKey

routes = APIRouter(prefix="/clinics/{clinic}/who", include_in_schema=False)

HOURS = 4
"""How long a token lasts that a PIN was typed for: a third of what a session with a token lasts, for a PIN is less. A technical bound."""


async def _look(clinic: UUID, request: Request) -> tuple[TabletKey | None, tuple[Identity, ...]]:
    """The tablet that this browser is, if it still is one, and who may sign in on it."""
    database = database_of(request)
    key = session.tablet_of(request, database.secret, clinic)
    if key is None:
        return None, ()
    async with reading(database, clinic, "compliance") as view:
        if not await is_tablet(view.rows, clinic, key.tablet_id, hash_of(key.secret)):
            return None, ()
        return key, await staff_with_pins(view)


def _no_tablet(clinic: UUID) -> Response:
    """Who has a PIN here is told to the clinic's tablets only."""
    return RedirectResponse(f"/clinics/{clinic}/sign-in?with=token", 303, HEADERS)


@routes.get("")
async def who(clinic: UUID, request: Request) -> Response:
    """Names; with `who`, the pad for that person's PIN."""
    key, people = await _look(clinic, request)
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
    key, people = await _look(clinic, request)
    if key is None:
        return _no_tablet(clinic)
    wanted, pin = sent.one("next"), sent.one("pin") or ""
    chosen = next((one for one in people if str(one.identity_id) == sent.one("who")), None)
    if chosen is None:
        return _shown(clinic, request, people, None, wanted, "Choose who you are.")
    if not PIN.fullmatch(pin):
        return _shown(clinic, request, people, chosen, wanted, "A PIN has six digits.")
    kept, wrong = await _typed(clinic, request, key.tablet_id, chosen.identity_id, pin)
    if kept is None:
        return _shown(clinic, request, people, chosen, wanted, wrong)
    return await _opened(clinic, request, key, chosen, kept, people, wanted)


LOCKED = "locked on this tablet. On the other tablets it works. Sign in with your access token, then choose a PIN anew."


async def _typed(clinic: UUID, request: Request, tablet_id: UUID, identity_id: UUID, pin: str) -> tuple[KeptPin | None, str]:
    """What is kept of the PIN, if it is the right one; else what to say."""
    database = database_of(request)
    with in_line():
        async with aside(database, clinic, "compliance") as rows:
            taken = await take_a_try(rows, clinic, tablet_id, identity_id)
        if taken is None:  # the page says so: the time it takes may say it too
            return None, f"This PIN is {LOCKED}"
        if isinstance(taken, timedelta):
            return None, f"There were too many wrong PINs on this tablet. {_wait(taken)}, or sign in with your access token."
        kept, tries = taken
        typed = await kept_of(database.secret, pin, bytes.fromhex(kept.salt))
    if hmac.compare_digest(typed.hash, kept.hash):
        return kept, ""
    if tries < MOST_TRIES:
        left, wait = MOST_TRIES - tries, wait_after(tries)
        more = f"{left} more {'try is' if left == 1 else 'tries are'} left before it is locked on this tablet."
        return None, f"This PIN is wrong. {more}" + (f" {_wait(wait)}." if wait else "")
    async with transaction(database, clinic, "compliance", _by(tablet_id), f"lock.{uuid4()}") as tx:
        answer = await tx.once(lock_pin, LockPin(tablet_id=tablet_id, identity_id=identity_id, kept=kept, tries=tries))
    if answer.event.refusal:
        return None, " ".join(_reasons(answer))
    return None, f"This PIN was wrong too often, and is {LOCKED}"


def _wait(left: timedelta) -> str:
    seconds = ceil(left.total_seconds())
    minutes = ceil(seconds / 60)
    word = f"{minutes} minutes" if minutes > 1 else f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"Try again in {word}"


def _by(tablet_id: UUID) -> Actor:
    """The tablet itself: who stands before it is not known yet."""
    return Actor(identity_id=tablet_id, role=Role.SERVICE, device=f"{TABLET}{tablet_id}")


def _reasons(refused: Answer[Any]) -> list[str]:
    return [found.reason for found in map(say, refused.event.findings) if found.verdict is not Verdict.MET]


async def _opened(
    clinic: UUID, request: Request, key: TabletKey, chosen: Identity, kept: KeptPin, people: tuple[Identity, ...], wanted: str | None
) -> Response:
    """Who was there before is signed out; and the tablet stays one, for it is in use."""
    database, token = database_of(request), new_token()
    async with transaction(database, clinic, "compliance", _by(key.tablet_id), f"unlock.{uuid4()}") as tx:
        asked = UnlockTablet(
            tablet_id=key.tablet_id,
            identity_id=chosen.identity_id,
            kept=kept,
            token_hash=hash_of(token).hex(),
            expires_at=tx.now + timedelta(hours=HOURS),
        )
        answer: Any = await tx.once(unlock_tablet, asked)
    if answer.event.refusal:
        return _shown(clinic, request, people, chosen, wanted, *_reasons(answer))
    caller = await authenticate(database, token, clinic)
    home = f"/clinics/{clinic}/{home_of(request.app.state.menu, caller.roles if caller else frozenset())}"
    reply = RedirectResponse(inside(clinic, wanted, home), 303, HEADERS)
    await end_here(request, clinic, reply)
    session.enroll(request, reply, database.secret, clinic, key)
    session.begin(request, reply, database.secret, clinic, token, on_tablet=True)
    return reply
