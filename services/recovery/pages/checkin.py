"""The client's check-in on their own phone: one question a page, plain forms, no name. Looking changes nothing: mail scanners look too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID, uuid4, uuid5

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from starlette.responses import RedirectResponse, Response

from events.transaction import UnknownClinicError, reading, transaction
from schemas.recovery import CheckInAnswer
from schemas.vocabulary import Actor, Role
from services.door import database_of
from services.recovery import queries
from services.recovery.commands import answer_checkin
from services.recovery.pages.words import plain
from services.screens.drafts import Drafts
from services.screens.forms import Fields, Sent, asked_of
from services.screens.frame import HEADERS, page
from services.screens.languages import Catalogue, Tongue, accepted, direction, language

routes = APIRouter(prefix="/check-ins/{token}", include_in_schema=False)

DRAFTS = Drafts("check-in")
Token = Annotated[str, InPath(max_length=200)]
GONE, NOT_OURS, WRONG = 410, 404, 422
CHECK, WHOLE, SENT = "check", "all", "sent"

WORDS = Catalogue(Path(__file__).parents[1] / "templates" / "words")
"""What a client reads around the symptoms."""


@dataclass(frozen=True, slots=True)
class Link:
    """A genuine link that is open."""

    token: str
    clinic_id: UUID
    checkin_id: UUID
    asked: queries.Asked

    picked: str
    """The language that the client chose, empty for that of their phone. It stays in the address: looking changes nothing."""

    @property
    def address(self) -> str:
        return f"/check-ins/{self.token}"

    def to(self, step: str | int | None = None) -> str:
        """The address of a page of it."""
        asked = {"q": step, "lang": self.picked or None}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"{self.address}?{query}" if query else self.address

    def step(self, wanted: str | None) -> int | None:
        """Which of the questions, from one."""
        number = int(wanted) if wanted is not None and wanted.isdecimal() and len(wanted) < 3 else 0  # noqa: PLR2004 - two digits
        return number if 1 <= number <= len(self.asked.groups) else None

    def known(self, ticked: Any) -> list[str]:
        """Those of the ticks that are asked here, the worst first."""
        given = set(ticked if isinstance(ticked, list | tuple) else ())
        return [code for _, codes in self.asked.groups for code in codes if code in given]


async def _link(token: str, request: Request) -> Link | int:
    """The link, or the status that says why there is none."""
    database = database_of(request)
    target = queries.link_target(database.secret, token)
    if target is None:
        return NOT_OURS
    try:
        async with reading(database, target.clinic_id, "recovery") as view:
            asked = await queries.asked_on_phone(view, target.checkin_id)
            now = view.now
    except UnknownClinicError:
        return NOT_OURS
    if asked is None:
        return NOT_OURS
    return Link(token, target.clinic_id, target.checkin_id, asked, _picked(request)) if now < asked.open_until else GONE


def _picked(request: Request) -> str:
    wanted = asked_of(request).one("lang") or ""
    return wanted if wanted in WORDS.tongues else ""


def _tongue(request: Request) -> Tongue:
    """What the client chose, else what their phone is set to."""
    return WORDS.best(_picked(request), *accepted(request.headers.get("accept-language", "")))


def _show(request: Request, link: Link, name: str, *, status: int = 200, **said: Any) -> Response:
    """A page of the check-in: nobody is signed in, no clinic, no navigation."""
    known: dict[str, Any] = {"tongue": _tongue(request), "here": link.address, "to": link.to, "plain": plain, "phone": link.asked.phone}
    return page(request, f"recovery/checkin_{name}.html", clinic=None, status=status, **known, **said)


def _closed(request: Request, status: int) -> Response:
    return page(request, "recovery/checkin_closed.html", clinic=None, status=status, gone=status == GONE, tongue=_tongue(request))


def _question(request: Request, link: Link, step: int, ticked: list[str], wrong: str | None = None) -> Response:
    """`wrong` names the sentence that says what is the matter."""
    tier, codes = link.asked.groups[step - 1]
    of = len(link.asked.groups)
    said = {"step": step, "of": of, "tier": tier, "codes": codes, "ticked": ticked, "wrong": wrong and _tongue(request)(wrong)}
    return _show(request, link, "question", status=WRONG if wrong else 200, **said)


def _whole(request: Request, link: Link, ticked: list[str], wrong: str | None = None) -> Response:
    said = {"groups": link.asked.groups, "ticked": ticked, "wrong": wrong and _tongue(request)(wrong)}
    return _show(request, link, "whole", status=WRONG if wrong else 200, **said)


@routes.get("")
async def check_in(token: Token, request: Request) -> Response:
    """Where the link in the message leads."""
    link = await _link(token, request)
    if isinstance(link, int):
        return _closed(request, link)
    wanted = asked_of(request).one("q")
    draft = DRAFTS.read(request, database_of(request).secret)
    ticked = link.known((draft or {}).get("ticked"))
    if wanted == SENT and (tier := (draft or {}).get("tier") or link.asked.answered) is not None:
        return _show(request, link, "sent", tier=tier)
    if wanted == WHOLE or (draft is None and wanted in {CHECK, *map(str, range(2, len(link.asked.groups) + 1))}):
        return _whole(request, link, ticked)  # this browser keeps nothing between pages, or kept it too long
    if wanted == CHECK:
        return _show(request, link, "check", ticked=ticked, last=len(link.asked.groups))
    step = link.step(wanted)
    if step is not None:
        return _question(request, link, step, ticked)
    offered = [(code, language(code), direction(code)) for code in WORDS.tongues]
    return _show(request, link, "welcome", answered=link.asked.answered is not None, of=len(link.asked.groups), offered=offered)


@routes.post("")
async def answer(token: Token, request: Request, sent: Sent) -> Response:
    """One page's ticks. What cannot wait is sent with the page that says it; everything else after the last one."""
    link = await _link(token, request)
    if isinstance(link, int):
        return _closed(request, link)
    wanted, ticked = sent.one("q") or "", link.known(sent.all("symptoms"))
    if wanted == CHECK:
        return await _answer(request, link, ticked)
    wrong = _contradiction(sent, ticked)
    if wanted == WHOLE:
        return _whole(request, link, ticked, wrong) if wrong else await _answer(request, link, ticked)
    step = link.step(wanted)
    if step is None:
        return RedirectResponse(link.to(), 303, HEADERS)
    return _question(request, link, step, ticked, wrong) if wrong else await _go_on(request, link, step, ticked)


