"""A sterilizer: anybody near it may take it out of service, one person answers for its return."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.hygiene import Removal, Return, Said
from services.door import Asking, Problem, may, problem, unmet
from services.hygiene import commands, queries
from services.hygiene.pages.deciding import decided
from services.hygiene.pages.words import look_of
from services.screens.forms import Fields, Sent, asked_of, understood, wrong
from services.screens.frame import HEADERS, page
from services.screens.names import held
from services.screens.words import Wall, plain

routes = APIRouter(prefix="/clinics/{clinic}/hygiene/sterilizers", include_in_schema=False)

REASONS = ("defect", "repair", "relocation", "redesign")
DONE = {
    "removed": "It is out of service. Unused packs of loads that ended after that are held.",
    "returned": "It is in service again.",
}


async def _show(request: Request, ask: Asking, sterilizer_id: UUID, refused: Problem | None = None) -> Response:
    async with ask.reading("hygiene", refused.index if refused else None) as view:
        policy, now = await queries.policy_now(view), view.now
        machine = next((one for one in await queries.sterilizers(view, policy) if one.sterilizer_id == sterilizer_id), None)
    if machine is None:
        raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="sterilizer"))
    wall = Wall(ZoneInfo(policy.clinic.timezone), {})
    context: dict[str, Any] = {
        "machine": machine,
        "look": look_of(machine),
        "wanted": queries.cycles_asked_to_return(policy, machine),
        "since": f"{now.astimezone(wall.zone):%Y-%m-%dT%H:%M}",
        "now": now,
        "reasons": [(code, plain(code)) for code in REASONS],
        "acts": held(request, "remove_sterilizer", "return_sterilizer"),
        "words": wall,
        "plain": plain,
        "done": DONE.get(asked_of(request).one("done") or ""),
        "refused": refused,
    }
    status = refused.status if refused else 200
    return page(request, "hygiene/sterilizer.html", clinic=ask.clinic, actor=ask.actor, status=status, **context)


@routes.get("/{sterilizer_id}")
async def sterilizer(sterilizer_id: UUID, ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """Whether it is in service, and what speaks against it. Under a former id nobody would stop what runs now."""
    async with ask.reading("hygiene") as view:
        now = await queries.machine_now(view, sterilizer_id)
    if now not in {None, sterilizer_id}:
        return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/sterilizers/{now}", 303, HEADERS)
    return await _show(request, ask, sterilizer_id)


async def _local(ask: Asking, sent: Fields, name: str) -> datetime:
    """A time as it was typed, on the clinic's wall."""
    async with ask.reading("hygiene") as view:
        zone = ZoneInfo((await queries.policy_now(view)).clinic.timezone)
    try:
        typed = datetime.fromisoformat(sent.one(name) or "")
    except ValueError:
        raise wrong(name, "Say when, as a date and a time.") from None
    return typed if typed.tzinfo else typed.replace(tzinfo=zone)


@routes.post("/{sterilizer_id}/remove")
async def remove(sterilizer_id: UUID, ask: Annotated[Asking, may("remove_sterilizer")], request: Request, sent: Sent) -> Response:
    """Out of service since it was seen to be bad: what came out of it since then is held."""
    report = understood(Removal, sent.given("reason") | {"occurred_at": await _local(ask, sent, "since")})
    refused = await decided(ask, sent, commands.remove_sterilizer, Said[Removal](subject_id=sterilizer_id, report=report))
    return await _after(request, ask, sterilizer_id, refused, "removed")


@routes.post("/{sterilizer_id}/return")
async def bring_back(sterilizer_id: UUID, ask: Annotated[Asking, may("return_sterilizer")], request: Request, sent: Sent) -> Response:
    """Back into service, if its cycles since then say so."""
    report = understood(Return, sent.given("occurred_at"))
    refused = await decided(ask, sent, commands.return_sterilizer, Said[Return](subject_id=sterilizer_id, report=report))
    return await _after(request, ask, sterilizer_id, refused, "returned")


async def _after(request: Request, ask: Asking, sterilizer_id: UUID, refused: Problem | None, done: str) -> Response:
    if refused is not None:
        return await _show(request, ask, sterilizer_id, refused)
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/sterilizers/{sterilizer_id}?done={done}", 303, HEADERS)
