"""The HTTP door's frame: who asks, may they, one decision, one reply. Every route goes through it."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from events.access import Caller, Shown, authenticate, authenticate_all, caller_of, hash_of
from events.database import Database
from events.faults import reach
from events.transaction import Answer, RecordUnreadableError, Transaction, UnknownClinicError, View, reading, transaction
from schemas.access import COMMANDS, in_words, may_any
from schemas.sentences import Said, for_front_desk, say
from schemas.vocabulary import TABLET, Actor, Finding, Instant, Opening, Role, Verdict
from services.session import Session, is_by_hand, is_from_our_own_pages, keep_awake, session_of, signed_in

COMMAND_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")
DEVICE = re.compile(r"^[A-Za-z0-9._:+/-]{1,80}$")
FRESH_WITHIN_SECONDS = 1.0
"""How long a read may wait for `min_size` (contract.md)."""

UNSEEN_BY = frozenset({Role.FRONT_DESK, Role.SYSTEM})
"""Roles that never see what an event masks."""


class Problem(BaseModel):
    """An RFC 9457 problem document. `findings` lists all of them, never only the first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:asepsis:problem:refused",
                    "title": "Refused",
                    "status": 409,
                    "detail": "The autoclave run of this pack was not released.",
                    "findings": [],
                }
            ]
        }
    )

    type: str = Field(description="A stable name of the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="All reasons in one paragraph, for a person.")
    findings: list[Said] = []
    event: str | None = Field(default=None, description="The refusal as it was recorded.")
    event_id: UUID | None = None
    index: int | None = None
    next_slots: list[Opening] = Field(default=[], description="For a refused booking: free slots that every rule allows.")


class Reply(BaseModel):
    """What was recorded in answer to a command."""

    event: str = Field(description="The type of the event that is the answer.", examples=["booking.confirmed"])
    event_id: UUID
    index: int = Field(description="The entry's place in the clinic's ledger.")
    recorded_at: Instant
    repeated: bool = Field(description="Whether this command had been answered before.")
    data: dict[str, Any]
    findings: list[Said] = []


class ProblemError(Exception):
    """Ends a request with a problem document. Raised only after commits, so that it rolls nothing back."""

    def __init__(self, problem: Problem, headers: dict[str, str] | None = None) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers or {}


class NotYetKnownError(RecordUnreadableError):
    """The service has not projected as many entries as whoever asks knows of."""


def problem(status: int, kind: str, title: str, *findings: Finding, **more: Any) -> ProblemError:
    """A problem with its findings said in plain words."""
    said = [say(finding) for finding in findings]
    detail = " ".join(finding.reason for finding in said if finding.verdict is not Verdict.MET) or title
    return ProblemError(Problem(type=f"urn:asepsis:problem:{kind}", title=title, status=status, detail=detail, findings=said, **more))


def unmet(rule: str, **parameters: int | str) -> Finding:
    """A finding of the door itself."""
    return Finding(rule=rule, verdict=Verdict.UNMET, parameters=parameters)


def database_of(request: Request) -> Database:
    """The process's database."""
    database: Database = request.app.state.database
    return database


class Asking:
    """A caller with a role that may do this, in a clinic that is theirs."""

    def __init__(self, request: Request, response: Response, clinic: UUID, actor: Actor, shown: Shown, min_size: int | None) -> None:
        self.database = database_of(request)
        self.clinic = clinic
        self.actor = actor
        self.roles: frozenset[Role] = request.state.roles
        self._shown = shown
        self._request = request
        self._response = response
        self._min_size = min_size

    async def decide(
        self,
        service: str,
        command: Callable[[Transaction, Any], Awaitable[Answer[Any]]],
        request: BaseModel,
        *,
        command_id: str | None = None,
        by: Actor | None = None,
        beside: Callable[[Transaction], Awaitable[None]] | None = None,
    ) -> Reply:
        """Give one command; a refusal becomes a 409 with every finding, a repeat answers 200.

        Who may is asked again behind the clinic's lock: a revocation that came first in the ledger holds.
        `by`: who really acts, where the caller handed their tablet to a client. `beside` asks whether a second one is there.
        """
        identity = command_id or self._idempotency_key()
        reach("door.admitted")
        async with transaction(self.database, self.clinic, service, by or self.actor, identity) as tx:
            caller = _admitted(await caller_of(tx.rows, self._shown, self.clinic), self.clinic)
            if self.actor.role not in caller.roles:
                raise _forbidden(command.__name__)
            if beside is not None:
                await beside(tx)
            answer = await tx.once(command, request)
        reach("door.decided")
        return self.reply(answer)

    @property
    def holder(self) -> bytes:
        """The same for all that is asked with the same token."""
        return hash_of(self._shown.token)

    @property
    def shown(self) -> Shown:
        """What they show still: nothing when a browser's session has come to its end, though the token has not."""
        if self._shown.session is None or signed_in(self._request, self.database.secret, self.clinic) is not None:
            return self._shown
        return Shown("")

    @property
    def is_outdated(self) -> bool:
        """Whether the cookie that this was asked with says no more that somebody is there: the browser may have a newer one."""
        return self._shown.session is not None and session_of(self._request, self.database.secret, self.clinic) is None

    def reply(self, answer: Answer[Any]) -> Reply:
        """A granted answer as a reply; raises `ProblemError` for a refusal."""
        entry, event = answer.entry, answer.event
        self._response.headers["Ledger-Size"] = str(entry.size)
        unseen = self.actor.role in UNSEEN_BY
        hidden = set(event.masked) if unseen else set()
        findings = () if "findings" in hidden else getattr(event, "findings", ())
        if unseen:
            findings = for_front_desk(findings)
        if event.refusal:
            refused = problem(409, "refused", "Refused", *findings, event=event.type, event_id=entry.event_id, index=entry.index)
            refused.problem.next_slots = list(getattr(event, "next_slots", ()))
            refused.headers["Ledger-Size"] = str(entry.size)
            raise refused
        if answer.repeated:
            self._response.status_code = 200
        return Reply(
            event=event.type,
            event_id=entry.event_id,
            index=entry.index,
            recorded_at=entry.recorded_at,
            repeated=answer.repeated,
            data=event.model_dump(mode="json", exclude=hidden | {"findings"}),
            findings=[say(finding) for finding in findings],
        )

    @asynccontextmanager
    async def reading(self, service: str, min_size: int | None = None) -> AsyncIterator[View]:
        """A look at what the service knows, as fresh as `min_size` asks. The reply says how fresh it was."""
        least = max(min_size or 0, self._min_size or 0)
        deadline = asyncio.get_running_loop().time() + FRESH_WITHIN_SECONDS
        while True:
            async with reading(self.database, self.clinic, service) as view:
                if view.size >= least:
                    self._response.headers["Ledger-Size"] = str(view.size)
                    yield view
                    return
            if asyncio.get_running_loop().time() > deadline:
                message = f"{service} stands at {view.size}, not yet at {least}"
                raise NotYetKnownError(message)
            await asyncio.sleep(0.02)

    def _idempotency_key(self) -> str:
        key = self._request.headers.get("idempotency-key", "")
        if not COMMAND_ID.match(key):
            raise problem(
                422, "input", "Input not understood", unmet("command_must_have_an_id").model_copy(update={"field": "Idempotency-Key"})
            )
        return key


async def still_admitted(asks: Sequence[Asking]) -> list[bool]:
    """Whether those who look on for long in a clinic may still do so. All of them are asked about at once.

    A look may show more for another role than the one that allowed it, so that it ends with any of them.
    """
    if not asks:
        return []
    callers = await authenticate_all(asks[0].database, [ask.shown for ask in asks], asks[0].clinic)
    return [caller is not None and ask.roles <= caller.roles for ask, caller in zip(asks, callers, strict=True)]


def _admitted(caller: Caller | None, clinic: UUID) -> Caller:
    """Somebody with a good token, for whom this clinic is there."""
    if caller is None:
        unknown = problem(401, "unauthenticated", "Not signed in", unmet("caller_must_be_known"))
        unknown.headers["WWW-Authenticate"] = "Bearer"
        raise unknown
    if not caller.roles:
        raise UnknownClinicError(clinic)
    return caller


def _forbidden(command: str) -> ProblemError:
    found = problem(403, "forbidden", "Not allowed", unmet("role_must_allow", command=command))
    if command in COMMANDS:
        found.problem.detail += f" These roles may: {in_words(COMMANDS[command])}."
    return found


def _shown(request: Request, session: Session | None, authorization: str) -> Shown:
    """What somebody has to show: a bearer token, or else a browser's session. Only the browser's can be used by a foreign page."""
    if authorization:
        scheme, _, token = authorization.partition(" ")
        return Shown(token.strip() if scheme.lower() == "bearer" else "")
    if session is None:
        return Shown("")
    if not is_from_our_own_pages(request):
        raise problem(403, "forbidden", "Not allowed", unmet("request_must_come_from_our_own_pages"))
    return Shown(session.token, session.digest)


def _device_of(request: Request, caller: Caller) -> str | None:
    """Where somebody acts: the shared tablet that they signed in on by PIN, or what their program says of itself."""
    if caller.tablet_id is not None:
        return f"{TABLET}{caller.tablet_id}"
    told = request.headers.get("asepsis-device", "")
    return told if DEVICE.match(told) and not told.startswith(TABLET) else None


async def _asking(command: str, clinic: UUID, request: Request, response: Response, authorization: str, min_size: int | None) -> Asking:
    session = None if authorization else session_of(request, database_of(request).secret, clinic)
    shown = _shown(request, session, authorization)
    caller = _admitted(await authenticate(database_of(request), shown, clinic), clinic)
    role = may_any(caller.roles, command)
    if role is None:
        raise _forbidden(command)
    request.state.roles = caller.roles  # what else a page may lead to
    request.state.on_tablet = session is not None and session.on_tablet
    if request.state.on_tablet and is_by_hand(request):
        keep_awake(request, database_of(request).secret, clinic)
    actor = Actor(identity_id=caller.identity_id, role=role, device=_device_of(request, caller))
    return Asking(request, response, clinic, actor, shown, min_size)


def may(command: str) -> Any:
    """A dependency: the caller, if their role in this clinic may give this command (`schemas/access.py`)."""

    async def asking(
        clinic: UUID,
        request: Request,
        response: Response,
        authorization: Annotated[str, Header(description="`Bearer` and a token from `asepsis token create`.")] = "",
        min_size: Annotated[int | None, Query(ge=0, description="Wait up to 1 s until the reply knows this many entries.")] = None,
    ) -> Asking:
        return await _asking(command, clinic, request, response, authorization, min_size)

    asking.command = command  # type: ignore[attr-defined]
    return Depends(asking)
