"""The client withdraws: a named act of its own, with what it means said before it is recorded."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from schemas.consent import Withdrawal, WithdrawalNote
from services.consent import queries
from services.consent.commands import withdraw_consent
from services.consent.pages.client import gone_back, wall_of
from services.door import Asking, may, problem, unmet
from services.screens.forms import Sent, asked_of, understood
from services.screens.frame import HEADERS, page
from services.screens.names import clients_of, held
from services.screens.words import areas_of, millimeters, thing

routes = APIRouter(prefix="/clinics/{clinic}/consent/{client_id}/withdrawal", include_in_schema=False)

CHANNELS = {"in_person": "In person", "phone": "By phone", "email": "By email", "letter": "By letter"}


async def _show(request: Request, ask: Asking, client_id: UUID, wrong: str = "") -> Response:
    """Whoever may look at consents chooses which; the front desk, which may not, withdraws what stands."""
    sees = held(request, "view_consent")["view_consent"]
    async with ask.reading("consent") as view:
        wall = await wall_of(view)
        found = [record for record in await queries.consents_of_client(view, client_id) if record.withdrawn_at is None] if sees else []
    named = await clients_of(request, ask, {client_id})
    return page(
        request,
        "consent/withdrawal.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=422 if wrong else 200,
        client_id=client_id,
        who=named.get(client_id) or thing("Client", client_id),
        sees=sees,
        consents=[
            (one.consent_id, f"{areas_of(one.areas)}, up to {millimeters(one.max_depth_um)}, signed {wall.day(one.signed_at)}")
            for one in found
        ],
        channels=CHANNELS,
        recorded=asked_of(request).one("done") == "withdrawn",
        wrong=wrong,
    )


@routes.get("")
async def confirm(client_id: UUID, ask: Annotated[Asking, may("withdraw_consent")], request: Request) -> Response:
    """What it means, before it is done."""
    return await _show(request, ask, client_id)


@routes.post("")
async def withdraw(client_id: UUID, ask: Annotated[Asking, may("withdraw_consent")], request: Request, sent: Sent) -> Response:
    """Saying it twice changes nothing."""
    if sent.one("said") != "yes":
        return await _show(request, ask, client_id, "Tick that the client said so. Without that nothing is recorded.")
    async with ask.reading("consent") as view:
        standing = {one.consent_id for one in await queries.consents_of_client(view, client_id) if one.withdrawn_at is None}
    wanted = sent.one("consent_id") or "all"
    chosen = [identity for identity in sorted(standing) if wanted in {"all", str(identity)}]
    if wanted != "all" and not chosen and held(request, "view_consent")["view_consent"]:
        raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
    note = understood(WithdrawalNote, sent.given("channel"))
    index = -1
    for consent_id in chosen:
        body = Withdrawal(consent_id=consent_id, note=note)
        reply = await ask.decide("consent", withdraw_consent, body, command_id=f"withdrawal.{consent_id}")
        index = max(index, reply.index)
    if held(request, "view_consent")["view_consent"]:
        return await gone_back(ask, client_id, index, "withdrawn")
    return RedirectResponse(f"/clinics/{ask.clinic}/consent/{client_id}/withdrawal?done=withdrawn", 303, HEADERS)
