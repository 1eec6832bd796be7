"""Pages of labels to print: the packs of a load, the cartridges of a lot, and what stands in the clinic for years."""

from typing import Annotated
from uuid import UUID

import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from schemas.hygiene import LabelOrder, Said
from services.door import Asking, Problem, ProblemError, may, problem, unmet
from services.hygiene import commands, queries
from services.screens.forms import Sent, asked_of, command_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import held, rooms_of

routes = APIRouter(prefix="/clinics/{clinic}/hygiene", include_in_schema=False)

ON_A_PAGE = 60


@routes.get("/cycles/{cycle_id}/labels")
async def pack_labels(cycle_id: UUID, ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """The labels for the packs of a load."""
    async with ask.reading("hygiene") as view:
        cycle = await queries.cycle_sheet(view, cycle_id)
        found = await queries.pack_labels(view, cycle_id)
    if cycle is None:
        raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="cycle"))
    labels = [(label.text, Markup(label.code_svg)) for label in found]  # noqa: S704 - drawn by ourselves from an id
    return page(
        request,
        "hygiene/labels.html",
        clinic=ask.clinic,
        actor=ask.actor,
        title=f"Labels of cycle {cycle.cycle_number}",
        labels=labels,
        order=None,
        more=None,
        refused=None,
    )


@routes.get("/labels")
async def thing_labels(ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """The labels of sterilizers, handpieces and rooms: a scan of one names it, on the tablet and at the chair."""
    rooms = await rooms_of(request, ask)
    async with ask.reading("hygiene") as view:
        found = await queries.thing_labels(view, rooms)
    return page(
        request,
        "hygiene/labels.html",
        clinic=ask.clinic,
        actor=ask.actor,
        title="Labels of sterilizers, handpieces and rooms",
        labels=[(label.text, Markup(label.code_svg)) for label in found],  # noqa: S704 - drawn by ourselves from an id
        order=None,
        more=None,
        refused=None,
    )


async def _lot_page(lot_id: UUID, ask: Asking, request: Request, *, least: int | None = None, refused: Problem | None = None) -> Response:
    after = asked_of(request).one("after")
    try:
        behind = UUID(after) if after else None
    except ValueError:
        behind = None
    async with ask.reading("hygiene", least) as view:
        lot = await queries.lot_sheet(view, lot_id)
        found = await queries.unit_labels(view, lot_id, behind, ON_A_PAGE)
        now = view.now
    if lot is None or found is None:
        raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="lot"))
    left = lot.received - lot.labeled if held(request, "label_units")["label_units"] and lot.quarantined is None else 0
    return page(
        request,
        "hygiene/labels.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=refused.status if refused else 200,
        title=f"Labels of lot {lot.lot}",
        labels=[(label.text, Markup(label.code_svg)) for label in found.labels],  # noqa: S704 - drawn by ourselves from an id
        order={"left": left, "now": now.isoformat()} if left > 0 else None,
        more=found.next_after,
        refused=refused,
    )


@routes.get("/scanner")
async def scanner(ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """How a scanner that types must be set, and a code that shows whether it is."""
    code = Markup(segno.make("ASEPSIS\x1dTEST", error="q", micro=False).svg_inline(border=4, omitsize=True))  # noqa: S704 - drawn by ourselves
    return page(request, "hygiene/scanner.html", clinic=ask.clinic, actor=ask.actor, code=code)


@routes.get("/lots/{lot_id}/labels")
async def lot_labels(lot_id: UUID, ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """The labels of a lot whose cartridges have no serials of their own, and a form for more of them."""
    return await _lot_page(lot_id, ask, request)


@routes.post("/lots/{lot_id}/labels")
async def order_labels(lot_id: UUID, ask: Annotated[Asking, may("label_units")], request: Request, sent: Sent) -> Response:
    """Make unit ids; the page that follows shows them."""
    order = understood(LabelOrder, sent.given("units", "occurred_at"))
    said = Said[LabelOrder](subject_id=lot_id, report=order)
    try:
        reply = await ask.decide("hygiene", commands.label_units, said, command_id=command_of(sent))
    except ProblemError as refused:
        async with ask.reading("hygiene", refused.problem.index) as view:
            if refused.problem.event is None or await queries.lot_sheet(view, lot_id) is None:
                raise
        return await _lot_page(lot_id, ask, request, least=refused.problem.index, refused=refused.problem)
    async with ask.reading("hygiene", reply.index + 1):
        pass
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/lots/{lot_id}/labels", 303, HEADERS)
