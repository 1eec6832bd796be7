"""Check the chain: every hash of every epoch computed anew, against a head that somebody kept outside if they have one."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from schemas.sentences import say
from services.compliance.pages.looking import address
from services.compliance.queries import NoHeadOfItsEpochError, ledger_head, verify_ledger
from services.door import Asking, may
from services.screens.forms import asked_of
from services.screens.frame import page

routes = APIRouter(prefix="/clinics/{clinic}/record", include_in_schema=False)

KEPT = re.compile(r"^[0-9]{1,10}[:,][0-9]{1,15}[:,][0-9a-f]{64}$")
"""As `schemas.compliance.KeptCheckpoint`."""


@routes.get("/chain")
async def chain(ask: Annotated[Asking, may("verify_ledger")], request: Request) -> Response:
    """The head to keep; with `check`, the verdict."""
    asked = asked_of(request)
    kept = (asked.one("kept") or "").lower() or None
    refused: list[dict[str, Any]] = []
    if kept is not None and not KEPT.match(kept):
        refused = [
            {"reason": "A kept head is epoch, size and chain, as this page says it: 1:250:… with 64 signs at the end.", "field": "kept"}
        ]
    verdict = None
    if asked.one("check") == "yes" and not refused:
        try:
            verdict = await verify_ledger(ask.database, ask.clinic, kept)
        except NoHeadOfItsEpochError as early:
            refused = [{"reason": say(early.finding).reason, "field": "kept"}]
    async with ask.reading("compliance") as view:
        head = await ledger_head(view)
    return page(
        request,
        "compliance/chain.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=422 if refused else 200,
        head=verdict.head if verdict else head,
        verdict=verdict,
        kept=kept or "",
        refused=refused,
        to=lambda path="", **more: address(ask.clinic, path, **more),
    )
