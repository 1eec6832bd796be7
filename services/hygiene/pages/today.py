"""Hygiene today: sterilizers, loads that wait for their release, rooms and handpieces that are due, lots and recalls."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.hygiene import HygieneDay, Release, Said
from services.door import Asking, Problem, may
from services.hygiene import commands, queries
from services.hygiene.pages.deciding import decided
from services.hygiene.pages.words import DUE, INDICATORS, READY, look_of, moment, unchanged
from services.screens.forms import Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import held
from services.screens.words import Wall, day, plain, thing

routes = APIRouter(prefix="/clinics/{clinic}/hygiene", include_in_schema=False)

DONE = {"released": "Released: the packs of this load may be used.", "labeled": "The labels are made. Print them now."}
"""What a page says after something was done; its address names the word only."""

ACTS = ("record_cycle", "release_load", "label_units")


async def _show(request: Request, ask: Asking, *, least: int | None = None, refused: Problem | None = None) -> Response:
    async with ask.reading("hygiene", least) as view:
        found: HygieneDay = await queries.hygiene_day(view)
        now = view.now
        wall = Wall(ZoneInfo((await queries.policy_now(view)).clinic.timezone), {})

    def when(at: datetime | None) -> str:
        return moment(at, wall, found.on)

    machines = {machine.sterilizer_id: machine for machine in found.sterilizers}
    context: dict[str, Any] = {
        "found": found,
        "now": now,
        "machines": machines,
        "open_recalls": [recall for recall in found.recalls if recall.decision != "released"],
        "words": {"day": day, "when": when, "plain": plain, "thing": thing, "look": look_of, "unchanged": unchanged},
        "looks": {"ready": READY, "due": DUE, "indicators": INDICATORS},
        "acts": held(request, *ACTS),
        "done": DONE.get(asked_of(request).one("done") or ""),
        "refused": refused,
    }
    status = refused.status if refused else 200
    return page(request, "hygiene/today.html", clinic=ask.clinic, actor=ask.actor, status=status, **context)


@routes.get("/today")
async def today(ask: Annotated[Asking, may("view_hygiene")], request: Request) -> Response:
    """What the person responsible for hygiene looks at in the morning, and between two loads."""
    return await _show(request, ask)


@routes.post("/cycles/{cycle_id}/release")
async def release(cycle_id: UUID, ask: Annotated[Asking, may("release_load")], request: Request, sent: Sent) -> Response:
    """Ask that the packs of a load may be used."""
    said = Said[Release](subject_id=cycle_id, report=understood(Release, sent.given("occurred_at")))
    refused = await decided(ask, sent, commands.release_load, said)
    if refused is not None:
        return await _show(request, ask, least=refused.index, refused=refused)
    return RedirectResponse(f"/clinics/{ask.clinic}/hygiene/today?done=released", 303, HEADERS)
