"""A PIN that is typed on a shared tablet becomes a token: to sign in with, or to show beside somebody that one is there, too."""

import hmac
from datetime import timedelta
from math import ceil
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from fastapi import Request

from events.access import hash_of, new_token
from events.database import Database
from events.transaction import Answer, aside, reading, transaction
from schemas.compliance import Identity, KeptPin, LockPin, UnlockTablet
from schemas.sentences import say
from schemas.vocabulary import TABLET, Actor, Role, Verdict
from services import session
from services.compliance.commands import MOST_TRIES, lock_pin, take_a_try, unlock_tablet, wait_after
from services.compliance.pages.pins import PIN, in_line, kept_of
from services.compliance.queries import is_tablet, staff_with_pins
from services.door import database_of
from services.session import TabletKey

A_MOMENT = timedelta(minutes=1)
"""How long a token lasts that shows that somebody is there: longer than any decision waits. It never leaves this process."""

LOCKED = "locked on this tablet. On the other tablets it works. Sign in with your access token, then choose a PIN anew."


class Typed(NamedTuple):
    """The token that a PIN became, or why it became none."""

    token: str
    wrong: tuple[str, ...] = ()


async def look(clinic: UUID, request: Request) -> tuple[TabletKey | None, tuple[Identity, ...]]:
    """The tablet that this browser is, if it still is one, and who may sign in on it."""
    database = database_of(request)
    key = session.tablet_of(request, database.secret, clinic)
    if key is None:
        return None, ()
    async with reading(database, clinic, "compliance") as view:
        if not await is_tablet(view.rows, clinic, key.tablet_id, hash_of(key.secret)):
            return None, ()
        return key, await staff_with_pins(view)


async def token_by_pin(request: Request, clinic: UUID, identity_id: UUID, pin: str) -> Typed:
    """For a second person on the tablet that this browser is. Each try counts as one at signing in."""
    key, people = await look(clinic, request)
    if key is None:
        return Typed("", ("A PIN works on the clinic's shared tablets only, and this is none. Here it takes an access token.",))
    if all(one.identity_id != identity_id for one in people):
        return Typed("", ("The person whom you chose has no PIN. Let them type their access token.",))
    if not PIN.fullmatch(pin):
        return Typed("", ("A PIN has six digits.",))
    return await token_for(database_of(request), clinic, key.tablet_id, identity_id, pin, A_MOMENT)


async def token_for(database: Database, clinic: UUID, tablet_id: UUID, identity_id: UUID, pin: str, lasts: timedelta) -> Typed:
    """A token for whoever typed the right PIN. A try is counted before anything is compared."""
    kept, wrong = await _compared(database, clinic, tablet_id, identity_id, pin)
    if kept is None:
        return Typed("", (wrong,))
    token = new_token()
    async with transaction(database, clinic, "compliance", _by(tablet_id), f"unlock.{uuid4()}") as tx:
        asked = UnlockTablet(
            tablet_id=tablet_id,
            identity_id=identity_id,
            kept=kept,
            token_hash=hash_of(token).hex(),
            expires_at=tx.now + lasts,
        )
        answer: Any = await tx.once(unlock_tablet, asked)
    return Typed("", tuple(_reasons(answer))) if answer.event.refusal else Typed(token)


async def _compared(database: Database, clinic: UUID, tablet_id: UUID, identity_id: UUID, pin: str) -> tuple[KeptPin | None, str]:
    """What is kept of the PIN, if it is the right one; else what to say."""
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