async def _go_on(request: Request, link: Link, step: int, ticked: list[str]) -> Response:
    """To the next question; or, with an alarming answer, straight to what to do."""
    tier, codes = link.asked.groups[step - 1]
    secret = database_of(request).secret
    kept = (DRAFTS.read(request, secret) or {}).get("ticked")
    earlier = link.known(kept)
    said = link.known([*(code for code in earlier if code not in codes), *(code for code in ticked if code in codes)])
    if ticked and queries.is_alarming(tier):
        return await _answer(request, link, said)
    if kept is None and step > 1:
        # What was ticked before is not known any more: nothing less than that may be sent.
        return _whole(request, link, ticked, "ask.not_kept")
    to = CHECK if step == len(link.asked.groups) else str(step + 1)
    response = RedirectResponse(link.to(to), 303, HEADERS)
    DRAFTS.keep(request, response, secret, link.address, {"ticked": said})
    return response


def _contradiction(sent: Fields, ticked: list[str]) -> str | None:
    if sent.one("none") is not None:
        return "ask.contradiction" if ticked else None
    return None if ticked else "ask.nothing_ticked"


async def _answer(request: Request, link: Link, ticked: list[str]) -> Response:
    """The same answer again is the same answer: the command compares, so a form needs no id."""
    client = Actor(identity_id=uuid5(link.checkin_id, "client link"), role=Role.CLIENT)
    database = database_of(request)
    async with transaction(database, link.clinic_id, "recovery", client, f"check-in.{uuid4()}") as tx:
        given = await tx.once(answer_checkin, CheckInAnswer(checkin_id=link.checkin_id, sheet=queries.sheet_of(ticked)))
    if given.event.refusal:
        return _closed(request, GONE)
    response = RedirectResponse(link.to(SENT), 303, HEADERS)
    DRAFTS.keep(request, response, database.secret, link.address, {"tier": given.event.tier})
    return response
