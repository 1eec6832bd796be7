"""What somebody has entered so far, sealed into a cookie of their own browser: no address and no page's source holds it.

So a form of many pages works without JavaScript, the back button too, and the server keeps nothing of an answer that was never sent.
"""

import base64
import hashlib
import hmac
import json
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SECONDS = 3600
"""How long a form may lie unfinished. A technical bound: each step begins it anew."""

MOST_BYTES = 3900
"""Browsers drop a longer cookie without a word."""


class TooLongError(ValueError):
    """More than a browser keeps."""


@cache
def _box(secret: bytes, kind: str) -> "Fernet":
    from cryptography.fernet import Fernet  # takes long to import, and nobody needs it before the first page

    return Fernet(base64.urlsafe_b64encode(hmac.digest(secret, f"asepsis: drafts, {kind}".encode(), hashlib.sha256)))


@dataclass(frozen=True, slots=True)
class Drafts:
    """The drafts of one kind of form; those of another kind do not open here."""

    kind: str

    def _name(self, request: Request) -> str:
        return f"__Secure-asepsis-{self.kind}" if request.url.scheme == "https" else f"asepsis-{self.kind}"

    def read(self, request: Request, secret: bytes) -> dict[str, Any] | None:
        """What was entered; None if nothing was, it lay too long, or it is none of ours."""
        from cryptography.fernet import InvalidToken

        try:
            opened = _box(secret, self.kind).decrypt(request.cookies.get(self._name(request), ""), ttl=SECONDS)
            found: dict[str, Any] = json.loads(zlib.decompress(opened))
        except (InvalidToken, ValueError, zlib.error):  # a value that is no ASCII is a ValueError
            return None
        return found

    def keep(self, request: Request, response: Response, secret: bytes, path: str, entered: dict[str, Any]) -> None:
        """Keep this for the pages below a path. Raises `TooLongError`."""
        packed = zlib.compress(json.dumps(entered, separators=(",", ":")).encode(), 9)
        sealed = _box(secret, self.kind).encrypt(packed).decode()
        if len(sealed) > MOST_BYTES:
            message = f"a draft of {len(sealed)} bytes"
            raise TooLongError(message)
        secure = request.url.scheme == "https"
        response.set_cookie(self._name(request), sealed, max_age=SECONDS, path=path, secure=secure, httponly=True, samesite="strict")

    def forget(self, request: Request, response: Response, path: str) -> None:
        """It was sent, or given up."""
        secure = request.url.scheme == "https"
        response.delete_cookie(self._name(request), path=path, secure=secure, httponly=True, samesite="strict")


SIGNING = Drafts("signing")
"""The pass of a tablet in a client's hand. It ends wherever a session begins or ends in the same browser."""


def signing_path(clinic: UUID) -> str:
    """The pages that the pass is for."""
    return f"/clinics/{clinic}/signing"
