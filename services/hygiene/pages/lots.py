"""Lots: found by a scan or in a list, the soonest to expire first; what is left of one, and its recall."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from events.transaction import View
from schemas.hygiene import LotQuarantine, Said
from schemas.policy import local_date
from services.door import Asking, Problem, may, problem, unmet
from services.hygiene import commands, queries
from services.hygiene.pages.deciding import decided
from services.hygiene.pages.words import lot_look, recall_look
from services.screens.forms import Sent, asked_of, understood, wrong
from services.screens.frame import HEADERS, page
from services.screens.names import held
from services.screens.words import day, plain

routes = APIRouter(prefix="/clinics/{clinic}/hygiene/lots", include_in_schema=False)

LONGEST_CODE = 300
ON_A_PAGE = 60

REASONS = ("manufacturer_recall", "damaged_in_transport", "packaging_defect", "contamination_suspected")
DONE = {"held": "Nothing of this lot may be used from now on.", "wasted": "The cartridge counts as wasted."}


async def _way_to(view: View, kind: queries.Kind, identity: UUID) -> str:
    if kind != "unit":
        return f"{kind}s/{identity}"
    unit = await queries.unit_sheet(view, identity)
    return f"lots/{unit.lot_id}?unit={identity}" if unit else "lots"


@routes.get("")
async def lots(ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """All with cartridges left; or what a code names: one thing is opened at once."""
    code = (asked_of(request).one("code") or "").replace("\0", "")[:LONGEST_CODE]
    typed = "".join(sign for sign in code if sign.isprintable())
    unreadable, found = None, []
    async with ask.reading("hygiene") as view:
        today = local_date(await queries.policy_now(view), view.now)
        try:
            found = await queries.named_by(view, code) if code else []
        except commands.LabelUnreadableError as label:
            unreadable = label.reason
        way = await _way_to(view, *found[0]) if len(found) == 1 else None
        named = [await queries.lot_sheet(view, identity) for kind, identity in found if kind == "lot"]
        listed = [lot for lot in named if lot is not None] or await queries.stock(view, typed)
    if way is not None:
        return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/{way}", 303, HEADERS)
    context: dict[str, Any] = {
        "code": typed,
        "unreadable": unreadable,
        "several": len(found) > 1,
        "lots": [(lot, lot_look(lot, today)) for lot in listed],
        "today": today,
        "day": day,
    }
    return page(request, "hygiene/lots.html", clinic=ask.clinic, actor=ask.actor, **context)


async def _show(request: Request, ask: Asking, lot_id: UUID, refused: Problem | None = None) -> Response:
    after, unit_id = (_id_in(asked_of(request).one(name)) for name in ("after", "unit"))
    async with ask.reading("hygiene", refused.index if refused else None) as view:
        lot = await queries.lot_sheet(view, lot_id)
        if lot is None:
            raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="lot"))
        matches = await queries.lot_matches(view, lot.gtin, lot.lot)
        recalls = await queries.recalls(view, about=[delivery.lot_id for delivery in matches.exact])
        cartridges, more = await queries.cartridges_of(view, lot_id, after, ON_A_PAGE)
        unit = await queries.unit_sheet(view, unit_id) if unit_id else None
        today, now = local_date(await queries.policy_now(view), view.now), view.now
    context: dict[str, Any] = {
        "lot": lot,
        "look": lot_look(lot, today),
        "days_left": (lot.expires_on - today).days,
        "others": [delivery for delivery in matches.exact if delivery.lot_id != lot_id],
        "near": matches.near,
        "recalls": [(recall, recall_look(recall)) for recall in recalls],
        "cartridges": cartridges,
        "more": more,
        "unit": unit if unit and unit.lot_id == lot_id else None,
        "now": now,
        "reasons": [(code, plain(code)) for code in REASONS],
        "acts": held(request, "quarantine_lot", "label_units", "waste_cartridge"),
        "words": {"day": day, "plain": plain},
        "done": DONE.get(asked_of(request).one("done") or ""),
        "refused": refused,
    }
    return page(request, "hygiene/lot.html", clinic=ask.clinic, actor=ask.actor, status=refused.status if refused else 200, **context)


def _id_in(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@routes.get("/{lot_id}")
async def lot(lot_id: UUID, ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """What is left of a delivery, its cartridges, and what followed."""
    return await _show(request, ask, lot_id)


@routes.post("/{lot_id}/quarantine")
async def quarantine(lot_id: UUID, ask: Annotated[Asking, may("quarantine_lot")], request: Request, sent: Sent) -> Response:
    """Hold every delivery of the lot, and list whom it was used on."""
    if sent.one("compared") is None:
        raise wrong("compared", "Compare product number and lot with the notice, and say that you did.")
    said = Said[LotQuarantine](subject_id=lot_id, report=understood(LotQuarantine, sent.given("reason", "occurred_at")))
    refused = await decided(ask, sent, commands.quarantine_lot, said)
    if refused is not None:
        return await _show(request, ask, lot_id, refused)
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/lots/{lot_id}?done=held", 303, HEADERS)
