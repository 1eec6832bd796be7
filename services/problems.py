"""What goes wrong at the HTTP door, as RFC 9457 problem documents. A 500 is a bug; an outage is a 503."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from events.database import is_passing
from events.transaction import IdReusedError, RecordUnreadableError, UnknownClinicError
from schemas.sentences import Said
from schemas.vocabulary import Verdict
from services.door import Problem, ProblemError, problem, unmet
from services.screens.frame import wants_page
from services.screens.refusals import problem_page

log = logging.getLogger(__name__)

MAX_REQUEST_BYTES = 1024 * 1024

_TOO_LARGE = Problem(
    type="urn:asepsis:problem:too_large", title="Request too large", status=413, detail=f"At most {MAX_REQUEST_BYTES} bytes."
)

Handler = Callable[[Request, Any], Awaitable[Response]]


def _respond(found: Problem, headers: dict[str, str] | None = None, *, asked: Request | None = None) -> Response:
    """A person sees a page with the same findings."""
    if asked is not None and wants_page(asked):
        return problem_page(asked, found, headers or {})
    return JSONResponse(found.model_dump(mode="json", exclude_none=True), found.status, headers, "application/problem+json")


async def _on_problem(request: Request, error: ProblemError) -> Response:
    return _respond(error.problem, error.headers, asked=request)


def _field(location: tuple[int | str, ...]) -> str:
    """Where in the request, without names that the sender made up."""
    return ".".join(str(part) for part in location)[:80] or "body"


def plain(message: str) -> str:
    """What pydantic says, without its word for who raised it."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


_WITHOUT_VALUES = {
    "json_invalid": "This is not JSON.",
    "uuid_parsing": "This is not a UUID.",
    "union_tag_invalid": "This is none of the kinds that are known here.",
}
"""What pydantic says of these repeats what was sent."""


async def _on_input(request: Request, error: RequestValidationError) -> Response:
    """All findings, by field, without a value of the request in them."""
    findings: list[Said] = []
    for wrong in error.errors():
        location = (*wrong["loc"][:-1], "unknown field") if wrong["type"] == "extra_forbidden" else wrong["loc"]
        field = _field(location).replace(" ", "_")
        reason = _WITHOUT_VALUES.get(wrong["type"], plain(wrong["msg"]))
        findings.append(Said.model_construct(rule=wrong["type"], code="", verdict=Verdict.UNMET, reason=reason, field=field))
    detail = " ".join(f"{finding.field}: {finding.reason}" for finding in findings)
    found = Problem(type="urn:asepsis:problem:input", title="Input not understood", status=422, detail=detail, findings=findings)
    return _respond(found, asked=request)


async def _on_reused(request: Request, _error: IdReusedError) -> Response:
    return _respond(problem(409, "id_reused", "Id used before", unmet("command_id_must_be_new")).problem, asked=request)


async def _on_unknown_clinic(request: Request, _error: UnknownClinicError) -> Response:
    found = Problem(type="urn:asepsis:problem:not_found", title="Not found", status=404, detail="There is no such clinic for you.")
    return _respond(found, asked=request)


def _outage(asked: Request) -> Response:
    found = problem(503, "unavailable", "Record not readable", unmet("record_must_be_readable")).problem
    return _respond(found, {"Retry-After": "1"}, asked=asked)


async def _on_outage(request: Request, error: Exception) -> Response:
    log.warning("answered 503: %s", type(error).__name__)
    return _outage(request)


async def _on_database(request: Request, error: Exception) -> Response:
    if is_passing(error):
        return await _on_outage(request, error)
    log.error("answered 500", exc_info=error)
    return await _on_bug(request, error)


async def _on_http(request: Request, error: HTTPException) -> Response:
    """What the framework itself refuses: unknown paths, wrong methods, bodies that cannot be read at all."""
    if error.status_code == HTTPStatus.BAD_REQUEST:
        unreadable = {"type": "json_invalid", "loc": ("body",), "msg": ""}
        return await _on_input(request, RequestValidationError([unreadable]))
    if error.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _respond(_TOO_LARGE, asked=request)
    found = Problem(type="urn:asepsis:problem:http", title=str(error.detail), status=error.status_code, detail=str(error.detail))
    return _respond(found, dict(error.headers or {}), asked=request)


async def _on_bug(request: Request, _error: Exception) -> Response:
    found = Problem(
        type="urn:asepsis:problem:bug", title="Internal error", status=500, detail="This is a bug of ours. Nothing was recorded."
    )
    return _respond(found, asked=request)


class SmallRequests:
    """Refuses bodies over 1 MiB: before they are read where their length is told, else when it is reached."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        length = next((value for name, value in scope.get("headers", ()) if name == b"content-length"), b"0")
        if scope["type"] == "http" and (not length.isdigit() or int(length) > MAX_REQUEST_BYTES):
            await _respond(_TOO_LARGE)(scope, receive, send)
            return
        read = 0

        async def receive_little() -> Any:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_REQUEST_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)  # anything else is taken for a body that cannot be read
            return message

        await self._app(scope, receive_little, send)


def handle_problems(app: FastAPI) -> None:
    """Every way to fail answers with a problem document."""
    handlers: dict[type[Exception], Any] = {
        ProblemError: _on_problem,
        RequestValidationError: _on_input,
        IdReusedError: _on_reused,
        UnknownClinicError: _on_unknown_clinic,
        RecordUnreadableError: _on_outage,
        PoolTimeoutError: _on_outage,
        OSError: _on_outage,
        TimeoutError: _on_outage,
        DBAPIError: _on_database,
        # What the driver says itself, where nobody put SQLAlchemy's words around it.
        asyncpg.PostgresError: _on_database,
        asyncpg.InterfaceError: _on_database,
        asyncpg.InternalClientError: _on_database,
        HTTPException: _on_http,
        Exception: _on_bug,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)
    app.add_middleware(SmallRequests)
