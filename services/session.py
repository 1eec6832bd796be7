"""A session in a browser: the access token, sealed into a cookie that no script reads.

It opens nothing by itself: whoever asks with it is looked up by that very token, at each request and again behind the clinic's
lock, as with a bearer token (`services/door.py`). A token that is revoked or has expired ends its sessions at once. What is
stolen from a browser is no bearer token, and is good for a day's work only.
"""

import base64
import hashlib
import hmac
import json
from functools import cache
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SECONDS = 12 * 3600
"""How long somebody stays signed in: the longest day at a desk. A technical bound, as for any key that lies about."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@cache
def _box(secret: bytes) -> "Fernet":
    """Seals and opens under a key of its own, derived from the installation's secret."""
    from cryptography.fernet import Fernet  # takes long to import, and nobody needs it before the first page

    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret, b"asepsis: sessions of browsers", hashlib.sha256)))


def seal(secret: bytes, clinic: UUID, token: str) -> str:
    """The cookie's value."""
    return _box(secret).encrypt(json.dumps([str(clinic), token]).encode()).decode()


def unseal(secret: bytes, value: str, clinic: UUID) -> str:
    """The token of a session in this clinic; empty if there is none, it is another clinic's, too old, or none of ours."""
    from cryptography.fernet import InvalidToken

    try:
        told, token = json.loads(_box(secret).decrypt(value, ttl=SECONDS))
    except (InvalidToken, ValueError):  # a value that is no ASCII is a ValueError
        return ""
    return str(token) if told == str(clinic) else ""


def _by_tls(request: Request) -> bool:
    return request.url.scheme == "https"


def _name(request: Request) -> str:
    """With TLS a name that only this host may set, for all of its paths."""
    return "__Host-asepsis" if _by_tls(request) else "asepsis"


def begin(request: Request, response: Response, secret: bytes, clinic: UUID, token: str) -> None:
    """Sign in in this browser."""
    response.set_cookie(
        _name(request), seal(secret, clinic, token), max_age=SECONDS, secure=_by_tls(request), httponly=True, samesite="strict"
    )


def end(request: Request, response: Response) -> None:
    """Sign out in this browser."""
    response.delete_cookie(_name(request), secure=_by_tls(request), httponly=True, samesite="strict")


def token_of(request: Request, secret: bytes, clinic: UUID) -> str:
    """The token of the browser's session in this clinic, or an empty one."""
    value = request.cookies.get(_name(request), "")
    return unseal(secret, value, clinic) if value else ""


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
