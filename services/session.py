"""A session in a browser: the access token, sealed into a cookie that no script reads; and what makes a browser a shared tablet.

It opens nothing by itself: whoever asks with it is looked up by that very token, at each request and again behind the clinic's
lock, as with a bearer token (`services/door.py`). A token that is revoked or has expired ends its sessions at once. What is
stolen from a browser is no bearer token, and is good for a day's work only, or until somebody signs out there.
"""

import base64
import hashlib
import hmac
import json
import secrets
from functools import cache
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SECONDS = 12 * 3600
"""How long somebody stays signed in: the longest day at a desk. A technical bound, as for any key that lies about."""

IDLE_SECONDS = 15 * 60
"""How long somebody stays signed in on a shared tablet who does nothing: NIST SP 800-63B's limit where it is strictest (4.3.3)."""

RENEWED_SECONDS = 60
"""Doing something puts that off, but not more often than this."""

KEPT_SECONDS = 400 * 86_400
"""As long as browsers keep a cookie (RFC 6265bis). Each PIN renews it; how long a tablet stays one that nobody uses, compliance knows."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_STATE = "asepsis_session_renewed"


class Session(NamedTuple):
    """Somebody is signed in: by which token, which session of its, and whether on a shared tablet."""

    token: str
    name: str
    on_tablet: bool
    sealed: str

    @property
    def digest(self) -> bytes:
        """What is kept of a session that was ended."""
        return hashlib.sha256(self.name.encode()).digest()


class TabletKey(NamedTuple):
    """Which shared tablet a browser is, and its secret."""

    tablet_id: UUID
    secret: str


@cache
def _box(secret: bytes, use: bytes = b"asepsis: sessions of browsers") -> "Fernet":
    """Seals and opens under a key of its own, derived from the installation's secret."""
    from cryptography.fernet import Fernet  # takes long to import, and nobody needs it before the first page

    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret, use, hashlib.sha256)))


def _tablets(secret: bytes) -> "Fernet":
    return _box(secret, b"asepsis: shared tablets")


def seal(secret: bytes, clinic: UUID, token: str, *, name: str = "", on_tablet: bool = False) -> str:
    """The cookie's value. A session's name is sealed when it begins, so that it also tells its age."""
    told = [str(clinic), token, name or _box(secret).encrypt(secrets.token_bytes(16)).decode(), on_tablet]
    return _box(secret).encrypt(json.dumps(told).encode()).decode()


def unseal(secret: bytes, value: str, clinic: UUID) -> Session | None:
    """The session in this clinic; none if it is another clinic's, too old, or none of ours."""
    from cryptography.fernet import InvalidToken

    try:
        told, token, name, on_tablet = json.loads(_box(secret).decrypt(value, ttl=SECONDS))
    except (InvalidToken, ValueError):  # a value that is no ASCII is a ValueError
        return None
    return Session(str(token), str(name), bool(on_tablet), value) if told == str(clinic) else None


def _is_younger(secret: bytes, sealed: str, seconds: int) -> bool:
    from cryptography.fernet import InvalidToken

    try:
        _box(secret).decrypt(sealed, ttl=seconds)
    except InvalidToken:
        return False
    return True


def _by_tls(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request, of: str = "asepsis") -> str:
    """With TLS a name that only this host may set, for all of its paths."""
    return f"__Host-{of}" if _by_tls(request) else of


def begin(request: Request, response: Response, secret: bytes, clinic: UUID, token: str, *, on_tablet: bool = False) -> None:
    """Sign in in this browser."""
    _keep(request, response, seal(secret, clinic, token, on_tablet=on_tablet), SECONDS)


def _keep(request: Request, response: Response, value: str, seconds: int, of: str = "asepsis") -> None:
    response.set_cookie(_name(request, of), value, max_age=seconds, secure=_by_tls(request), httponly=True, samesite="strict")


def end(request: Request, response: Response) -> None:
    """Sign out in this browser."""
    response.delete_cookie(_name(request), secure=_by_tls(request), httponly=True, samesite="strict")


def session_of(request: Request, secret: bytes, clinic: UUID) -> Session | None:
    """The browser's session in this clinic, if there is one. Who did nothing for long on a shared tablet is signed out there."""
    found = signed_in(request, secret, clinic)
    if found is None or not found.on_tablet or _is_younger(secret, found.sealed, IDLE_SECONDS):
        return found
    return None


def signed_in(request: Request, secret: bytes, clinic: UUID) -> Session | None:
    """The same however long nothing was done: for what watches, and for signing out."""
    value = request.cookies.get(_name(request), "")
    return unseal(secret, value, clinic) if value else None


def keep_awake(request: Request, secret: bytes, clinic: UUID) -> None:
    """Somebody did something on a shared tablet: they stay, but not beyond the day."""
    found = session_of(request, secret, clinic)
    if found is None or not found.on_tablet or _is_younger(secret, found.sealed, RENEWED_SECONDS):
        return
    if not _is_younger(secret, found.name, SECONDS):
        return
    renewed = Response()
    _keep(request, renewed, seal(secret, clinic, found.token, name=found.name, on_tablet=True), SECONDS)
    request.scope["state"][_STATE] = renewed.headers["set-cookie"]


def is_by_hand(request: Request) -> bool:
    """Whether somebody opened a page or sent a form. What pages do by themselves, outboxes and live boards, keeps nobody awake."""
    told = "text/event-stream" if "text/event-stream" in request.headers.get("accept", "") else "navigate"
    return request.headers.get("sec-fetch-mode", told) == "navigate"


def _more(scope: Scope, start: Message) -> list[tuple[bytes, bytes]]:
    """A browser keeps an answer to a cookie as well as any other, unless the answer says something else."""
    renewed = scope["state"].get(_STATE)
    more = [] if renewed is None else [(b"set-cookie", renewed.encode("latin-1"))]
    is_said = any(name.lower() == b"cache-control" for name, _ in start.get("headers", ()))
    return more if is_said or not scope.get("path", "").startswith("/clinics/") else [*more, (b"cache-control", b"no-store")]


class Renewing:
    """Sends the renewed cookie with the answer, whatever kind of answer it is; and lets nobody keep what is said about a clinic."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_more(scope, message)]
            await send(message)

        await self._app(scope, receive, sending)


def enroll(request: Request, response: Response, secret: bytes, clinic: UUID, key: TabletKey) -> None:
    """This browser is a shared tablet of the clinic from now on."""
    value = _tablets(secret).encrypt(json.dumps([str(clinic), str(key.tablet_id), key.secret]).encode()).decode()
    _keep(request, response, value, KEPT_SECONDS, "asepsis-tablet")


def tablet_of(request: Request, secret: bytes, clinic: UUID) -> TabletKey | None:
    """Which of the clinic's tablets this browser says to be. Whether it still is one stands in the clinic's record."""
    from cryptography.fernet import InvalidToken

    try:
        told, tablet_id, key = json.loads(_tablets(secret).decrypt(request.cookies.get(_name(request, "asepsis-tablet"), "")))
    except (InvalidToken, ValueError):
        return None
    return TabletKey(UUID(tablet_id), str(key)) if told == str(clinic) else None


def is_from_our_own_pages(request: Request) -> bool:
    """Whether a browser sent this from a page of ours, or because somebody typed the address: cookies prove nothing of the sort.

    Every current browser says so itself (`Sec-Fetch-Site`), wherever cookies may travel at all: by TLS, and on this machine.
    """
    if request.method in SAFE:
        return True
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    return request.headers.get("origin") == f"{request.url.scheme}://{request.headers.get('host', '')}"
