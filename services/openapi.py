"""The OpenAPI document: what the framework finds in the routes, and what holds for all of them, said once."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from schemas.access import COMMANDS, in_words
from services.door import Problem

PROBLEM = "application/problem+json"
REFUSED_BY_FRAMEWORK = ("HTTPValidationError", "ValidationError")
"""Shapes of the framework's own 422, which nobody gets here."""

_ACCESS = {
    "401": "No token, or one that is unknown, expired or revoked.",
    "403": "This role may not do that.",
    "404": "Not in this clinic, or no clinic of yours.",
}
_INPUT = {"422": "Not understood: every finding names its field."}
_BODY = {"413": "More than this door reads."}
_LINK = {"404": "No link of ours.", "410": "Its time has passed."}
_DECISION = {"409": "Refused, with **all** findings, and recorded; or the id was used with other content."}
_OUTAGE = {"503": "The record cannot be read or written now. Nothing was decided: send the same again."}

SECURITY = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "From `asepsis token create` or `POST /clinics/{clinic}/tokens`. Good for the roles of its identity in its clinic.",
    }
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Your id of this command: the same key with the same content gives the same answer, with other content 409."
    " Needed unless the path of a `PUT` ends with an id of yours.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$"},
    "example": "8f0c2f7e-3a51-4c0e-9b55-0f8f5a8f5d10",
}
DEVICE = {
    "name": "Asepsis-Device",
    "in": "header",
    "required": False,
    "description": "The tablet or machine this comes from; recorded with who did it.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:+/-]{1,80}$"},
}


class DescribedAPI(FastAPI):
    """An application whose document also says what every route can answer, and how to sign in."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = _complete(super().openapi())
            paths = self.openapi_schema["paths"]
            for route in routes_of(self):
                command = command_of(route) if route.include_in_schema else None
                for method in route.methods or () if command is not None else ():
                    _say_for_whom(paths[route.path_format][method.lower()], str(command))
        return self.openapi_schema


def routes_of(found: Any) -> Iterator[APIRoute]:
    """Every route of an application: FastAPI keeps included routers as they are."""
    for route in found.routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes_of(route.original_router)


def command_of(route: APIRoute) -> str | None:
    """The word in `schemas/access.py` by which a route is guarded (`services.door.may`)."""
    commands = (getattr(found.call, "command", None) for found in route.dependant.dependencies)
    return next((command for command in commands if command is not None), None)


def _say_for_whom(operation: dict[str, Any], command: str) -> None:
    roles = in_words(COMMANDS.get(command, ()))
    operation["description"] += f"\n\nFor: {roles}."
    operation["x-roles"] = sorted(COMMANDS.get(command, ()))
    operation["responses"]["403"] = operation["responses"]["403"] | {"description": f"This role may not do that; only {roles} may."}


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every (method, path, operation)."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _complete(document: dict[str, Any]) -> dict[str, Any]:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    for name in REFUSED_BY_FRAMEWORK:
        schemas.pop(name, None)
    document["components"]["securitySchemes"] = SECURITY
    for method, path, operation in operations(document):
        operation["operationId"] = f"{operation['tags'][0].replace('-', '_')}_{_name(operation, path, method)}"
        operation.setdefault("description", operation["summary"] + ".")
        _describe(method, path, operation)
    return document


def _name(operation: dict[str, Any], path: str, method: str) -> str:
    """The function's own name, without what the framework appends to make it unique."""
    appended = "".join(letter if letter.isalnum() else "_" for letter in path) + f"_{method}"
    return str(operation["operationId"]).removesuffix(appended)


def _describe(method: str, path: str, operation: dict[str, Any]) -> None:
    responses, parameters = operation["responses"], operation.get("parameters", [])
    mine = [found for found in parameters if found["name"] != "authorization"]
    asked = bool(parameters) or "requestBody" in operation
    said = _OUTAGE | (_INPUT if asked else {})
    if path.startswith("/clinics/{clinic}"):
        said |= _ACCESS
        operation["security"] = [{"token": []}]
        mine.append(DEVICE)
    elif asked:
        said |= _LINK if path.startswith("/check-ins/") else {"404": _ACCESS["404"]}
    if "requestBody" in operation:
        said |= _BODY
    if method in {"put", "delete"} or (method == "post" and _decides(responses)):
        said |= _DECISION
        if "201" in responses:
            responses["200"] = responses["201"] | {"description": "Answered before: the same answer again."}
        if operation.get("security"):
            mine.append(IDEMPOTENCY_KEY)
    if mine:
        operation["parameters"] = mine
    content = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, description in sorted(said.items()):
        if status not in responses or status == "422":
            responses[status] = {"description": description, "content": content}


def _decides(responses: dict[str, Any]) -> bool:
    """Whether something is recorded in answer: queries that need a body are asked by POST, too, and answer 200 with a shape of theirs."""
    reply = responses.get("200", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return "201" in responses or str(reply.get("$ref", "")).endswith("/Reply")
