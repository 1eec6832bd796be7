"""A cartridge is thrown away unused: dropped, contaminated, opened for nothing. Wherever somebody came from, they go back there."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from schemas.hygiene import Said, Waste
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.hygiene import commands, queries
from services.screens.forms import Sent, command_of, understood
from services.screens.frame import HEADERS, page
from services.screens.words import plain

routes = APIRouter(prefix="/clinics/{clinic}/hygiene/units", include_in_schema=False)

REASONS = [(code, plain(code)) for code in ("dropped", "contaminated", "blunt", "opened_for_nothing")]


def _way_back(ask: Asking, treatment: UUID | None, booking: UUID | None, lot: object) -> str:
    here = f"/clinics/{ask.clinic}"
    if treatment is not None:
        return f"{here}/chair/treatments/{treatment}"
    return f"{here}/chair/{booking}" if booking is not None else f"{here}/hygiene/lots/{lot}"


async def _show(
    request: Request, ask: Asking, unit_id: UUID, treatment: UUID | None, booking: UUID | None, refused: Problem | None = None
) -> Response:
    async with ask.reading("hygiene", refused.index if refused else None) as view:
        unit = await queries.unit_sheet(view, unit_id)
        lot = await queries.lot_sheet(view, unit.lot_id) if unit else None
        now = view.now
    if unit is None or lot is None:
        raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="unit"))
    back = _way_back(ask, treatment, booking, lot.lot_id)
    context: dict[str, Any] = {"unit": unit, "lot": lot, "now": now, "reasons": REASONS, "back": back, "refused": refused}
    status = refused.status if refused else 200
    return page(request, "hygiene/waste.html", clinic=ask.clinic, actor=ask.actor, status=status, **context)


Back = Annotated[UUID | None, Query()]


@routes.get("/{unit_id}/waste")
async def waste_page(
    unit_id: UUID, ask: Annotated[Asking, may("waste_cartridge")], request: Request, treatment: Back = None, booking: Back = None
) -> Response:
    """Which cartridge, and why."""
    return await _show(request, ask, unit_id, treatment, booking)


@routes.post("/{unit_id}/waste")
async def waste(
    unit_id: UUID,
    ask: Annotated[Asking, may("waste_cartridge")],
    request: Request,
    sent: Sent,
    treatment: Back = None,
    booking: Back = None,
) -> Response:
    """It is recorded once, however often it is sent."""
    command_id = command_of(sent)
    report = understood(Waste, sent.given("reason", "occurred_at"))
    try:
        reply = await ask.decide("hygiene", commands.waste_cartridge, Said[Waste](subject_id=unit_id, report=report), command_id=command_id)
    except ProblemError as refused:
        if refused.problem.event is None:
            raise
        return await _show(request, ask, unit_id, treatment, booking, refused.problem)
    back = _way_back(ask, treatment, booking, reply.data["lot_id"])
    # The page there may belong to another service: it waits until it knows of this.
    return RedirectResponse(f"{back}?done=wasted&min_size={reply.index + 1}", 303, HEADERS)
