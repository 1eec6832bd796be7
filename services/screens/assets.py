"""Static files under addresses that name their content, so that a browser may keep them for ever."""

import gzip
import hashlib
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

FOLDER = Path(__file__).parent / "static"
KINDS = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
}

routes = APIRouter(include_in_schema=False)


@cache
def files() -> dict[str, Path]:
    """Everything that is served, by its path. Nothing else can be asked for."""
    return {path.relative_to(FOLDER).as_posix(): path for path in sorted(FOLDER.rglob("*")) if path.suffix in KINDS}


@cache
def version() -> str:
    """One name for the whole folder: modules import each other under it, and a page gets all of one deploy or none."""
    summed = hashlib.sha256()
    for name, path in files().items():
        summed.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"v-{summed.hexdigest()[:16]}"


def address(name: str) -> str:
    """Where a file is served. Raises KeyError for one that is not there: a template's typing error."""
    if name not in files():
        raise KeyError(name)
    return f"/static/{version()}/{name}"


@cache
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 9, mtime=0)


@routes.get("/static/{version}/{name:path}")
async def static(version: str, name: str, request: Request) -> Response:
    """A file; whatever version a page of an older deploy asks for, it gets the one that is here."""
    path = files().get(name)
    if path is None:
        raise HTTPException(404, "There is no such file.")
    known = version == globals()["version"]()
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if known else "no-cache",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Content-Security-Policy": "default-src 'none'",
        "Vary": "Accept-Encoding",
    }
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(path.read_bytes(), media_type=KINDS[path.suffix], headers=headers)
    return Response(_packed(path), media_type=KINDS[path.suffix], headers=headers | {"Content-Encoding": "gzip"})
