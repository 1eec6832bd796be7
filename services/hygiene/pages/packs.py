"""A pack that was scanned: whether it may be used, and that it is unfit where it was to be used."""

from typing import Annotated, Any, get_args
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.hygiene import PackRejection, Said
from schemas.policy import local_date
from services.door import Asking, Problem, may, problem, unmet
from services.hygiene import commands, queries
from services.hygiene.pages.deciding import decided
from services.hygiene.pages.words import pack_look
from services.screens.forms import Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import held
from services.screens.words import day, plain

routes = APIRouter(prefix="/clinics/{clinic}/hygiene/packs", include_in_schema=False)

REASONS: tuple[str, ...] = get_args(PackRejection.model_fields["reason"].annotation)
DONE = {"rejected": "This pack is held. Take another one."}


async def _show(request: Request, ask: Asking, pack_id: UUID, refused: Problem | None = None) -> Response:
    async with ask.reading("hygiene", refused.index if refused else None) as view:
        found = await queries.packs_found(view, [pack_id])
        if not found:
            raise problem(404, "not_found", "Not found", unmet("subject_must_be_known", kind="pack"))
        cycle = await queries.cycle_sheet(view, found[0].cycle_id)
        called = await queries.subjects_called(view, [cycle.sterilizer_id]) if cycle else {}
        today, now = local_date(await queries.policy_now(view), view.now), view.now
    context: dict[str, Any] = {
        "pack": found[0],
        "look": pack_look(found[0], today),
        "cycle": cycle,
        "sterilizer": called.get(cycle.sterilizer_id) if cycle else None,
        "now": now,
        "reasons": [(code, plain(code)) for code in REASONS],
        "acts": held(request, "reject_pack"),
        "words": {"day": day, "plain": plain},
        "done": DONE.get(asked_of(request).one("done") or ""),
        "refused": refused,
    }
    return page(request, "hygiene/pack.html", clinic=ask.clinic, actor=ask.actor, status=refused.status if refused else 200, **context)


@routes.get("/{pack_id}")
async def pack(pack_id: UUID, ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """From which load it is, and whether it may be used."""
    return await _show(request, ask, pack_id)


@routes.post("/{pack_id}/reject")
async def reject(pack_id: UUID, ask: Annotated[Asking, may("reject_pack")], request: Request, sent: Sent) -> Response:
    """Hold it; where its indicator did not change, the rest of its load too."""
    said = Said[PackRejection](subject_id=pack_id, report=understood(PackRejection, sent.given("reason", "occurred_at")))
    refused = await decided(ask, sent, commands.reject_pack, said)
    if refused is not None:
        return await _show(request, ask, pack_id, refused)
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/packs/{pack_id}?done=rejected", 303, HEADERS)
