"""A second person at the same door: whoever decides with somebody shows that they are there, too."""

from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Header

from events.access import Caller, authenticate, caller_of
from events.transaction import Transaction
from services.door import Asking, ProblemError, problem, unmet

HEADER = "Second-Authorization"

SecondAuthorization = Annotated[
    str,
    Header(
        alias=HEADER,
        description="`Bearer` and a token of the second person's own, good in this clinic now. Without it nothing is decided (422); "
        "one that is not theirs is refused (403).",
    ),
]

RULE = "second_signer_must_be_there"


@dataclass(frozen=True, slots=True)
class Second:
    """Somebody who is there: a token of theirs was shown, or made for the PIN that they typed."""

    identity_id: UUID
    showed: Literal["pin", "token"]
    reason: str
    token: str = field(repr=False)

    async def is_there(self, tx: Transaction) -> None:
        """Asked again behind the clinic's lock, as of whoever asks: a token that was revoked first in the ledger shows nothing."""
        _recognized(await caller_of(tx.rows, self.token, tx.clinic_id), self.identity_id, self.reason)


async def second_by(ask: Asking, identity_id: UUID, token: str, reason: str = "") -> Second:
    """The person whom a token shows to be there. `reason` says which sentence refuses it: what they did is not the same at each door."""
    caller = _recognized(await authenticate(ask.database, token, ask.clinic), identity_id, reason)
    return Second(identity_id, "token" if caller.tablet_id is None else "pin", reason, token)


async def second_by_header(ask: Asking, identity_id: UUID, authorization: str) -> Second:
    """The same, from the header."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        missing = unmet(RULE, reason="missing").model_copy(update={"field": HEADER})
        raise problem(422, "input", "Input not understood", missing)
    return await second_by(ask, identity_id, token.strip(), "header")


def _recognized(caller: Caller | None, identity_id: UUID, reason: str) -> Caller:
    """Them, and with a role here: another clinic may give its tokens to whom it likes, so that one of its says nothing here."""
    if caller is None or caller.identity_id != identity_id or not caller.roles:
        raise absent(reason)
    return caller


def absent(reason: str) -> ProblemError:
    """Nothing showed that the second person is there."""
    parameters = {"reason": reason} if reason else {}
    return problem(403, "forbidden", "Not allowed", unmet(RULE, **parameters))
