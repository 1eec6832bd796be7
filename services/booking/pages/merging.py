"""Two records that were one person: which of them stays. Nobody can take it back, so it is asked on a page of its own."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import RedirectResponse, Response

from schemas.booking import ClientMerge
from schemas.sentences import Said
from services.booking import commands, queries
from services.booking.pages.slots import was_refused
from services.door import Asking, ProblemError, may, problem, unmet
from services.screens.forms import Fields, Sent, as_findings, command_of, understood, wrong
from services.screens.frame import HEADERS, page
from services.screens.words import day

routes = APIRouter(prefix="/clinics/{clinic}/board/clients", include_in_schema=False)


async def _show(
    request: Request, ask: Asking, client_id: UUID, sent: Fields | None = None, status: int = 200, findings: Sequence[Said] = ()
) -> Response:
    async with ask.reading("booking") as view:
        client = await queries.client_of(view, client_id)
        if client is None:
            raise problem(404, "unknown", "Not found", unmet("record_must_exist"))
        born = client.date_of_birth
        alike = (await queries.clients_born_on(view, born)).clients if born and client.into_client_id is None else ()
    others = [other for other in alike if other.client_id != client_id and other.into_client_id is None]
    return page(
        request,
        "booking/merge.html",
        clinic=ask.clinic,
        actor=ask.actor,
        status=status,
        client=client,
        # Who has the very same name first: the others may have been misheard.
        others=sorted(others, key=lambda other: other.client_id not in client.possible_duplicates),
        day=day,
        findings=findings,
        chosen=(sent.one("other") if sent else None) or "",
        stays=(sent.one("stays") if sent else None) or "this",
    )


@routes.get("/{client_id}/merge")
async def merge_page(client_id: UUID, ask: Annotated[Asking, may("merge_client")], request: Request) -> Response:
    """Everybody who was born on the same day: a name may have been written in two ways."""
    return await _show(request, ask, client_id)


def _wanted(client_id: UUID, sent: Fields) -> ClientMerge:
    other, stays = sent.one("other"), sent.one("stays")
    if other is None:
        raise wrong("other", "Say which record is the same person.")
    if stays not in {"this", "other"}:
        raise wrong("stays", "Say which record stays.")
    if sent.one("compared") != "yes":
        raise wrong("compared", "Compare both records with the person, then say so.")
    gives_up, into = (other, client_id) if stays == "this" else (client_id, other)
    return understood(ClientMerge, {"client_id": gives_up, "into_client_id": into})


@routes.post("/{client_id}/merge")
async def merge(client_id: UUID, ask: Annotated[Asking, may("merge_client")], request: Request, sent: Sent) -> Response:
    """From now on both count as one."""
    command_id = command_of(sent)
    try:
        body = _wanted(client_id, sent)
        reply = await ask.decide("booking", commands.merge_clients, body, command_id=command_id)
    except RequestValidationError as unreadable:
        return await _show(request, ask, client_id, sent, 422, as_findings(unreadable))
    except ProblemError as refused:
        if not was_refused(refused):
            raise
        return await _show(request, ask, client_id, sent, refused.problem.status, refused.problem.findings)
    async with ask.reading("booking", reply.index + 1):
        pass
    return RedirectResponse(f"/clinics/{ask.clinic}/board/book?client_id={body.into_client_id}&done=merged", 303, HEADERS)
